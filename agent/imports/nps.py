"""`handover import ENG ias.xml`: the configuration of a Network Policy Server becomes an import run of its policies and clients."""

from __future__ import annotations

from pathlib import Path

from agent.engagement.engagement import Engagement
from agent.imports.document import Document, store_document
from agent.imports.import_run import sha256_of
from agent.imports.nps_file import MAX_BYTES, NotNps, Nps, read_nps
from agent.model.bodies import Body
from agent.model.bodies_nps import NpsDocument
from agent.model.ref import Ref

PROBE = "nps"
_NO_NAMES = frozenset({"ias", "nps", "npsconfig", "nps-config", "npsbackup", "export", "config"})
"""What every server's file is called as it comes: two of them would pass for one."""


async def bring_nps(engagement: Engagement, file: Path, site: str, operator: str) -> str:
    """Import *file*; returns one line for people. Raises `NotNps`; nothing of the engagement has changed then."""
    if file.stat().st_size > MAX_BYTES:
        raise NotNps(f"larger than {MAX_BYTES >> 20} MiB")
    if file.stem.casefold() in _NO_NAMES:
        raise NotNps("which server is it of? Name the file after it, such as nps01.xml")
    digest = sha256_of(file)
    # The file does not say which server it is of: people name it so, and a newer one of that name replaces it.
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
    document = Document(file, digest, PROBE, f"nps {digest[:16]}", "reported", asks=("nps.policy",))
    rows = (
        (Ref(kind="name", ns=f"nps/{digest[:16]}", value=str(number)), body, 0)
        for number, body in enumerate(bodies)
    )
    await store_document(engagement, document, site, operator, rows)
