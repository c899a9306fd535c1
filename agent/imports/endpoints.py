"""`handover import ENG *.json`: endpoint documents become one import run a site; each machine is a subject of its own.

The same document twice is one. Documents of another client, and such that fit no site, are refused one by one; the others go in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from agent.clock import Clock
from agent.engagement.engagement import Engagement
from agent.imports.endpoint_file import EndpointFile, NotEndpoint, read_endpoint
from agent.imports.import_run import import_run
from agent.inventory.placeholder import is_placeholder
from agent.model.base import hash_id
from agent.model.bodies import Body
from agent.model.bodies_endpoint import EndpointHost, EndpointTable
from agent.model.endpoint_document import Card, EndpointDocument, Machine
from agent.model.observation import Observation
from agent.model.ref import Ref
from agent.model.run import SessionEnd, UnitPlan
from agent.model.scope import parse_range
from agent.model.status import Ask, ProbeStatus
from agent.store.errors import RunFileError
from agent.store.reader import RunFile

PROBE = "endpoint"
SOURCE = "endpoint documents"
QUESTIONS: dict[str, str] = {
    **dict.fromkeys(("services", "units", "launchd"), "endpoint.services"),
    **dict.fromkeys(("tasks", "cron"), "endpoint.tasks"),
    "packages": "endpoint.software",
    "run_keys": "endpoint.autoruns",
    "local_groups": "accounts.local",
}
"""Source -> the question it answers, where that goes by another name than the source."""


@dataclass
class Brought:
    """`added`: machines by site; `refused`: (file, why)."""

    added: dict[str, int] = field(default_factory=dict[str, int])
    again: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


async def bring_endpoints(
    engagement: Engagement, files: Iterable[Path], site: str | None, operator: str
) -> Brought:
    """Import every one of *files* that can be; of a site not named, the one whose networks the machine has an address in.

    Raises `StoreError`, `OSError`: then nothing of that site has been added.
    """
    brought = Brought()
    seen = _imported(engagement)
    by_site: dict[str, list[EndpointFile]] = defaultdict(list)
    for path in files:
        try:
            one = read_endpoint(path)
            where = _site_of(engagement, one.document, site)
        except (NotEndpoint, OSError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else str(problem)
            brought.refused.append((path.name, why or "cannot be read"))
            continue
        if one.sha256 in seen:
            brought.again += 1
            continue
        seen.add(one.sha256)
        by_site[where].append(one)
    for where, some in sorted(by_site.items()):
        await _store(engagement, where, sorted(some, key=lambda f: f.sha256), operator)
        brought.added[where] = len({_machine(engagement, f.document.machine) for f in some})
    return brought


def _site_of(engagement: Engagement, document: EndpointDocument, site: str | None) -> str:
    if document.engagement and document.engagement != engagement.id:
        raise NotEndpoint("made for another client (its engagement id is another)")
    sites = engagement.client.site
    if site is not None:
        if site not in [s.id for s in sites]:
            names = ", ".join(s.id for s in sites)
            raise NotEndpoint(f"client.toml has no site '{site}' (there are: {names})")
        return site
    if len(sites) == 1:
        return sites[0].id
    found = [s.id for s in sites if _inside(engagement, s.id, document.machine.cards)]
    if len(found) != 1:
        names = ", ".join(s.id for s in sites)
        raise NotEndpoint(
            f"its addresses do not tell which site it stands at: add --site ({names})"
        )
    return found[0]


def _inside(engagement: Engagement, site: str, cards: Iterable[Card]) -> bool:
    return any(card.addresses for card in _at_site(engagement, site, cards))


def _at_site(engagement: Engagement, site: str, cards: Iterable[Card]) -> tuple[Card, ...]:
    """*cards* with those addresses only that lie in the networks of *site*: the others are of somebody's home."""
    place = engagement.site(site)
    texts = [n.net for n in place.networks] + [n.net for n in place.unreached]
    nets = [net for text in texts for net in parse_range(text)]
    out: list[Card] = []
    for card in cards:
        kept: list[str] = []
        for text in card.addresses:
            try:
                address = ip_address(text)
            except ValueError:
                continue
            if any(address in net for net in nets):
                kept.append(str(address))
        out.append(card.model_copy(update={"addresses": tuple(kept)}))
    return tuple(out)


