"""Who does a deed: a member, an API key, a write key, or the system itself. Given to every action, kept in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["member", "api_key", "system", "write_key"]


@dataclass(frozen=True)
class Actor:
    """`id` is the user's id for a member and the key's id for a key; `role` is the role in the shop concerned."""

    kind: ActorKind
    id: int | None
    name: str
    role: str | None = None

    @classmethod
    def system(cls, name: str) -> Actor:
        """A process of the installation: a command, a sealer, a set-up step. Not bound by the table of roles."""
        return cls("system", None, name)

    @property
    def is_system(self) -> bool:
        return self.kind == "system"
