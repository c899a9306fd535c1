"""`Looked`: what was asked of whom and how it was answered, over all runs; the only place that decides whether a look was complete.

Everything here errs one way: a status that is missing, failed or not borne out by its observations makes less known, never more.
An older finished look is not undone by a newer failed one; it keeps its date.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address

from agent.material import Material
from agent.model.judged import SiteFacts
from agent.model.observation import Observation
from agent.model.ref import Ref
from agent.model.run import RunHeader
from agent.model.scope import ScopeRule, parse_range
from agent.model.status import AskOutcome, ProbeStatus, Strength

WHOLE = "*"
"""Unit by which the run engine reports on a probe as a whole (agent/run.py)."""
WIDEST = 1 << 17
"""Addresses of a site up to which we check one by one whether they were asked: two /16."""
# One question goes by the name of what it brings (checklist) or of what it asks (probes).
_SAME_QUESTION = {"arp.entry": "host.alive", "tcp.port": "tcp.ports"}
_BEING_THERE = frozenset({"host.alive", "icmp.echo"})
# A probe that was left out because a better one did its work hides nothing.
_STANDS_IN: dict[str, tuple[str, ...]] = {
    "arp": ("neighbours",),
    "neighbours": ("arp",),
    "icmp": ("arp", "neighbours"),
}


@dataclass(frozen=True)
class Answer:
    """How one question about one address ended in a finished unit. `status` is the status' key, quoted by lines and values."""

    subject: str
    port: int | None
    strength: Strength
    outcome: AskOutcome
    status: str
    run: str
    probe: str
    unit: str

    @property
    def proves(self) -> bool:
        """Was it a strong question that got an answer, yes or no? Silence proves nothing."""
        return self.strength == "strong" and self.outcome in ("answered", "negative")


@dataclass(frozen=True)
class Missed:
    """A planned unit that no run finished: how it ended last, and how many addresses it stood for."""

    site: str
    probe: str
    unit: str
    outcome: str
    reason: str
    killed: bool
    count: int
    status: str


