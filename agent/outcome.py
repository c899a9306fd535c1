"""How a unit of work ended, and how its run did: judged from errors, questions and limits. Pure.

A device cannot keep a run from being complete: one that never stops talking is on many networks. Its unit is `partial`, and the report
names what stayed unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from agent.contract import OutOfScope, Refused
from agent.model.status import Ask, ProbeStatus, UnitOutcome

INTERRUPTED = "interrupted"
"""Parameter of the status of a unit that was stopped or never begun, because the session ended."""


def unit_outcome(
    asks: Sequence[Ask], caps: Sequence[str], observations: int, error: Exception | None, words: str
) -> tuple[UnitOutcome, str]:
    """Outcome and reason of a unit that ended by itself. *error*: what it died of, *words*: that in words for the report."""
    errors = sum(a.outcome == "error" for a in asks)
    refused = sum(a.outcome == "refused" for a in asks)
    if isinstance(error, Refused):
        return "refused", words.partition(": ")[2] or "refused"
    if isinstance(error, OutOfScope):
        return "failed", f"stopped by the scope guard: {words.partition(': ')[2]}"
    if error is not None:
        return ("partial" if observations else "failed"), words
    if refused and refused == len(asks):
        return "refused", f"all {refused} questions were refused"
    if errors or refused:
        whole = errors == len(asks)
        return ("failed" if whole else "partial"), f"{errors} errors and {refused} refusals"
    if caps:
        return "partial", _limits(caps)
    return "done", ""


def only_a_limit(status: ProbeStatus) -> bool:
    """Did the unit end by itself, cut short by nothing but a limit that a device chose to run into (an endless page)?"""
    # An error, a refusal or a deadline would be the reason instead.
    return status.outcome == "partial" and status.reason == _limits(status.caps_hit)


def run_outcome(
    last: Collection[ProbeStatus | None],
) -> tuple[Literal["complete", "partial"], str]:
    """Outcome and reason of a run from the last status of every unit it planned, in all its sessions; None for a unit without one."""
    ended = [s for s in last if s is not None]
    bad = len(last) - len(ended) + sum(_unfinished(s) for s in ended)
    asked = sum(s.asked for s in ended)
    heard = sum(s.answered + s.negative for s in ended)
    if bad:
        return "partial", f"{bad} units of work did not finish"
    if asked and not heard:
        return "partial", f"not one of {asked} questions was answered"
    limits = sum(only_a_limit(s) for s in ended)
    return "complete", f"{limits} units met a limit: the rest stays unknown" if limits else ""


def _unfinished(status: ProbeStatus) -> bool:
    bad = status.outcome in ("partial", "failed", "refused") or INTERRUPTED in status.params
    return bad and not only_a_limit(status)


def _limits(caps: Sequence[str]) -> str:
    return f"a limit was met: {', '.join(caps)}"
