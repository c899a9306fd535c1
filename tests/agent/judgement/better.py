"""What looks better in one judged result than in another: nothing may, once something was taken away from what it was judged on."""

from __future__ import annotations

from agent.commands.judging import report_exit
from agent.model.finding import SEVERITIES
from agent.model.judged import Coverage, Judged

CLOSED = ("clear", "done")


def better(before: Judged, after: Judged) -> list[str]:
    """What looks better in *after*; empty when nothing does."""
    out: list[str] = []
    then = {i.id: i for i in before.checklist}
    for item in after.checklist:
        old = then[item.id]
        if item.state in CLOSED and old.state not in CLOSED:
            out.append(f"{item.id}: {old.state} became {item.state}")
        lines = {str(x.subject): x.state for x in old.lines}
        for x in item.lines:
            was = lines.get(str(x.subject))
            if was is not None and x.state in CLOSED and was not in CLOSED:
                out.append(f"{item.id} {x.subject}: {was} became {x.state}")
    doors = {(d.door, d.party_label): d.state for d in before.doors}
    for d in after.doors:
        if d.state == "not_seen" and doors.get((d.door, d.party_label)) != "not_seen":
            out.append(f"door {d.door} of {d.party_label} became not_seen")
    if after.page_one.unknown_total < before.page_one.unknown_total:
        fell = (before.page_one.unknown_by_cause, after.page_one.unknown_by_cause)
        out.append(f"fewer unknowns: {fell[0]} became {fell[1]}")
    if before.page_one.ways_in is None and after.page_one.ways_in == 0:
        out.append("no way in, of a sudden")
    for old_c, new_c in zip(before.coverage, after.coverage, strict=True):
        if old_c.total is None and new_c.total is not None:
            out.append(f"the number of {new_c.subject} became known")
        if new_c.total is not None and new_c.total - new_c.looked < old_c_missing(old_c):
            out.append(f"more of {new_c.subject} looked at")
    for level in SEVERITIES:
        codes = tuple(report_exit(j, level)[0] for j in (before, after))
        if codes[0] != 0 and codes[1] == 0:
            out.append(f"--fail-on {level}: {codes[0]} became 0")
    return out


def old_c_missing(coverage: Coverage) -> int:
    """Members of a subject that were not looked at; none where not even their number is known."""
    return 0 if coverage.total is None else coverage.total - coverage.looked