def _machine(engagement: Engagement, m: Machine) -> str:
    """One key a machine. A clone has its original's firmware ids, but not its name for long."""
    ids = [m.serial.strip().lower(), m.uuid.strip().lower()]
    kinds = ("serial", "smbios")
    solid = ["" if is_placeholder(k, v) else v for k, v in zip(kinds, ids, strict=True)]
    return hash_id("machine", *solid, m.name.strip().lower(), key=engagement.key)


def _imported(engagement: Engagement) -> set[str]:
    """SHA-256 of the documents that are here already."""
    found: set[str] = set()
    for path in sorted(engagement.runs.glob("*-import-*.run")) if engagement.runs.is_dir() else ():
        try:
            with RunFile(path) as run:
                if run.header.source.startswith(SOURCE):
                    found.update(u.params.get("sha256", "") for u in run.plan)
        except RunFileError:
            continue  # the report names it
    return found


async def _store(
    engagement: Engagement, site: str, files: list[EndpointFile], operator: str
) -> None:
    clock = Clock()
    now = clock.now_us()
    digest = sha256("".join(f.sha256 for f in files).encode()).hexdigest()
    source = f"{SOURCE}: {len(files)}, sha256 of their hashes {digest}"
    started = min(f.document.collected for f in files)
    async with import_run(engagement, source, site, operator, started) as store:
        plans: list[UnitPlan] = []
        for one in files:
            key = _machine(engagement, one.document.machine)
            subject = Ref(kind="asset", ns=f"endpoint/{site}", value=key)
            unit = f"{key[:12]} {one.sha256[:16]}"
            params = {"sha256": one.sha256, "file": one.name[:200]}
            plans.append(UnitPlan(probe=PROBE, unit=unit, subject=subject, params=params))
        await store.plan(plans)
        for one, plan in zip(files, plans, strict=True):
            assert plan.subject is not None
            document = Ref(kind="document", ns="sha256", value=one.sha256)
            at = one.document.collected
            for body in _bodies(engagement, site, one.document):
                await store.add(
                    Observation(
                        id=_id(engagement, plan.unit, one.sha256, body),
                        probe=PROBE,
                        probe_rev=1,
                        unit=plan.unit,
                        subject=plan.subject,
                        via=document,
                        standing="direct",
                        channel="endpoint",
                        at=at,
                        mono=clock.mono_us(),
                        body=body,
                    )
                )
            asks = _asks(one.document)
            await store.settle(ProbeStatus.of(PROBE, plan.unit, 0, "done", asks, now, now), ())
        await store.end(SessionEnd(session=store.session, outcome="complete", ended=clock.now_us()))


def _id(engagement: Engagement, unit: str, digest: str, body: Body) -> str:
    """The document's hash stands for the content: a thousand rows need not be hashed a second time."""
    part = body.table if isinstance(body, EndpointTable) else ""
    return hash_id(PROBE, 1, unit, body.kind, digest, part, key=engagement.key)


def _bodies(engagement: Engagement, site: str, document: EndpointDocument) -> list[Body]:
    cards = _at_site(engagement, site, document.machine.cards)
    host = EndpointHost(
        platform=document.platform,
        elevated=document.elevated,
        tool=document.tool,
        machine=document.machine.model_copy(update={"cards": cards}),
        checked=document.checked,
    )
    # Checked already, when the document was read.
    tables = [
        EndpointTable.model_construct(table=t.table, rows=t.rows, cut=t.cut)
        for t in document.tables
    ]
    return [host, *tables]


def _asks(document: EndpointDocument) -> tuple[Ask, ...]:
    """One strong question for each source whose every view was read to its end. Of the rest nothing is known, so nothing is said."""
    done: dict[str, bool] = {}
    for c in document.checked:
        done[c.source] = done.get(c.source, True) and c.outcome == "done"
    cut = {t.table for t in document.tables if t.cut}
    return tuple(
        Ask(
            kind=QUESTIONS.get(source, f"endpoint.{source}"),
            # The unit's plan says of which machine; a thousand machines have twenty questions each.
            subject=None,
            strength="strong",
            outcome="answered",
        )
        for source, whole in sorted(done.items())
        if whole and source not in cut
    )
