"""`handover import ENG ias.xml`: the configuration of a Network Policy Server becomes an import run of its policies and clients."""

from __future__ import annotations

from pathlib import Path

from agent.clock import Clock
from agent.engagement.engagement import Engagement
from agent.imports.import_run import import_run, sha256_of
from agent.imports.nps_file import MAX_BYTES, NotNps, Nps, read_nps
from agent.model.bodies import Body
from agent.model.bodies_nps import NpsDocument
from agent.model.observation import Observation, observation_id
from agent.model.ref import Ref
from agent.model.run import SessionEnd, UnitPlan
from agent.model.status import Ask, ProbeStatus

PROBE = "nps"


async def bring_nps(engagement: Engagement, file: Path, site: str, operator: str) -> str:
    """Import *file*; returns one line for people. Raises `NotNps`; nothing of the engagement has changed then."""
    if file.stat().st_size > MAX_BYTES:
        raise NotNps(f"larger than {MAX_BYTES >> 20} MiB")
    digest = sha256_of(file)
    # The file does not say which server it is of: people name it so.
    nps = read_nps(file.read_bytes(), digest[:16], file.stem[:100])
    await _store(engagement, file, site, operator, digest, nps)
    network = sum(p.layer == "network" for p in nps.policies)
    return (
        f"{network} network policies, {len(nps.policies) - network} connection request policies,"
        f" {len(nps.clients)} RADIUS clients of {file.stem}; shared secrets were not kept:"
        " the file still holds them, delete it"
    )


async def _store(
    engagement: Engagement, file: Path, site: str, operator: str, digest: str, nps: Nps
) -> None:
    clock = Clock()
    now = clock.now_us()
    document = Ref(kind="document", ns="sha256", value=digest)
    unit = f"nps {digest[:16]}"
    bodies: list[Body] = [*nps.policies, *nps.clients, *nps.targets]
    bodies.append(
        NpsDocument(
            document=digest[:16],
            server=file.stem[:100],
            policies=len(nps.policies),
            clients=len(nps.clients),
            targets=len(nps.targets),
        )
    )
    async with import_run(engagement, f"{file.name} sha256 {digest}", site, operator, now) as store:
        await store.plan([UnitPlan(probe=PROBE, unit=unit, subject=document)])
        for number, body in enumerate(bodies):
            subject = Ref(kind="name", ns=f"nps/{digest[:16]}", value=str(number))
            await store.add(
                Observation(
                    id=observation_id(engagement.key, PROBE, 1, unit, subject, document, body),
                    probe=PROBE,
                    probe_rev=1,
                    unit=unit,
                    subject=subject,
                    via=document,
                    standing="reported",
                    channel="file",
                    at=now,
                    mono=clock.mono_us(),
                    body=body,
                )
            )
        ended = clock.now_us()
        asks = (Ask(kind="nps.policy", subject=document, strength="strong", outcome="answered"),)
        await store.settle(ProbeStatus.of(PROBE, unit, 0, "done", asks, now, ended), ())
        await store.end(SessionEnd(session=store.session, outcome="complete", ended=ended))
