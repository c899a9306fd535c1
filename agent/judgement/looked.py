"""`Looked`: what was asked of whom and how it was answered, over all runs; the only place that decides whether a look was complete.

Everything here errs one way: a status that is missing, failed or not borne out by its observations makes less known, never more.
The newest run that was to ask decides. What it left unfinished is unknown again, whatever an older run had found: had it finished, it
might have met silence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from functools import cached_property
from ipaddress import ip_address

from agent.judgement.answers import Answer, Looks, question
from agent.judgement.missed import Missed, missed
from agent.material import Material
from agent.model.judged import SiteFacts
from agent.model.ref import Ref
from agent.model.run import RunHeader
from agent.model.scope import ScopeRule, parse_range

WIDEST = 1 << 17
"""Addresses of a site up to which we check one by one whether they were asked: two /16."""
ALIVE = "host.alive"
_BEING_THERE = frozenset({ALIVE, "icmp.echo"})


class Looked:
    def __init__(self, material: Material) -> None:
        self.material = material
        self.headers: dict[str, RunHeader] = {r.header.run_id: r.header for r in material.runs}
        self._looks = Looks(material)
        self._answers = self._looks.answers

    def site(self, run: str) -> str:
        """Site of *run*; empty for a run whose header is not there."""
        header = self.headers.get(run)
        return header.site if header else ""

    def answers(self, kind: str, address: Ref) -> list[Answer]:
        """Every answer of a finished unit of any run to *kind* about *address*."""
        return self._answers.get((question(kind), str(address)), [])

    def proved(
        self, kind: str, addresses: Iterable[Ref], only: Ref | None = None
    ) -> tuple[str, ...]:
        """Statuses that prove *kind* was answered, yes or no, at every one of *addresses* and for all that was asked there; else empty.

        A single address or service that was not asked, stayed silent, did not answer the newest sweep, or whose evidence is lost,
        leaves room for what we look for. With *only*, the question must have been put to that very service.
        """
        if self.damaged:
            return ()
        keys: dict[str, None] = {}
        for address in addresses:
            looks = self._looks.newest(question(kind), str(address))
            told: dict[str, list[Answer]] = defaultdict(list)
            for answer in (a for look in looks for a in look.answers if a.kind == question(kind)):
                if only is None or answer.subject == str(only):
                    told[answer.subject].append(answer)
            if not told or not all(look.done for look in looks) or not self.present(address):
                return ()
            for answers in told.values():
                proving = [a.status for a in answers if a.proves]
                if not proving:
                    return ()
                keys.update(dict.fromkeys(proving))
        return tuple(keys)

    def present(self, address: Ref) -> bool:
        """Did *address* answer the newest run that was to ask whether it is there? Also where no run could: beyond the link."""
        looks = self._looks.newest(ALIVE, str(address))
        return not looks or any(
            a.kind == ALIVE and a.proves and a.outcome == "answered"
            for look in looks
            if look.done
            for a in look.answers
        )

    def looked_into(self, addresses: Collection[Ref]) -> bool:
        """Is one of *addresses* still there, and did one answer, yes or no, a question that goes beyond being there?"""
        wanted = {str(a) for a in addresses}
        return bool(wanted & self._looked_into) and any(self.present(a) for a in addresses)

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
        """Addresses (`str(Ref)`) that ever answered a strong question whether they are there."""
        return frozenset(
            where
            for (kind, where), answers in self._answers.items()
            if kind == ALIVE
            and any(a.strength == "strong" and a.outcome == "answered" for a in answers)
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

    @property
    def damaged(self) -> bool:
        """Is anything known to be missing: a run file that cannot be read or is disputed, or entries of one?"""
        return bool(self.material.problems or self.material.disputed or self.lost)

    @cached_property
    def missed(self) -> tuple[Missed, ...]:
        """Planned units that the newest run which planned them did not finish."""
        return missed(self.material, self.headers)

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
        """Did the newest run that was to ask strongly whether *host* is there finish? On the link, silence after that is the best there is.

        An answer whose evidence is lost is none: the device may be one that we list nowhere.
        """
        looks = self._looks.newest(ALIVE, f"addr:site/{site}:{host}")
        return all(look.done for look in looks) and any(
            a.kind == ALIVE and a.strength == "strong" and a.backed
            for look in looks
            for a in look.answers
        )

    def newest(self, kind: str, address: Ref) -> list[Answer] | None:
        """Answers of the newest run that put question *kind* to *address*, or was to; None where a unit of it did not finish."""
        looks = self._looks.newest(question(kind), str(address))
        if not all(look.done for look in looks):
            return None
        return [a for look in looks for a in look.answers if a.kind == question(kind)]

    def whole(self, site: SiteFacts) -> bool:
        """Is every device of *site* known that could be found: all addresses asked, each network answering, no evidence lost?"""
        return self._whole[site.id]

    @cached_property
    def _whole(self) -> dict[str, bool]:
        return {s.id: self._is_whole(s) for s in self.material.engagement.sites}

    def _is_whole(self, site: SiteFacts) -> bool:
        if self.damaged or self._not_asked[site.id] != 0:
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