class Looked:
    def __init__(self, material: Material) -> None:
        self.material = material
        self.headers: dict[str, RunHeader] = {r.header.run_id: r.header for r in material.runs}
        self.started: dict[str, int] = {k: h.started for k, h in self.headers.items()}
        self._answers: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        self._done: set[tuple[str, str, str]] = set()
        for run, status in material.statuses:
            if status.outcome == "done":
                self._done.add((self.site(run), status.probe, status.unit))
                self._index(run, status)

    def _index(self, run: str, status: ProbeStatus) -> None:
        for ask in status.asks:
            where = address_of(ask.subject)
            if where is not None:
                answer = Answer(
                    subject=str(ask.subject),
                    port=service_port(ask.subject),
                    strength=ask.strength,
                    outcome=ask.outcome,
                    status=status.key,
                    run=run,
                    probe=status.probe,
                    unit=status.unit,
                )
                self._answers[question(ask.kind), where].append(answer)

    def site(self, run: str) -> str:
        """Site of *run*; empty for a run whose header is not there."""
        header = self.headers.get(run)
        return header.site if header else ""

    def answers(self, kind: str, address: Ref) -> list[Answer]:
        """Every answer of a finished unit to *kind* about *address*."""
        return self._answers.get((question(kind), str(address)), [])

    def proved(
        self, kind: str, addresses: Iterable[Ref], only: Ref | None = None
    ) -> tuple[str, ...]:
        """Statuses that prove *kind* was answered, yes or no, for every port and address of *addresses* it was asked of; else empty.

        A single one that stayed silent, or whose evidence is lost, leaves room for what we look for. With *only*, the question must
        have been put to that very service.
        """
        if self.lost:
            return ()
        keys: dict[str, None] = {}
        for address in addresses:
            if str(address) in self.unbacked:
                return ()
            by_subject: dict[str, list[Answer]] = defaultdict(list)
            for a in self.answers(kind, address):
                if only is None or a.subject == str(only):
                    by_subject[a.subject].append(a)
            for answers in by_subject.values():
                proving = [a.status for a in answers if a.proves]
                if not proving:
                    return ()
                keys.update(dict.fromkeys(proving))
        return tuple(keys)

    def looked_into(self, addresses: Iterable[Ref]) -> bool:
        """Did any of *addresses* answer, yes or no, a question that goes beyond being there?"""
        wanted = {str(a) for a in addresses}
        return bool(wanted & self._looked_into)

    @cached_property
    def _looked_into(self) -> set[str]:
        return {
            where
            for (kind, where), answers in self._answers.items()
            if kind not in _BEING_THERE
            and any(a.outcome in ("answered", "negative") for a in answers)
        }

    @cached_property
    def alive(self) -> frozenset[str]:
        """Addresses (`str(Ref)`) that answered a strong question whether they are there."""
        return frozenset(
            where
            for (kind, where), answers in self._answers.items()
            if kind == "host.alive" and any(a.proves and a.outcome == "answered" for a in answers)
        )

    @cached_property
    def heard(self) -> frozenset[tuple[str, str, str]]:
        """(run, probe, unit) of finished units in which anybody answered: only there is another's silence worth something."""
        return frozenset(
            (a.run, a.probe, a.unit)
            for answers in self._answers.values()
            for a in answers
            if a.outcome == "answered"
        )

    @cached_property
    def unbacked(self) -> frozenset[str]:
        """Addresses for which a strong "answered" has no observation of that unit any more: evidence is lost, nothing is clear."""
        there: set[tuple[str, str, str, str, int | None]] = set()
        for run, o in self.material.observations:
            where = address_of(o.subject)
            if where is not None:
                there.add((run, o.probe, o.unit, where, None))
                there.add((run, o.probe, o.unit, where, port_of(o)))
        return frozenset(
            where
            for (_, where), answers in self._answers.items()
            for a in answers
            if a.strength == "strong"
            and a.outcome == "answered"
            and (a.run, a.probe, a.unit, where, a.port) not in there
        )

    @cached_property
    def lost(self) -> dict[str, int]:
        """Run -> entries its file counted and which are not in the material: purged, damaged, or left out."""
        seen = Counter(run for run, _ in self.material.observations)
        told = Counter(run for run, _ in self.material.statuses)
        out: dict[str, int] = {}
        for r in self.material.runs:
            id_ = r.header.run_id
            missing = max(0, r.observations - seen[id_]) + max(0, r.statuses - told[id_])
            if missing:
                out[id_] = missing
        return out

    @cached_property
    def missed(self) -> tuple[Missed, ...]:
        """Planned units that no run of the site finished, once each, by their newest status."""
        sizes: dict[tuple[str, str, str], int] = {}
        newest: dict[tuple[str, str, str], tuple[int, ProbeStatus | None]] = {}
        for run, unit in self.material.plans:
            key = (self.site(run), unit.probe, unit.unit)
            sizes[key] = max(sizes.get(key, 1), len(unit.targets))
            newest.setdefault(key, (-1, None))
        for run, status in self.material.statuses:
            key = (self.site(run), status.probe, status.unit)
            subjects = {address_of(a.subject) for a in status.asks}
            sizes[key] = max(sizes.get(key, 1), len(subjects - {None}))
            order = (self.started.get(run, 0), status.session, status.ended)
            if key not in newest or order >= self._order(newest[key]):
                newest[key] = (self.started.get(run, 0), status)
        out: list[Missed] = []
        for key in sorted(newest):
            status_ = newest[key][1]
            if key in self._done or self._stood_in(key, status_):
                continue
            out.append(_missed(key, status_, sizes[key]))
        return tuple(out)

    @staticmethod
    def _order(entry: tuple[int, ProbeStatus | None]) -> tuple[int, int, int]:
        status = entry[1]
        return (entry[0], status.session, status.ended) if status else (-1, -1, -1)

    def _stood_in(self, key: tuple[str, str, str], status: ProbeStatus | None) -> bool:
        """Left out as a whole, on purpose, while another probe answered the same question here?"""
        site, probe, unit = key
        if unit != WHOLE or status is None or status.outcome != "skipped":
            return False
        others = _STANDS_IN.get(probe, ())
        return any(s == site and p in others and u != WHOLE for s, p, u in self._done)

    def rule(self, site: SiteFacts) -> ScopeRule:
        """What should be asked at *site*: its networks of today without what is never, not reached, or read from tables only."""
        ours = [h for h in self.headers.values() if h.site == site.id and h.kind == "run"]
        newest = max(ours, key=lambda h: h.started, default=None)
        scope = newest.scope if newest else ScopeRule(allowed=())
        return ScopeRule(
            allowed=site.networks,
            never=(*(n for n, _ in site.never), *scope.never),
            unreached=(*(n for n, _ in site.unreached), *scope.unreached),
        )

    def not_asked(self, site: SiteFacts) -> int | None:
        """How many addresses of *site* no finished strong question reached; None where there are too many to tell."""
        return self._not_asked[site.id]

    @cached_property
    def _not_asked(self) -> dict[str, int | None]:
        out: dict[str, int | None] = {}
        for site in self.material.engagement.sites:
            rule = self.rule(site)
            if rule.size() > WIDEST:
                out[site.id] = None
            else:
                out[site.id] = sum(not self.asked(site.id, host) for host in rule.hosts())
        return out

    def asked(self, site: str, host: str) -> bool:
        """Did a finished unit ask strongly whether *host* is there? On the link, silence after that is the best there is."""
        answers = self._answers.get(("host.alive", f"addr:site/{site}:{host}"), ())
        return any(a.strength == "strong" for a in answers)

    def whole(self, site: SiteFacts) -> bool:
        """Is every device of *site* known that could be found: all addresses asked, each network answering, no evidence lost?"""
        return self._whole[site.id]

    @cached_property
    def _whole(self) -> dict[str, bool]:
        return {s.id: self._is_whole(s) for s in self.material.engagement.sites}

    def _is_whole(self, site: SiteFacts) -> bool:
        if self.material.problems or self.lost or self._not_asked[site.id] != 0:
            return False
        prefix = f"addr:site/{site.id}:"
        if any(where.startswith(prefix) for where in self.unbacked):
            return False
        return bool(site.networks) and not self._silent(site, self.alive)

    def silent_networks(self, site: SiteFacts) -> dict[str, int]:
        """Networks of *site* that may be asked and from which no answer of any kind ever came, with their number of addresses."""
        return self._silent(site, self._answering)

    def _silent(self, site: SiteFacts, answering: Collection[str]) -> dict[str, int]:
        # A network from which nothing at all came back was not looked at: the cable may have been out.
        prefix = f"addr:site/{site.id}:"
        heard = [ip_address(a.removeprefix(prefix)) for a in answering if a.startswith(prefix)]
        rule = self.rule(site)
        out: dict[str, int] = {}
        for text in site.networks:
            nets = parse_range(text)
            if any(a in n for a in heard for n in nets):
                continue
            size = sum(rule.judge(str(h)) == "allowed" for n in nets for h in n.hosts())
            if size:
                out[text] = size
        return out

    @cached_property
    def _answering(self) -> set[str]:
        return {
            where
            for (_, where), answers in self._answers.items()
            if any(a.outcome in ("answered", "negative") for a in answers)
        }

    @cached_property
    def all_whole(self) -> bool:
        """`whole` for every site of the engagement, of which there is at least one."""
        return bool(self.material.engagement.sites) and all(self._whole.values())

    def newest_runs(self, site: str) -> list[RunHeader]:
        """Runs of *site*, newest first."""
        ours = [h for h in self.headers.values() if h.site == site and h.kind == "run"]
        return sorted(ours, key=lambda h: (h.started, h.run_id), reverse=True)


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


def _missed(key: tuple[str, str, str], status: ProbeStatus | None, count: int) -> Missed:
    site, probe, unit = key
    if status is None:
        return Missed(site, probe, unit, "failed", "", True, count, f"{probe}/{unit}")
    killed = bool({"killed", "interrupted"} & status.params.keys())
    return Missed(site, probe, unit, status.outcome, status.reason, killed, count, status.key)
