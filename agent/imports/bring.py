"""Brings a file into an engagement: a foreign run file is copied after it verified; a sheet becomes an import run of claims."""

from __future__ import annotations

import shutil
from pathlib import Path

from agent.engagement.engagement import Engagement
from agent.imports.document import Document, store_document
from agent.imports.import_run import sha256_of
from agent.imports.nmap_scan import bring_nmap, looks_like_nmap
from agent.imports.nmap_xml import NotNmap
from agent.imports.nps import bring_nps
from agent.imports.nps_file import NotNps, looks_like_nps
from agent.imports.sheet import Sheet, read_sheet
from agent.imports.table import SheetProblem
from agent.model.asset import DEVICE_CLASSES
from agent.model.bodies import AssetClaim
from agent.model.ref import Ref
from agent.store.errors import RunFileError
from agent.store.file import beside
from agent.store.reader import RunFile
from agent.store.verify import Verdict, verify


class ImportProblem(Exception):
    """Why a file was not imported, and what would help."""


async def bring(
    engagement: Engagement,
    file: Path,
    site: str | None,
    operator: str,
    worksheet: str | None = None,
) -> str:
    """Import *file*, of a workbook the *worksheet* of that name or its first; returns one line for people.

    Raises `ImportProblem`, `StoreError` or `OSError`; nothing of the engagement has changed then.
    """
    start = start_of(file)
    if start.startswith(b"SQLite format 3\0"):
        return _run_file(engagement, file)
    if looks_like_nps(start):
        where = site or _only_site(engagement)
        _known_site(engagement, where)
        try:
            return await bring_nps(engagement, file, where, operator)
        except NotNps as problem:
            raise ImportProblem(f"not read as an export of NPS: {problem}") from None
    if looks_like_nmap(start):
        where = site or _only_site(engagement)
        _known_site(engagement, where)
        try:
            return await bring_nmap(engagement, file, where, operator)
        except NotNmap as problem:
            raise ImportProblem(f"not read as nmap XML: {problem}") from None
    try:
        sheet = read_sheet(file, worksheet)
    except SheetProblem as problem:
        raise ImportProblem(str(problem)) from None
    where = site or _only_site(engagement)
    _known_site(engagement, where)
    await _claims(engagement, file, where, sheet, operator)
    notes = [
        f"columns not read: {', '.join(sheet.unread)}" if sheet.unread else "",
        f"other sheets not read, --sheet NAME reads one: {', '.join(sheet.left)}"
        if sheet.left
        else "",
    ]
    said = "; ".join(n for n in notes if n)
    return f"{len(sheet.rows)} claimed devices at {where}" + (f" ({said})" if said else "")


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
    runs = engagement.runs
    runs.mkdir(exist_ok=True)
    damaged: list[str] = []
    for path in sorted(runs.glob("*.run")):
        try:
            with RunFile(path) as held:
                if held.header.run_id == header.run_id:
                    return f"already here as {path.name}"
        except RunFileError:
            # It is not the file being imported: the report names it, the import only says that it was not compared.
            damaged.append(path.name)
    # Only *.run is read later, and an RMM may have given the file another name.
    target = runs / f"{file.stem}.run"
    if target.exists():
        target = runs / f"{file.stem}-{header.run_id[:6]}.run"
    if target.exists():
        raise ImportProblem(f"{target.name} is in the way: give the file another name")
    _copy(file, target, verdict)
    note = f" (damaged and not compared with it: {', '.join(damaged)})" if damaged else ""
    return f"run of {header.site} added as {target.name}{note}"


def _copy(file: Path, target: Path, verdict: Verdict) -> None:
    """Copy what was judged, whole or not at all."""
    part = beside(target, ".new")
    try:
        shutil.copyfile(file, part)
        # What lies in a -wal beside it, or came since, is not in the copy.
        if verify(part).head != verdict.head:
            raise ImportProblem(
                "the run is still open, or was killed: its newest entries lie in the -wal beside it; "
                "end or resume it first"
            )
        part.replace(target)
    except RunFileError as error:
        raise ImportProblem(str(error)) from None
    finally:
        part.unlink(missing_ok=True)


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
    engagement: Engagement, file: Path, site: str, sheet: Sheet, operator: str
) -> None:
    digest = sha256_of(file)
    # Two sheets of one workbook are two documents.
    unit = f"sheet {digest[:16]}" + (f" {sheet.name}" if sheet.left else "")
    key = digest[:16] + (f"/{sheet.name}" if sheet.left else "")
    rows = (
        (Ref(kind="asset", ns=f"sheet/{site}", value=f"{key}/{number}"), claim(row), 0)
        for number, row in sheet.rows
    )
    document = Document(file, digest, "sheet", unit, "claimed")
    await store_document(engagement, document, site, operator, rows)


def claim(row: dict[str, str]) -> AssetClaim:
    """The claim a row makes; its class only where the sheet uses a word of ours."""
    named = row.get("class", "").strip().lower().replace(" ", "_")
    rest = {k: v for k, v in row.items() if k != "name"}
    name = row.get("name") or row.get("ip") or row.get("serial") or "?"
    return AssetClaim(
        name=name, device_class=named if named in DEVICE_CLASSES else "unknown", fields=rest
    )
