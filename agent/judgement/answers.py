"""What units asked of one address and how they ended, run by run; pure lookup for `Looked`, which judges it.

The newest run that was to put a question to an address decides for it. A unit that did not end `done` may have asked all its probe
asks, and whatever it heard: it stands for no answer at all, and so can never look better than the silence it would have met.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from agent.material import Material
from agent.model.observation import Observation
from agent.model.ref import Ref
from agent.model.status import AskOutcome, ProbeStatus, Strength

WHOLE = "*"
"""Unit by which the run engine reports on a probe as a whole (agent/run.py)."""
# One question goes by the name of what it brings (checklist) or of what it asks (probes).
_SAME_QUESTION = {"arp.entry": "host.alive", "tcp.port": "tcp.ports"}


@dataclass(frozen=True)
class Answer:
    """How one question about one address ended in a finished unit. `status` is the status' key, quoted by lines and values.

    `ports`: the set or list of ports it was about, where it was about ports.
    `backed`: where it says "answered", the unit's observation is still there.
    """

    kind: str
    subject: str
    port: int | None
    strength: Strength
    outcome: AskOutcome
    status: str
    run: str
    probe: str
    unit: str
    backed: bool
    ports: str = ""

    @property
    def proves(self) -> bool:
        """Was it a strong question that got an answer, yes or no, that we can still show? Silence proves nothing."""
        return (
            self.strength == "strong" and self.outcome in ("answered", "negative") and self.backed
        )


@dataclass(frozen=True)
class Look:
    """One unit that was to ask about one address. `asks`: question kinds of its probe; None: whatever it may have been."""

    done: bool
    asks: frozenset[str] | None
    answers: tuple[Answer, ...]

    def concerns(self, kind: str) -> bool:
        """Did it put question *kind*, or might it have?"""
        if self.done:
            return any(a.kind == kind for a in self.answers)
        return self.asks is None or kind in self.asks


class Looks:
    """By address: the units of each run, and the answers of those that finished."""

    def __init__(self, material: Material) -> None:
        headers = sorted((r.header.started, r.header.run_id) for r in material.runs)
        self._place = {run: n for n, (_, run) in enumerate(headers)}
        self._evidence = _evidence(material.observations)
        self._kinds = {
            probe: frozenset(question(k) for k in kinds) for probe, kinds in material.asks.items()
        }
        self._by: dict[str, dict[str, list[Look]]] = defaultdict(lambda: defaultdict(list))
        self.answers: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        """(question, address) -> answers of finished units of all runs."""
        sites = {r.header.run_id: r.header.site for r in material.runs}
        targets: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for run, unit in material.plans:
            ns = f"site/{sites.get(run, '')}"
            touched = {f"addr:{ns}:{t}" for t in unit.targets}
            targets[run, unit.probe, unit.unit] |= touched | (
                {address_of(unit.subject) or ""} - {""}
            )
        newest = last_statuses(material.statuses)
        for key in newest.keys() | targets.keys():
            self._add(key, newest.get(key), targets.get(key, set()))

    def _add(
        self, key: tuple[str, str, str], status: ProbeStatus | None, targets: set[str]
    ) -> None:
        run, probe, unit = key
        done = status is not None and status.outcome == "done"
        told: dict[str, list[Answer]] = defaultdict(list)
        for ask in status.asks if status is not None else ():
            where = address_of(ask.subject)
            if where is None:
                continue
            port = service_port(ask.subject)
            answer = Answer(
                kind=question(ask.kind),
                subject=str(ask.subject),
                port=port,
                strength=ask.strength,
                outcome=ask.outcome,
                status=f"{probe}/{unit}",
                run=run,
                probe=probe,
                unit=unit,
                backed=ask.outcome != "answered"
                or (run, probe, unit, where, port) in self._evidence,
                ports=" ".join(f"{k}={status.params.get(k, '')}" for k in ("ports", "ot"))
                if status
                else "",
            )
            told[where].append(answer)
            if done:
                self.answers[answer.kind, where].append(answer)
        for where in told.keys() | targets:
            look = Look(done, self._kinds.get(probe), tuple(told.get(where, ())) if done else ())
            self._by[where][run].append(look)

    def newest(self, kind: str, where: str) -> list[Look]:
        """The units of the newest run that put question *kind* to *where*, or were to; empty: no run ever did."""
        runs = self._by.get(where, {})
        for run in sorted(runs, key=lambda r: (self._place.get(r, -1), r), reverse=True):
            found = [look for look in runs[run] if look.concerns(kind)]
            if found:
                return found
        return []


def last_statuses(
    statuses: Iterable[tuple[str, ProbeStatus]],
) -> dict[tuple[str, str, str], ProbeStatus]:
    """(run, probe, unit) -> its status; a unit that was taken up again has the word of its last session."""
    out: dict[tuple[str, str, str], ProbeStatus] = {}
    for run, status in statuses:
        key = (run, status.probe, status.unit)
        old = out.get(key)
        if old is None or (status.session, status.ended) >= (old.session, old.ended):
            out[key] = status
    return out


def _evidence(
    observations: Iterable[tuple[str, Observation]],
) -> set[tuple[str, str, str, str, int | None]]:
    """(run, probe, unit, address, port) of what was seen, and the same without the port."""
    out: set[tuple[str, str, str, str, int | None]] = set()
    for run, o in observations:
        where = address_of(o.subject)
        if where is not None:
            out.add((run, o.probe, o.unit, where, None))
            out.add((run, o.probe, o.unit, where, port_of(o)))
    return out


def question(kind: str) -> str:
    """Normal name of a question kind."""
    return _SAME_QUESTION.get(kind, kind)


def address_of(ref: Ref | None) -> str | None:
    """`str(Ref)` of the address that *ref* (an address or one of its services) stands for, or None."""
    if ref is None or ref.kind not in ("addr", "service"):
        return None
    value = ref.value.split("/", 1)[0] if ref.kind == "service" else ref.value
    return f"addr:{ref.ns}:{value}"


def service_port(ref: Ref | None) -> int | None:
    """Port of a service reference, else None."""
    if ref is None or ref.kind != "service":
        return None
    return int(ref.value.rsplit("/", 1)[1])


def port_of(observation: Observation) -> int | None:
    """Port that *observation* is about, from its body or its subject."""
    port = getattr(observation.body, "port", None)
    return port if isinstance(port, int) else service_port(observation.subject)
