"""One file of somebody else's as one unit of an import run: what every import of a document does with what it read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.clock import Clock
from agent.engagement.engagement import Engagement
from agent.imports.import_run import import_run
from agent.model.bodies import Body
from agent.model.observation import Observation, Standing, observation_id
from agent.model.ref import Ref
from agent.model.run import SessionEnd, UnitPlan
from agent.model.status import Ask, ProbeStatus, UnitOutcome


@dataclass(frozen=True)
class Document:
    """*digest*: SHA-256 of *file*. `span`: first and last time it tells of (microseconds UTC), where it tells any. `problem`: why it is not
    whole. `asks`: kinds of questions that it answers as a whole."""

    file: Path
    digest: str
    probe: str
    unit: str
    standing: Standing
    span: tuple[int, int] | None = None
    problem: str = ""
    asks: tuple[str, ...] = ()

    @property
    def ref(self) -> Ref:
        return Ref(kind="document", ns="sha256", value=self.digest)


async def store_document(
    engagement: Engagement,
    document: Document,
    site: str,
    operator: str,
    rows: Iterable[tuple[Ref, Body, int]],
) -> None:
    """Write *rows* (subject, body, time or 0 for now) as a run of its own. Raises `StoreError`, `OSError`: then nothing is left of it."""
    clock = Clock()
    now = clock.now_us()
    d, ref = document, document.ref
    source = f"{d.file.name} sha256 {d.digest}"
    begun = d.span[0] if d.span else now
    async with import_run(engagement, source, site, operator, begun) as store:
        await store.plan([UnitPlan(probe=d.probe, unit=d.unit, subject=ref)])
        for subject, body, at in rows:
            await store.add(
                Observation(
                    id=observation_id(engagement.key, d.probe, 1, d.unit, subject, ref, body),
                    probe=d.probe,
                    probe_rev=1,
                    unit=d.unit,
                    subject=subject,
                    via=ref,
                    standing=d.standing,
                    channel="file",
                    at=at or now,
                    mono=clock.mono_us(),
                    body=body,
                )
            )
        ended = d.span[1] if d.span else clock.now_us()
        asks = tuple(
            Ask(kind=kind, subject=ref, strength="strong", outcome="answered") for kind in d.asks
        )
        outcome: UnitOutcome = "partial" if d.problem else "done"
        status = ProbeStatus.of(d.probe, d.unit, 0, outcome, asks, begun, ended, d.problem)
        await store.settle(status, ())
        await store.end(
            SessionEnd(
                session=store.session,
                outcome="partial" if d.problem else "complete",
                ended=ended,
                reason=d.problem,
            )
        )
