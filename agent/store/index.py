"""What a run holds, in memory, so that probes can plan on it and repeated sights are recognised without a query."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from agent.model.base import M
from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation, Sighting
from agent.model.run import RunHeader, SessionEnd, UnitPlan
from agent.model.status import ProbeStatus
from agent.store import entry as e
from agent.store.errors import RunFileError
from agent.store.scan import load

T = TypeVar("T", bound=M)


class Index:
    """Filled entry by entry in the order of the log."""

    def __init__(self) -> None:
        self.header: RunHeader | None = None
        self.session = 0
        self.ended = False
        self.recovered: tuple[str, ...] = ()
        self.newest_at = 0
        self.plan: dict[tuple[str, str], UnitPlan] = {}
        self.statuses: dict[tuple[str, str], ProbeStatus] = {}
        self.ledger: list[LedgerEntry] = []
        self._observations: dict[str, Observation] = {}
        self._kinds: dict[str, list[str]] = {}
        self._newest: dict[str, Sighting] = {}

    def __contains__(self, observation_id: str) -> bool:
        return observation_id in self._observations

    def put(self, item: M) -> None:
        """Take up the content of one entry."""
        if isinstance(item, Observation):
            self._observations[item.id] = item
            self._kinds.setdefault(item.body.kind, []).append(item.id)
            self.newest_at = item.at
        elif isinstance(item, Sighting):
            self._newest[item.id] = item
            self.newest_at = item.at
        elif isinstance(item, ProbeStatus):
            self.statuses[item.probe, item.unit] = item
            self.newest_at = item.ended
        elif isinstance(item, UnitPlan):
            self.plan[item.probe, item.unit] = item
        elif isinstance(item, LedgerEntry):
            self.ledger.append(item)
            self.newest_at = item.at
        elif isinstance(item, RunHeader):
            self.header, self.newest_at = item, item.started
        elif isinstance(item, e.SessionStart):
            self.session, self.ended = item.session, False
            self.newest_at = item.started
        elif isinstance(item, SessionEnd):
            self.ended = self.ended or item.session == self.session

    def seen(self, kind: str) -> list[Observation]:
        """Observations of *kind* in order of their first sight, each with the time of its newest."""
        return [self._dated(self._observations[i]) for i in self._kinds.get(kind, ())]

    def _dated(self, observation: Observation) -> Observation:
        newest = self._newest.get(observation.id)
        return dated(observation, newest) if newest else observation


MODELS: dict[str, type[M]] = {
    e.HEADER: RunHeader,
    e.SESSION: e.SessionStart,
    e.PLAN: UnitPlan,
    e.LEDGER: LedgerEntry,
    e.OBSERVATION: Observation,
    e.SIGHTING: Sighting,
    e.STATUS: ProbeStatus,
    e.END: SessionEnd,
    e.SIGNATURE: e.Signature,
    e.PURGE: e.Purge,
}
"""Kind of entry -> the model its content is an instance of."""


def parse(model: type[T], payload: bytes, path: Path, seq: int) -> T:
    """The content of entry *seq* of *path*. Raises `RunFileError` when it is not a *model*."""
    try:
        return model.model_validate(load(payload))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunFileError(
            path,
            f"entry {seq} is no {model.__name__} we know ({where or 'content'}: {first['msg'][:200]})",
            "Was the file written by a newer handover?",
        ) from None
    except ValueError as error:
        raise RunFileError(
            path, f"entry {seq} cannot be read ({error})", "`handover verify` says more."
        ) from None


def dated(observation: Observation, newest: Sighting) -> Observation:
    """*observation* as seen the newest time."""
    return observation.model_copy(update={"at": newest.at, "mono": newest.mono})
