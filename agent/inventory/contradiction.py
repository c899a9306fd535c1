"""What says that two endpoints cannot be one device, and what says that they may be. Pure comparisons, codes instead of prose."""

from __future__ import annotations

from agent.inventory.endpoint import Endpoint, same_name
from agent.inventory.placeholder import is_placeholder


def _apart(a: set[str], b: set[str]) -> bool:
    return bool(a) and bool(b) and a.isdisjoint(b)


def _names_apart(a: set[str], b: set[str]) -> bool:
    return bool(a) and bool(b) and not any(same_name(x, y) for x in a for y in b)


def _keys_differ(a: Endpoint, b: Endpoint, prefix: str) -> bool:
    return any(
        k.startswith(prefix) and _apart(v, b.keyed.get(k, set())) for k, v in a.keyed.items()
    )


def one_at_a_time(a: Endpoint, b: Endpoint) -> bool:
    """Same physical card, never seen in one run: then keys and names may have changed in between (a reinstall, a renewal)."""
    return a.card is not None and a.card == b.card and not (a.runs.keys() & b.runs.keys())


def contradiction(a: Endpoint, b: Endpoint, over_time: bool | None = None) -> str | None:
    """Code of the reason why *a* and *b* cannot be one device, or None.

    *over_time* (default: `one_at_a_time`) accepts what a device legitimately changes between two runs, but not its metal, and not
    its name and its keys at once: then another machine uses the card (a dock, a USB adapter).
    """
    if a.router != b.router or (a.router and a.mac != b.mac):
        return "virtual_router"
    if a.router:
        return None
    for kind in ("serial", "chassis", "smbios"):
        if _apart(a.solid(kind), b.solid(kind)):
            return f"{kind}_differs"
    names = _names_apart(a.good_names(own=True), b.good_names(own=True))
    keys = (
        _keys_differ(a, b, "ssh/")
        or _apart(a.solid("sid"), b.solid("sid"))
        or _apart(a.solid("engine_id"), b.solid("engine_id"))
    )
    if one_at_a_time(a, b) if over_time is None else over_time:
        return "name_and_keys_differ" if names and (keys or _keys_differ(a, b, "tls/")) else None
    if a.ns == b.ns and a.ip is not None and a.ip == b.ip and a.runs.keys() & b.runs.keys():
        return "address_conflict"
    if names:
        return "name_differs"
    if keys:
        return "key_differs"
    if any(_apart(v, b.props.get(k, set())) for k, v in a.props.items()):
        return "model_differs"
    return None


def doubt(a: Endpoint, b: Endpoint) -> str | None:
    """Code of a difference that two addresses of one device may show, but clones show more often, or None."""
    if _keys_differ(a, b, "tls/"):
        return "certificate_differs"
    if _names_apart(a.good_names(), b.good_names()):
        return "dns_name_differs"
    if any(_apart(v, b.profile.get(k, set())) for k, v in a.profile.items()):
        return "service_differs"
    return None


def shared_name(a: Endpoint, b: Endpoint) -> str | None:
    """A name both go by that is no default, the longest form."""
    both = (max(x, y, key=len) for x in a.good_names() for y in b.good_names() if same_name(x, y))
    return min(both, default=None)


def same_profile(a: Endpoint, b: Endpoint, ports: int) -> bool:
    """The same services, at least *ports* of them, saying the same words."""
    return (
        len(a.ports) >= ports and a.ports == b.ports and bool(a.profile) and a.profile == b.profile
    )


def familiar(a: Endpoint, b: Endpoint) -> bool:
    """A second sign, beside the address, that the holder is still the same: an identifier, a name or what a service says."""
    shared = a.ids.keys() & b.ids.keys()
    if any(not is_placeholder(k, v) and not a.default_cert(v) for k, _, v in shared):
        return True
    if shared_name(a, b):
        return True
    return doubt(a, b) is None and any(
        not v.isdisjoint(b.profile.get(k, set())) for k, v in a.profile.items()
    )
