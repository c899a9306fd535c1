"""Does a `When` of the risk catalogue hold at an open service, and by which observations?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from agent.catalogs.risks import Management, When
from agent.judgement.world import Point, World, body, class_of
from agent.model.base import Us
from agent.model.bodies import Banner, HttpPage, TlsCertificate
from agent.model.observation import Observation
from agent.model.scope import parse_range

DAY: Us = 86_400_000_000
TEXT_LIMIT = 4096
"""Characters of a device's text that a pattern is tried on: what matters stands in front, and hostile text is long."""


def holds(when: When, point: Point, world: World, management: Management) -> tuple[str, ...]:
    """Observation ids by which *when* holds at *point*; empty where it does not."""
    if not _place(when, point, world):
        return ()
    used: list[str] = []
    for check in (_banner, _page, _certificate, _facts):
        found = check(when, point, world)
        if found is None:
            return ()
        used += found
    if when.management:
        told = _managed(point, management)
        if told is None:
            return ()
        used += told
    if when.login:
        page = body(point.page, HttpPage)
        if page is None or not _asks_who(page, management):
            return ()
    return tuple(dict.fromkeys(used or point.evidence))


def params_of(point: Point, world: World) -> dict[str, str | int]:
    """What the texts may quote of *point*; values of a device are cut, never interpreted."""
    params: dict[str, str | int] = {"ports": str(point.service.port)}
    page, certificate = body(point.page, HttpPage), body(point.certificate, TlsCertificate)
    if page is not None:
        params |= {"server": page.server[:80], "location": page.location[:120]}
    if certificate is not None:
        params |= {
            "certificate": (certificate.subject or certificate.issuer)[:120],
            "expires": day(certificate.not_after),
            "days": max(0, (certificate.not_after - world.now) // DAY),
            "key_bits": certificate.key_bits,
            "signature": certificate.signature[:60],
            "tls_version": certificate.tls_version[:20],
        }
    return params


def day(at: Us) -> str:
    """UTC date of *at*, as ISO 8601; the nearest representable one for a certificate that claims the year 20000."""
    seconds = min(max(at // 1_000_000, -62_135_596_800), 253_402_300_799)
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def host_of(location: str) -> str | None:
    """Host that a redirect leads to; None for a relative one or for text that is no URL."""
    try:
        return urlsplit(location[:TEXT_LIMIT]).hostname
    except ValueError:
        return None


def outside(location: str, point: Point, world: World) -> bool:
    """Does a redirect leave the client's networks and domains? An unqualified name is taken for one of the client's."""
    host = host_of(location)
    if not host:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        domains = world.material.client.get("client.domains", "").replace(",", " ").split()
        ours = any(host == d or host.endswith(f".{d}") for d in (d.lower() for d in domains))
        local = "." not in host or host.endswith((".local", ".lan", ".internal", ".home.arpa"))
        return not ours and not local
    site = world.sites.get(point.site)
    nets = [n for text in (site.networks if site else ()) for n in parse_range(text)]
    return not any(address in n for n in nets)


def _place(when: When, point: Point, world: World) -> bool:
    kind = class_of(point.asset)
    protocol = point.service.protocol
    return (
        (not when.ports or point.service.port in when.ports)
        and (not when.protocols or (protocol.value or "").lower() in when.protocols)
        and (not when.classes or kind in when.classes)
        and kind not in when.not_classes
        and not (set(when.without_ports) & world.ports[point.asset.id])
    )


def _banner(when: When, point: Point, world: World) -> list[str] | None:
    if when.banner is None and when.not_banner is None:
        return []
    seen = body(point.banner, Banner)
    if seen is None or (when.banner is not None and not _finds(when.banner, seen.text)):
        return None
    if when.not_banner is not None and _finds(when.not_banner, seen.text):
        return None
    return [_id(point.banner)]


def _page(when: When, point: Point, world: World) -> list[str] | None:
    asked = (when.title, when.server, when.realm, when.page_tls)
    if all(a is None for a in asked) and not when.login and not when.redirects_outside:
        return []
    page = body(point.page, HttpPage)
    if page is None or (when.page_tls is not None and page.tls is not when.page_tls):
        return None
    for pattern, text in (
        (when.title, page.title),
        (when.server, page.server),
        (when.realm, page.realm),
    ):
        if pattern is not None and not _finds(pattern, text):
            return None
    if when.redirects_outside and not outside(page.location, point, world):
        return None
    return [_id(point.page)]


def _certificate(when: When, point: Point, world: World) -> list[str] | None:
    texts = (when.certificate_subject, when.certificate_issuer, when.signature, when.tls_version)
    facts = (when.self_signed, when.key_type, when.key_bits_below, when.expires_within_days)
    if all(a is None for a in (*texts, *facts)) and not when.expired:
        return []
    c = body(point.certificate, TlsCertificate)
    if c is None:
        return None
    patterns = (
        (when.certificate_subject, c.subject),
        (when.certificate_issuer, c.issuer),
        (when.signature, c.signature),
        (when.tls_version, c.tls_version),
        (when.key_type, c.key_type),
    )
    if any(p is not None and not _finds(p, text) for p, text in patterns):
        return None
    left = c.not_after - world.now
    wrong = (
        (when.expired and left >= 0)
        or (when.self_signed is not None and c.self_signed is not when.self_signed)
        or (when.key_bits_below is not None and not 0 < c.key_bits < when.key_bits_below)
        or (
            when.expires_within_days is not None and not 0 <= left <= when.expires_within_days * DAY
        )
    )
    return None if wrong else [_id(point.certificate)]


def _facts(when: When, point: Point, world: World) -> list[str] | None:
    used: list[str] = []
    for kind, fields in when.facts.items():
        seen = point.told.get(kind)
        if seen is None or not all(_is(getattr(seen.body, f), v) for f, v in fields.items()):
            return None
        used.append(seen.id)
    return used


def _is(value: object, wanted: bool | int | str) -> bool:
    """A text is searched for, in each text of a list; None, which stands for unknown, is nothing."""
    if isinstance(wanted, str):
        texts: tuple[object, ...] = value if isinstance(value, tuple) else (value,)
        return any(isinstance(t, str) and _finds(wanted, t) for t in texts)
    return value is not None and value == wanted


def _managed(point: Point, management: Management) -> list[str] | None:
    """Evidence that this is a page by which something is administered: the class of the device, or the page's own words."""
    page = body(point.page, HttpPage)
    if page is not None and _finds(management.title, f"{page.title} {page.realm}"):
        return [_id(point.page)]
    known = point.asset.device_class
    if known.state == "known" and known.value in management.classes:
        return [*known.candidates[0][1][:1]]
    return None


def _asks_who(page: HttpPage, management: Management) -> bool:
    return page.status == 401 or bool(page.realm) or _finds(management.login, page.title)


def _id(observation: Observation | None) -> str:
    if observation is None:
        raise ValueError("evidence was used that is not there")
    return observation.id


def _finds(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text[:TEXT_LIMIT]) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
