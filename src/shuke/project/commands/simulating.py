"""`shuke simulate ... --inside SHOP`: a simulated shop speaks to the collector of this process instead of to a server.

A batch goes to the collector as a request would: the same key, limits, checks and journal. What the journal can not
hold any more is committed here meanwhile, and the rest at the end, so that a large history needs no server.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shuke_simulator.inside import Door

COMMIT_EVERY = 64  # batches between two commits: some 30 MB of journal


def simulate_inside(words: Sequence[str]) -> int:
    """Run the simulator's command line with doors of this process; returns its exit code."""
    import django

    django.setup()
    from shuke.project.in_use import taking_part
    from shuke_simulator.__main__ import main

    with taking_part(), _committing() as commit:
        return main(words, doors=lambda slug: door_of(slug, commit))


class Commit:
    """Turns what lies in the journal into facts, in this process. A committer that runs beside may do it as well."""

    def __init__(self) -> None:
        self._batches = 0

    def after_batch(self) -> None:
        self._batches += 1
        if self._batches % COMMIT_EVERY == 0:
            self.all()

    def all(self) -> None:
        """Until nothing waits."""
        from django.conf import settings

        from shuke.intake.committer import Committer, CommitterOvertaken

        try:
            committer = Committer(settings.JOURNAL)
            while True:
                done = committer.run_once()
                if not (done.events or done.repeated or done.set_aside or done.waits):
                    return
        except CommitterOvertaken:
            return  # another committer is at it, and does the rest


@contextmanager
def _committing() -> Iterator[Commit]:
    commit = Commit()
    try:
        yield commit
    finally:
        commit.all()


def door_of(slug: str, commit: Commit) -> Door:
    """The collector as a function of a batch's body, with a write key of this shop. Raises NotFound."""
    from django_scopes import scope

    from shuke.intake.wsgi import collector
    from shuke.kernel import clock
    from shuke.project.commands.shops import command_line_actor
    from shuke.shops import actions, reads

    shop = reads.get_shop(slug)
    with scope(shop=shop.id):
        keys = [key for key in reads.list_write_keys(shop) if key.is_live]
        key = (
            keys[0]
            if keys
            else actions.create_write_key(
                shop=shop, name="simulation", actor=command_line_actor(), at=clock.now()
            )
        )
    token = base64.b64encode(f"{key.key}:".encode()).decode()

    def door(body: bytes) -> tuple[int, str]:
        answer = collector().answer("POST", "/v1/batch", {"authorization": f"Basic {token}"}, body)
        if answer.status == 503:
            commit.all()
        elif answer.status == 200:
            commit.after_batch()
        return answer.status, answer.body.decode(errors="replace")

    return door
