"""Services of the assets: one for each (site, address, TCP port) at the address's present holder.

A port that a later, finished and answered scan of that address asked and did not find open is `silent`, not closed: that question is weak.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache

from agent.inventory.attributes import DEVICE, REPORTED, Claim, nothing, settle
from agent.inventory.endpoint import Endpoint
from agent.inventory.history import History
from agent.model import bodies
from agent.model.bodies_services import NtlmChallenge, ServiceBody
from agent.model.bodies_told import ServiceTold
from agent.model.known import Known
from agent.model.ref import Ref
from agent.model.service import Service

_SSH = re.compile(r"^SSH-[\d.]+-([A-Za-z][A-Za-z0-9.]*?)[_-]v?(\d[\w.]*)")
_SSH_BARE = re.compile(r"^SSH-[\d.]+-([^\s\x00-\x1f]{1,40})")
_SLASH = re.compile(r"^([A-Za-z][\w.+ -]{0,40}?)/v?(\d[\w.-]*)")
_KNOWN = re.compile(
    r"\b(ProFTPD|vsFTPd|Pure-FTPd|FileZilla Server|Postfix|Exim|Dovecot|MariaDB|MikroTik|Redis|Sendmail)\b[ /v(]*(\d[\w.]*)?",
    re.IGNORECASE,
)
_MARIADB = re.compile(r"(?:5\.5\.5-)?(\d+\.\d+\.\d+)-(MariaDB)")
_LIMIT = 512


@lru_cache(maxsize=4096)
def product_of(text: str) -> tuple[str, str]:
    """(product, version) in the words of a banner or Server header; empty where it names none."""
    head = text[:_LIMIT].strip()
    if found := _SSH.match(head):
        return found.group(1), found.group(2)
    if found := _SSH_BARE.match(head):
        return found.group(1), ""
    if found := _MARIADB.search(head):
        return found.group(2), found.group(1)
    if found := _KNOWN.search(head):
        return found.group(1), found.group(2) or ""
    if found := _SLASH.match(head):
        return found.group(1), found.group(2)
    return "", ""


def services(e: Endpoint, asset: str, history: History) -> list[Service]:
    """The TCP services of endpoint *e*, by port."""
    if e.ip is None:
        return []
    told: dict[int, dict[str, list[Claim]]] = defaultdict(lambda: defaultdict(list))
    evidence: dict[int, set[str]] = defaultdict(set)
    runs: dict[int, dict[str, int]] = defaultdict(dict)
    certs: dict[int, tuple[int, str]] = {}
    for run, o in e.seen:
        b = o.body
        if not isinstance(
            b,
            bodies.TcpPort
            | bodies.Banner
            | bodies.HttpPage
            | bodies.TlsCertificate
            | bodies.SshHostKey
            | ServiceTold
            | ServiceBody
            | NtlmChallenge,
        ):
            continue
        if isinstance(b, ServiceTold) and b.transport != "tcp":
            continue
        port = b.port
        evidence[port].add(o.id)
        runs[port][run] = max(runs[port].get(run, 0), o.at)

        def say(what: str, value: str, standing: int = DEVICE) -> None:
            if value:
                told[port][what].append(Claim(value, standing, o.at, run, o.id))  # noqa: B023

        if isinstance(b, bodies.Banner):
            say("protocol", b.protocol)
            product, version = product_of(b.text)
            say("product", product)
            say("version", version)
        elif isinstance(b, bodies.HttpPage):
            say("protocol", "https" if b.tls else "http")
            product, version = product_of(b.server)
            say("product", product or b.server)
            say("version", version)
            say("title", b.title)
            say("auth", "http-challenge" if b.status == 401 else "")
        elif isinstance(b, bodies.TlsCertificate):
            certs[port] = max(certs.get(port, (0, "")), (o.at, b.spki_sha256.lower()))
        elif isinstance(b, bodies.SshHostKey):
            say("protocol", "ssh")
        elif isinstance(b, ServiceTold):
            # Another program's reading of the device's words: it fills gaps, our own sight stands above it.
            say("protocol", "https" if b.tls and b.name == "http" else b.name, REPORTED)
            say("product", b.product, REPORTED)
            say("version", b.version, REPORTED)
        elif isinstance(b, ServiceBody):
            # A banner names the dialect of SMB, and whether it is the first: that is the better name.
            say("protocol", "" if b.protocol_name == "smb" else b.protocol_name)
            say("auth", b.auth_text)
            product, version = product_of(b.product_name)
            say("product", product or b.product_name)
            say("version", b.version_text or version)
    out: list[Service] = []
    for port in sorted(evidence):
        known = {
            what: settle(told[port][what], single=False)[0] if what in told[port] else nothing()
            for what in ("protocol", "product", "version", "title", "auth")
        }
        if port in certs and known["protocol"].state != "known":
            ids = tuple(
                sorted(
                    o.id
                    for _, o in e.seen
                    if isinstance(o.body, bodies.TlsCertificate) and o.body.port == port
                )
            )
            known["protocol"] = Known[str].of("tls", ids)
        last = max(history.place(r) for r in runs[port])
        asked = any(
            port in history.scanned[r].get((e.ns, e.ip), ()) for r in history.later(last, e.ns)
        )
        out.append(
            Service(
                asset=asset,
                at=Ref(kind="service", ns=e.ns, value=f"{e.ip}/tcp/{port}"),
                transport="tcp",
                port=port,
                state="silent" if asked else "open",
                protocol=known["protocol"],
                product=known["product"],
                version=known["version"],
                title=known["title"],
                certs=(Ref(kind="cert_key", ns="", value=certs[port][1]),) if port in certs else (),
                auth=known["auth"],
                process=nothing(),
                last_seen=max(runs[port].values()),
                evidence=tuple(sorted(evidence[port])),
            )
        )
    return out
