"""Brings a file into an engagement: a foreign run file is copied after it verified; a sheet becomes an import run of claims."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import socket
import time
from importlib import metadata
from pathlib import Path

from agent.catalogs.digest import catalogues_sha256
from agent.clock import Clock
from agent.engagement.engagement import Engagement
from agent.imports.nmap_scan import bring_nmap, looks_like_nmap
from agent.imports.nmap_xml import NotNmap
from agent.imports.sheet import SheetProblem, read_sheet
from agent.model.asset import DEVICE_CLASSES
from agent.model.bodies import AssetClaim
from agent.model.observation import Observation, observation_id
from agent.model.ref import Ref
from agent.model.run import RunHeader, SessionEnd, UnitPlan, Vantage
from agent.model.scope import ScopeRule
from agent.model.status import ProbeStatus
from agent.store.errors import RunFileError
from agent.store.reader import RunFile
from agent.store.verify import verify
from agent.store.writer import RunStore


class ImportProblem(Exception):
    """Why a file was not imported, and what would help."""


async def bring(engagement: Engagement, file: Path, site: str | None, operator: str) -> str:
    """Import *file*; returns one line for people. Raises `ImportProblem`; nothing of the engagement has changed then."""
    if start_of(file).startswith(b"SQLite format 3\0"):
        return _run_file(engagement, file)
    if looks_like_nmap(start_of(file)):
        where = site or _only_site(engagement)
        _known_site(engagement, where)
        try:
            return await bring_nmap(engagement, file, where, operator)
        except NotNmap as problem:
            raise ImportProblem(f"not read as nmap XML: {problem}") from None
    try:
        rows, unread = read_sheet(file)
    except SheetProblem as problem:
        raise ImportProblem(str(problem)) from None
    where = site or _only_site(engagement)
    _known_site(engagement, where)
    await _claims(engagement, file, where, rows, operator)
    note = f" (columns not read: {', '.join(unread)[:200]})" if unread else ""
    return f"{len(rows)} claimed devices at {where}{note}"


def start_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(512)


def _run_file(engagement: Engagement, file: Path) -> str:
    try:
        with RunFile(file) as run:
            header = run.header
    except RunFileError as error:
        raise ImportProblem(str(error)) from None
    if header.engagement != engagement.id:
        raise ImportProblem("this run belongs to another engagement (other key)")
    _known_site(engagement, header.site)
    verdict = verify(file)
    if not verdict.self_consistent:
        raise ImportProblem(
            f"the run does not verify: {'; '.join(p.text() for p in verdict.problems)[:300]}"
        )
    runs = engagement.folder / "runs"
    runs.mkdir(exist_ok=True)
    for path in runs.glob("*.run"):
        with RunFile(path) as held:
            if held.header.run_id == header.run_id:
                return f"already here as {path.name}"
    # Only *.run is read later, and an RMM may have given the file another name.
    target = runs / f"{file.stem}.run"
    if target.exists():
        target = runs / f"{file.stem}-{header.run_id[:6]}.run"
    shutil.copyfile(file, target)
    return f"run of {header.site} added as {target.name}"


def _known_site(engagement: Engagement, site: str) -> None:
    sites = [s.id for s in engagement.client.site]
    if site not in sites:
        raise ImportProblem(f"client.toml has no site '{site}' (there are: {', '.join(sites)})")


def _only_site(engagement: Engagement) -> str:
    sites = [s.id for s in engagement.client.site]
    if len(sites) != 1:
        raise ImportProblem(f"which site does it speak of? Add --site ({', '.join(sites)}).")
    return sites[0]


async def _claims(
    engagement: Engagement, file: Path, site: str, rows: list[dict[str, str]], operator: str
) -> None:
    clock = Clock()
    now = clock.now_us()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    run_id = secrets.token_hex(8)
    header = RunHeader(
        run_id=run_id,
        engagement=engagement.id,
        site=site,
        kind="import",
        started=now,
        tool_version=metadata.version("handover-audit"),
        catalogues_sha256=catalogues_sha256(),
        client_toml_sha256=engagement.client_sha256,
        mandate_sha256=engagement.mandate_sha256,
        mandate_signed_by=engagement.client.mandate.signed_by,
        operator=operator,
        vantage=Vantage(site=site, host=socket.gethostname(), mode="import"),
        scope=ScopeRule(allowed=()),
        source=f"{file.name} sha256 {digest}",
    )
    runs = engagement.folder / "runs"
    runs.mkdir(exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now // 1_000_000))
    store = RunStore.create(runs / f"{stamp}-{site}-import-{run_id[:6]}.run", header)
    unit = f"sheet {digest[:16]}"
    document = Ref(kind="document", ns="sha256", value=digest)
    await store.plan([UnitPlan(probe="sheet", unit=unit, subject=document)])
    for number, row in enumerate(rows, start=2):
        body = claim(row)
        subject = Ref(kind="asset", ns=f"sheet/{site}", value=f"{digest[:16]}/{number}")
        await store.add(
            Observation(
                id=observation_id(engagement.key, "sheet", 1, unit, subject, document, body),
                probe="sheet",
                probe_rev=1,
                unit=unit,
                subject=subject,
                via=document,
                standing="claimed",
                channel="file",
                at=now,
                mono=clock.mono_us(),
                body=body,
            )
        )
    ended = clock.now_us()
    await store.settle(ProbeStatus.of("sheet", unit, 0, "done", (), now, ended), ())
    await store.end(SessionEnd(session=store.session, outcome="complete", ended=ended))
    await store.close()


def claim(row: dict[str, str]) -> AssetClaim:
    """The claim a row makes; its class only where the sheet uses a word of ours."""
    named = row.get("class", "").strip().lower().replace(" ", "_")
    rest = {k: v for k, v in row.items() if k != "name"}
    name = row.get("name") or row.get("ip") or row.get("serial") or "?"
    return AssetClaim(
        name=name, device_class=named if named in DEVICE_CLASSES else "unknown", fields=rest
    )
