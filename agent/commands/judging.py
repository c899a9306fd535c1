"""From an engagement to its judged result: shared by report, show, export and `--fail-on`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.commands.common import EXIT_FAIL_ON

if TYPE_CHECKING:
    from agent.engagement.engagement import Engagement
    from agent.model.judged import Judged


def judged(engagement: Engagement) -> Judged:
    """All runs and imports of the engagement, judged together."""
    from agent.inventory.build import build
    from agent.judgement.judge import judge
    from agent.load_material import load_material

    material = load_material(engagement)
    return judge(material, build(material))


def severity_exit(engagement: Engagement, level: str) -> int:
    """1 when an open finding is as severe as *level* or worse, else 0."""
    from agent.model.finding import SEVERITIES

    ranks: dict[str, int] = {name: i for i, name in enumerate(SEVERITIES)}
    result = judged(engagement)
    worst = max((ranks[f.severity] for f in result.findings if not f.accepted), default=-1)
    return EXIT_FAIL_ON if worst >= ranks[level] else 0
