"""From an engagement to its judged result: shared by report, show, export and `--fail-on`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.commands.common import EXIT_FAIL_ON, EXIT_PARTIAL

if TYPE_CHECKING:
    from agent.engagement.engagement import Engagement
    from agent.model.judged import Judged, Unknown


def judged(engagement: Engagement) -> Judged:
    """All runs and imports of the engagement, judged together."""
    from agent.inventory.build import build
    from agent.judgement.judge import judge
    from agent.load_material import load_material

    material = load_material(engagement)
    return judge(material, build(material))


INCOMPLETE = frozenset(
    {
        "site_not_run",
        "run_unreadable",
        "run_disputed",
        "evidence_missing",
        "unit_killed",
        "unit_failed",
        "unit_partial",
        "unit_refused",
        "unit_skipped",
    }
)
"""Causes of unknowns (catalogs/unknowns.toml) by which a look did not end as it was planned."""


def severity_exit(engagement: Engagement, level: str) -> int:
    """1 when an open finding is as severe as *level* or worse, else 0."""
    return EXIT_FAIL_ON if reached(judged(engagement), level) else 0


def reached(result: Judged, level: str) -> bool:
    """Is there an open finding as severe as *level* or worse?"""
    from agent.model.finding import SEVERITIES

    ranks: dict[str, int] = {name: i for i, name in enumerate(SEVERITIES)}
    return any(ranks[f.severity] >= ranks[level] for f in result.findings if not f.accepted)


def unfinished(result: Judged) -> str:
    """Why "no finding" would be no good news: nothing was looked at, or not all that was to be; empty when all was."""
    runs = [r for r in result.runs if r.header.kind == "run"]
    if not runs:
        return "nothing was looked at: no run yet"
    for site in result.engagement.sites:
        mine = [r for r in runs if r.header.site == site.id]
        if not mine:
            return f"site {site.id}: no run yet"
        newest = max(mine, key=lambda r: (r.header.started, r.header.run_id))
        if newest.outcome != "complete":
            return f"site {site.id}: its newest run ended {newest.outcome}"
        id_ = newest.header.run_id
        if not any(s.answered or s.negative for r, s in result.statuses if r == id_):
            return f"site {site.id}: its newest run got not one answer"
    # A probe that was left out as a whole is a limit of the place, told in the report; a unit of one that ran is a gap.
    gaps = [u for u in result.unknowns if u.cause in INCOMPLETE]
    causes = sorted({u.cause for u in gaps if u.cause != "unit_skipped" or not _as_a_whole(u)})
    return f"not all was looked at ({', '.join(causes)})" if causes else ""


def _as_a_whole(skipped: Unknown) -> bool:
    return all(key.endswith("/*") for key in skipped.statuses)


def report_exit(result: Judged, level: str) -> tuple[int, str]:
    """Exit code of a report with `--fail-on LEVEL`, and why it is 3: 1 for a finding, 3 where none was found but not all was looked at."""
    if reached(result, level):
        return EXIT_FAIL_ON, ""
    why = unfinished(result)
    return (EXIT_PARTIAL, why) if why else (0, "")
