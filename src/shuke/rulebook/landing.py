"""What an address and a referrer say of a landing: UTM values, the kind of click id, the referring host.

One place reads addresses, so that the tracker, the API and imported files agree on what is internal and what is a
campaign. The value of a click id is never kept: it names a person's click.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_MAX_ADDRESS = 4096


@dataclass(frozen=True)
class Landing:
    """Fields as in the warehouse's events; None: not stated. `referrer_host` is None when the shop itself refers."""

    host: str | None
    page_path: str | None
    referrer_host: str | None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None
    click_id: str | None = None

    def subject(self, channel_given: str | None = None) -> dict[str, str | None]:
        """The facts that the channel classification asks."""
        return {
            "channel_given": channel_given,
            "utm_source": self.utm_source,
            "utm_medium": self.utm_medium,
            "utm_campaign": self.utm_campaign,
            "click_id": self.click_id,
            "referrer_host": self.referrer_host,
        }


@lru_cache(maxsize=20_000)
def read_landing(address: str | None, referrer: str | None, click_ids: tuple[str, ...]) -> Landing:
    """Read a page's address and its referrer (absolute addresses; a broken one counts as not stated).

    `click_ids` are the parameter names of the rule `common.channels.click_ids`, in the order in which they win.
    """
    host, path, query = _split(address)
    referring, _path, _query = _split(referrer)
    given = dict(parse_qsl(query[:_MAX_ADDRESS], max_num_fields=None)) if query else {}
    lowered = {key.lower(): value for key, value in given.items()}
    return Landing(
        host=host,
        page_path=path,
        referrer_host=None if is_internal(referring, host) else referring,
        click_id=next((name for name in click_ids if lowered.get(name)), None),
        **{name: lowered[name].strip() or None for name in UTM if name in lowered},
    )


def is_internal(referring: str | None, host: str | None) -> bool:
    """Whether the shop's own page refers: the same host, with or without www. or m."""
    return referring is not None and host is not None and _bare(referring) == _bare(host)


def own_or_none(referrer_host: str | None, own_hosts: Sequence[str]) -> str | None:
    """The referring host, or None when it is one of the shop's own."""
    return None if any(is_internal(referrer_host, own) for own in own_hosts) else referrer_host


def _bare(host: str) -> str:
    for prefix in ("www.", "m."):
        host = host.removeprefix(prefix)
    return host


def _split(address: str | None) -> tuple[str | None, str | None, str]:
    if not address:
        return None, None, ""
    try:
        parts = urlsplit(address[:_MAX_ADDRESS].strip())
        host = parts.hostname
    except ValueError:
        return None, None, ""
    if host:
        return host.lower().rstrip("."), parts.path or "/", parts.query
    return None, parts.path or None, parts.query
