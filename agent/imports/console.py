"""`handover import ENG FILE --console rmm`: the list a management console exports, as an import run of one row a machine.

A console of an MSP holds all its customers: rows of other customers are never stored. Users and notes are not read at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from agent.engagement.engagement import Engagement
from agent.engagement.providers import providers
from agent.imports.document import Document, store_document
from agent.imports.import_run import sha256_of
from agent.imports.sheet import CONSOLE, Row, Sheet, read_sheet
from agent.imports.table import SheetProblem
from agent.model.bodies_console import ConsoleKind, ConsoleRow
from agent.model.ref import Ref

PROBE = "console"
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_PARTED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?!\d)")


class ConsoleProblem(ValueError):
    """Why a list was not imported, and what would help."""


@dataclass(frozen=True)
class Said:
    """What the technician says of the list: its *kind*, its *product*, *whose* it is (`ours`, or a name of client.toml), which *customer*
    of it is meant, and the *site* when it speaks of one only."""

    kind: ConsoleKind
    product: str = ""
    whose: str = "ours"
    customer: str = ""
    site: str | None = None
    worksheet: str | None = None


async def bring_console(engagement: Engagement, file: Path, said: Said, operator: str) -> str:
    """Import *file*; returns one line for people. Raises `ConsoleProblem`, `StoreError`, `OSError`: then nothing has been added."""
    owner = _owner(engagement, said.whose)
    sites = [s.id for s in engagement.client.site]
    if said.site is not None and said.site not in sites:
        raise ConsoleProblem(
            f"client.toml has no site '{said.site}' (there are: {', '.join(sites)})"
        )
    try:
        sheet = read_sheet(file, said.worksheet, CONSOLE)
    except SheetProblem as problem:
        raise ConsoleProblem(str(problem)) from None
    rows, others = _of_customer(sheet, said.customer)
    if not rows:
        raise ConsoleProblem("no machine in it: an empty list would say that all are missing")
    bodies = _bodies(rows, sheet, file, said, owner)
    await _store(engagement, file, said.site or sites[0], sheet, bodies, operator)
    notes = [
        f"{others} rows of other customers left out" if others else "",
        f"columns not read: {', '.join(sheet.unread)}" if sheet.unread else "",
        f"other sheets not read, --sheet NAME reads one: {', '.join(sheet.left)}"
        if sheet.left
        else "",
    ]
    more = "; ".join(n for n in notes if n)
    return f"{len(bodies)} machines of a console ({said.kind})" + (f" ({more})" if more else "")


def _owner(engagement: Engagement, whose: str) -> str:
    """Id of the provider. Raises `ConsoleProblem` naming those there are."""
    if whose.strip().lower() == "ours":
        return "ours"
    known = [p for p in providers(engagement) if p.role != "ours"]
    wanted = whose.strip().casefold()
    found = [p.id for p in known if wanted in {n.casefold() for n in (p.id, p.name, *p.aliases)}]
    if len(found) != 1:
        names = ", ".join(["ours", *(p.name for p in known)])
        raise ConsoleProblem(f"whose console is '{whose}'? client.toml knows: {names}")
    return found[0]


def _of_customer(sheet: Sheet, wanted: str) -> tuple[list[Row], int]:
    """The rows of the customer, and how many others there are. Raises `ConsoleProblem` where the list names several and none is chosen."""
    told = {row["customer"].strip() for _, row in sheet.rows if row.get("customer", "").strip()}
    if not wanted:
        if len(told) > 1:
            some = ", ".join(sorted(told, key=str.casefold)[:8])
            raise ConsoleProblem(
                f"it names {len(told)} customers ({some}): choose one with --customer"
            )
        return list(sheet.rows), 0
    name = wanted.strip().casefold()
    mine = [r for r in sheet.rows if r[1].get("customer", "").strip().casefold() == name]
    if not mine:
        some = ", ".join(sorted(told, key=str.casefold)[:8]) or "no customer at all"
        raise ConsoleProblem(f"no row of the customer '{wanted}' (it names: {some})")
    return mine, len(sheet.rows) - len(mine)


def _bodies(
    rows: list[Row], sheet: Sheet, file: Path, said: Said, owner: str
) -> list[tuple[int, ConsoleRow]]:
    document = sha256_of(file)[:16] + (f"/{sheet.name}" if sheet.left else "")
    # Of a backup the last success counts, where the list tells it.
    first, second = ("backup", "seen") if said.kind == "backup" else ("seen", "seen")
    told = [row.get(first) or row.get(second, "") for _, row in rows]
    out: list[tuple[int, ConsoleRow]] = []
    for (number, row), day, text in zip(rows, days_of(told), told, strict=True):
        name = row.get("name") or row.get("label", "")
        body = ConsoleRow(
            list=document,
            console=said.kind,
            product=(said.product or row.get("product", ""))[:200],
            owner=owner,
            site=said.site or "",
            customer=said.customer,
            name=name,
            serial=row.get("serial", ""),
            mac=row.get("mac", ""),
            ip=row.get("ip", ""),
            os=row.get("os", ""),
            seen=day,
            told=text[:100],
        )
        if body.name or body.serial or body.mac:
            out.append((number, body))
    if not out:
        raise ConsoleProblem("no row of it has a name, a serial number or a MAC")
    return out


def days_of(texts: list[str]) -> list[str]:
    """The days (ISO 8601) of one column; empty where there is none. 03/04/2026 is read only where another cell of the column tells
    whether days or months stand first."""
    parted = [(int(m[1]), int(m[2])) for t in texts if (m := _PARTED.match(t.strip()))]
    day_first, month_first = any(a > 12 for a, _ in parted), any(b > 12 for _, b in parted)
    out: list[str] = []
    for text in texts:
        one = ""
        if m := _ISO.match(text.strip()):
            one = _day(int(m[1]), int(m[2]), int(m[3]))
        elif (m := _PARTED.match(text.strip())) and day_first != month_first:
            day, month = (int(m[1]), int(m[2])) if day_first else (int(m[2]), int(m[1]))
            one = _day(int(m[3]), month, day)
        out.append(one)
    return out


def _day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


async def _store(
    engagement: Engagement,
    file: Path,
    site: str,
    sheet: Sheet,
    bodies: list[tuple[int, ConsoleRow]],
    operator: str,
) -> None:
    digest = sha256_of(file)
    first = bodies[0][1]
    unit = f"console {first.list} {first.console}"
    rows = (
        (Ref(kind="asset", ns=f"console/{site}", value=f"{body.list}/{number}"), body, 0)
        for number, body in bodies
    )
    document = Document(file, digest, PROBE, unit, "claimed")
    await store_document(engagement, document, site, operator, rows)
