"""Who does a deed: a member, an API key, a write key, or the system itself. Given to every action, kept in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.utils.translation import pgettext_lazy

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


# What processes of the installation are called; they are stored under these names.
_SYSTEM = {
    "command line": pgettext_lazy("actor", "command line"),
    "demo": pgettext_lazy("actor", "demo"),
    "kept rules": pgettext_lazy("actor", "kept rules"),
    "alerts": pgettext_lazy("actor", "alerts"),
}


def name_in_words(name: str) -> str:
    """A stored actor's name as its reader calls it: a process of the installation in the reader's language."""
    return str(_SYSTEM.get(name, name))
