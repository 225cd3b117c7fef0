"""The states of a job and of a delivery as tables: what may follow, and what each state allows."""

from __future__ import annotations

from typing import Final

from django.utils.translation import pgettext_lazy

WAITING: Final = "waiting"
RUNNING: Final = "running"
STOPPING: Final = "stopping"
STOPPED: Final = "stopped"
DONE: Final = "done"
FAILED: Final = "failed"

# What may follow a job's state.
MAY_FOLLOW: Final[dict[str, frozenset[str]]] = {
    WAITING: frozenset({RUNNING, STOPPED, FAILED}),
    RUNNING: frozenset({STOPPING, DONE, FAILED}),
    STOPPING: frozenset({STOPPED, DONE, FAILED}),
    STOPPED: frozenset({WAITING}),
    FAILED: frozenset({WAITING}),
    DONE: frozenset(),
}

# What a job's state allows: a chunk to run, a person to stop it, a person to resume it, the sweeper to kick it.
ALLOWS: Final[dict[str, frozenset[str]]] = {
    WAITING: frozenset({"run", "stop", "kick"}),
    RUNNING: frozenset({"run", "stop", "kick"}),
    STOPPING: frozenset({"run", "kick"}),  # a stopping job whose worker died still has to reach `stopped`
    STOPPED: frozenset({"resume"}),
    FAILED: frozenset({"resume"}),
    DONE: frozenset(),
}

TITLES: Final = {
    WAITING: pgettext_lazy("job", "waiting"),
    RUNNING: pgettext_lazy("job", "running"),
    STOPPING: pgettext_lazy("job", "stopping"),
    STOPPED: pgettext_lazy("job", "stopped"),
    DONE: pgettext_lazy("job", "done"),
    FAILED: pgettext_lazy("job", "failed"),
}

STATES: Final = tuple(MAY_FOLLOW)


def states_that(allow: str) -> tuple[str, ...]:
    """The states that allow a deed."""
    return tuple(state for state in STATES if allow in ALLOWS[state])


def states_before(state: str) -> tuple[str, ...]:
    """The states that `state` may follow."""
    return tuple(before for before in STATES if state in MAY_FOLLOW[before])


# A delivery of one event to one listener.
DELIVERY_WAITING: Final = "waiting"
DELIVERY_DONE: Final = "done"
DELIVERY_DEAD: Final = "dead"
DELIVERY_MAY_FOLLOW: Final[dict[str, frozenset[str]]] = {
    DELIVERY_WAITING: frozenset({DELIVERY_DONE, DELIVERY_DEAD}),
    DELIVERY_DEAD: frozenset({DELIVERY_WAITING}),
    DELIVERY_DONE: frozenset(),
}
