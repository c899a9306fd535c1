"""The canonical projection of a run: equal for an undisturbed run and for one that was killed and resumed at any moment.

It leaves out clocks, session numbers, the ledger (which has its own rule: never below the wire) and what a device answers differently
each time: fields marked volatile and raw bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.model.base import canonical
from agent.model.observation import Observation
from agent.model.run import UnitPlan
from agent.model.status import ProbeStatus


def projection(
    plan: Iterable[UnitPlan], observations: Iterable[Observation], statuses: Iterable[ProbeStatus]
) -> bytes:
    """Canonical JSON lines, sorted: an order of arrival is no content."""
    lines = [canonical(["plan", unit.model_dump(mode="json")]) for unit in plan]
    lines += [_observation(o) for o in observations]
    lines += [_status(s) for s in statuses]
    return b"\n".join(sorted(lines))


def _observation(o: Observation) -> bytes:
    plain = o.model_dump(mode="json", exclude={"at", "mono", "body", "raw"})
    return canonical(["observation", plain, o.body.kind, o.body.stable(), len(o.raw)])


def _status(s: ProbeStatus) -> bytes:
    plain = s.model_dump(mode="json", exclude={"session", "started", "ended", "cursor"})
    # Questions are put at once and answered in any order.
    plain["asks"] = sorted(plain["asks"], key=canonical)
    plain["caps_hit"] = sorted(plain["caps_hit"])
    return canonical(["status", plain])
