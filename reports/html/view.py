"""What the templates call to lay the judged result out in one language and one edition. It judges nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from agent.catalogs.fragile import by_id
from agent.model.asset import Asset
from agent.model.checklist import ChecklistItem
from agent.model.finding import Finding
from agent.model.judged import SUBJECTS, Coverage, Judged, RunFacts, Todo, Unknown
from agent.model.known import Known
from agent.model.observation import Observation
from agent.model.ref import Ref
from agent.model.service import Service
from agent.model.status import ProbeStatus
from reports.html import editions, layout
from reports.html.domains import Domains
from reports.html.editions import Edition
from reports.html.inside import Inside
from reports.html.lists import Lists
from reports.html.nps import Policed
from reports.html.remote import Remote
from reports.html.shields import Shields
from reports.html.texts import inert, iso_day
from reports.html.words import Words
from reports.map.chapter import Chapter
from reports.prose import Prose, RuleProse, UnknownProse

__all__ = ["Edition", "View"]
EVIDENCE_ROWS = 4_000
"""Observations written into the page; more of them are counted, and all are in inventory.json."""
STATUS_ROWS = 500
LEDGER_ROWS = 2_000
LATER = 400
"""Devices above which the long parts are unfolded by the script when they are reached: 2,000 devices still open in a second."""
SEARCHED = 600
"""Characters of a device's hidden search words."""


@dataclass(frozen=True, kw_only=True)
class View(Words):
    """One report, as the templates see it."""

    judged: Judged
    edition: Edition

    def plain(self, value: object, limit: int) -> tuple[str, int]:
        shown, cut = inert(value, limit)
        # Whatever a text holds: only the technician's edition tells addresses.
        return (shown if self.full else editions.ADDRESS.sub(self.t("withheld_short"), shown)), cut

    @cached_property
    def prose(self) -> Prose:
        return Prose(self.lang)

    @property
    def full(self) -> bool:
        return self.edition == "technician"

    @property
    def named(self) -> bool:
        """Names of devices and people may be shown."""
        return self.edition != "outside"

    # --- names and links -----------------------------------------------------------------------------------------------

    @cached_property
    def assets(self) -> dict[str, Asset]:
        return {a.id: a for a in self.judged.assets}

    def _name(self, asset: str) -> str:
        if not self.named:
            return asset[:8]
        told = self.judged.labels.get(asset) or asset[:8]
        if not self.full and editions.ADDRESS.search(told) and asset in self.assets:
            told = f"{self.class_of(self.assets[asset])} {asset[:6]}"
        return told

    def label(self, asset: str) -> Markup:
        return self.s(self._name(asset), 120)

    def called(self, asset: Asset) -> str:
        """Its name as plain inert text: the picture of the map knows no markup."""
        return self.plain(self._name(asset.id), 120)[0]

    def link(self, asset: str) -> Markup:
        """The device by its name, linked to its card where this edition has one."""
        if self.full and asset in self.assets:
            return Markup('<a href="#d-{}">{}</a>').format(asset, self.label(asset))
        return self.label(asset)

    def links(self, assets: Sequence[str], most: int = 4) -> Markup:
        """The first devices, and how many more; only their number where this edition names none."""
        if not self.named:
            return (
                Markup("{}").format(self.t("device_count", n=len(assets))) if assets else Markup("")
            )
        return self._some([self.link(a) for a in assets[:most]], len(assets) - most)

    def concerned(self, todo: Todo) -> Markup:
        """Whom an action concerns: linked devices where it names devices, else its labels."""
        found = (
            r.value if r.kind == "asset" else self._asset_at.get(str(r)) for r in todo.subjects
        )
        ids = list(dict.fromkeys(a for a in found if a in self.assets and a is not None))
        return self.links(ids, 2) if ids else self.some(todo.labels, 2)

    @cached_property
    def _asset_at(self) -> dict[str, str]:
        return {str(s.at): s.asset for s in self.judged.services}

    def some(self, values: Sequence[object], most: int = 4) -> Markup:
        return self._some([self.s(x, 60) for x in values[:most]], len(values) - most)

    def _some(self, parts: list[Markup], more: int) -> Markup:
        shown = Markup(", ").join(parts)
        return (
            shown + Markup(' <span class="soft">+{}</span>').format(self.n(more))
            if more > 0
            else shown
        )

    def ref(self, ref: Ref | None) -> Markup:
        if ref is None or not self.full:
            return Markup("")
        if ref.kind == "asset":
            return self.link(ref.value)
        return self.s(ref.value, 120)

    def refs(self, ids: Sequence[str], most: int = 3) -> Markup:
        """Links to the first observations behind a claim, and how many more there are."""
        if not self.full or not ids:
            return Markup("")
        parts = [
            Markup('<a class="mono" href="#e-{}">{}</a>').format(i, i[:6])
            if i in self._evidence_shown
            else Markup('<span class="mono">{}</span>').format(i[:6])
            for i in ids[:most]
        ]
        if len(ids) > most:
            parts.append(Markup('<span class="soft">+{}</span>').format(len(ids) - most))
        return Markup(" ").join(parts)

    def party(self, label: str) -> Markup:
        told = self.prose.party(label)
        return Markup("{}").format(told) if told else self.s(label, 80)

    @cached_property
    def run_numbers(self) -> dict[str, str]:
        """Run id -> R1, R2 ... in the order they began."""
        ordered = sorted(self.judged.runs, key=lambda r: (r.header.started, r.header.run_id))
        return {r.header.run_id: f"R{i}" for i, r in enumerate(ordered, start=1)}

    def run(self, run_id: str) -> Markup:
        shown = self.run_numbers.get(run_id)
        if shown is None:
            return self.s(run_id, 8)
        return Markup('<a href="#run-{}">{}</a>').format(shown, shown)

    # --- values --------------------------------------------------------------------------------------------------------

    def class_of(self, asset: Asset) -> str:
        return self.word("class", asset.device_class.value or "unknown")

    def value(self, asset: Asset, name: str, limit: int = 60) -> Markup:
        """A known attribute for a table cell; empty where it is not known."""
        known = asset.attrs.get(name)
        return (
            self.s(known.value, limit)
            if known is not None and known.state == "known"
            else Markup("")
        )

    def known(self, value: Known[Any]) -> Markup:
        """A value with its standing: what else was told is said, what is not known is said as such."""
        if value.state == "known":
            out = Markup("{} {}").format(
                self.s(value.value, 200), self.refs(value.candidates[0][1], 2)
            )
            for other, ids in value.candidates[1:]:
                out += Markup('<br><span class="soft">{}: {} {}</span>').format(
                    self.t("also_told"), self.s(other, 200), self.refs(ids, 2)
                )
            return out
        if value.state == "conflict":
            told = Markup(" / ").join(
                Markup("{} {}").format(self.s(v, 200), self.refs(ids, 2))
                for v, ids in value.candidates
            )
            return Markup("{}: {}").format(self.chip("suspected", self.t("conflicting")), told)
        return Markup('<span class="soft">{}</span>').format(self.t(f"known_{value.state}"))

    def body(self, o: Observation) -> Markup:
        """What was observed, field by field, bounded."""
        fields = {
            k: x for k, x in o.body.model_dump(mode="json").items() if x not in ("", None, [], {})
        }
        fields.pop("v", None)
        for k in ("not_before", "not_after"):
            if isinstance(fields.get(k), int):
                fields[k] = iso_day(fields[k])
        return Markup(" · ").join(
            Markup('<span class="soft">{}</span> {}').format(
                k, self.s(x if isinstance(x, str) else json.dumps(x), 240)
            )
            for k, x in fields.items()
        )

    def searched(self, asset: Asset) -> str:
        """Words by which a device is found though its row does not show them."""
        parts = [r.value for r in asset.addrs[4:]]
        parts += [p.mac.value for p in asset.ports if p.mac]
        parts += [str(k.value) for k in asset.attrs.values() if k.state == "known"]
        parts += [str(s.port) for s in self.services_of.get(asset.id, [])]
        return inert(" ".join(x[:80] for x in parts), SEARCHED)[0]

    # --- page one ------------------------------------------------------------------------------------------------------

    @property
    def dates(self) -> tuple[int, int] | None:
        runs = [r for r in self.judged.runs if r.header.kind == "run"]
        if not runs:
            return None
        ends = [e.ended for r in runs for e in r.ends] + [r.header.started for r in runs]
        return min(r.header.started for r in runs), max(ends)

    @property
    def headline(self) -> list[Markup]:
        """The parts of the one sentence of page one; each says what was not examined as such."""
        p, e = self.judged.page_one, self.judged.engagement
        who = ", ".join(e.former) or self.t("name_unknown")
        key = "headline_ways" if p.ways_in is not None else "headline_ways_none"
        out = [self.f(key, who=who, n=p.ways_in or 0)]
        if p.ways_in_suspected:
            more = "headline_suspected" if p.ways_in else "headline_suspected_only"
            out.append(self.f(more, n=p.ways_in_suspected))
        if p.ways_in:
            reach = "headline_admin" if p.ways_to_admin is not None else "headline_admin_none"
            out.append(self.f(reach, n=p.ways_to_admin or 0))
        if p.systems_not_looked or not p.systems:
            out.append(self.f("headline_systems", missed=p.systems_not_looked, n=p.systems))
        else:
            out.append(self.f("headline_systems_all", n=p.systems))
        if self.coverage[0].total is None and p.systems:
            out.append(self.f("headline_total_unknown"))
        return out

    @property
    def coverage(self) -> list[Coverage]:
        by = {c.subject: c for c in self.judged.page_one.coverage}
        return [by.get(s, Coverage(subject=s, looked=0, total=None)) for s in SUBJECTS]

    def coverage_text(self, c: Coverage) -> str:
        if c.total is None and not c.looked:
            return self.t("not_examined")
        if c.total is None:
            return self.t("looked_unknown_total", looked=c.looked)
        return self.t("looked_of", looked=c.looked, total=c.total)

    @cached_property
    def doors(self) -> layout.DoorMatrix:
        return layout.door_matrix(self.judged.doors)

    @property
    def tiles(self) -> tuple[list[tuple[str, int]], list[str]]:
        """Counts of page one that were examined, and the names of those that were not: never a zero where nobody looked."""
        p = self.judged.page_one
        counts = {
            "no_rmm": p.no_rmm,
            "no_antivirus": p.no_antivirus,
            "no_backup": p.no_backup,
            "foreign_hands": p.second_factor_foreign,
            "leavers": p.leavers,
            "ownerless": p.ownerless_accounts,
            "administrators": p.administrators,
            "personal": p.personal_devices,
        }
        return (
            [(k, x) for k, x in counts.items() if x is not None],
            [k for k, x in counts.items() if x is None],
        )

    @cached_property
    def targets(self) -> int:
        """Different targets of the ledger."""
        return len({(x.site, x.target) for x in self.judged.ledger})

    @property
    def current_step(self) -> int:
        """The first step that is not closed."""
        return next((s.step for s in self.judged.page_one.steps if s.closed < s.total), 10)

    def params(self, params: Mapping[str, str | int]) -> dict[str, str | int]:
        """Parameters this edition may show, bounded; the others are named as withheld."""
        return editions.params(self.edition, params, self.t("withheld_short"))

    def rule(self, rule: str, params: Mapping[str, str | int]) -> RuleProse:
        return self.prose.rule(rule, self.params(params))

    def unknown(self, u: Unknown) -> UnknownProse:
        return self.prose.unknown(u.cause, u.step, self.params(u.params))

    # --- chapters ------------------------------------------------------------------------------------------------------

    def says_more(self, u: Unknown, told: UnknownProse) -> bool:
        """Does the label name something that the sentence does not?"""
        return bool(u.label) and u.label not in told.cause and not u.cause.startswith("subject_")

    @cached_property
    def finding_groups(self) -> list[layout.FindingGroup]:
        return layout.finding_groups(self.judged.findings, lambda f: self.rule(f.rule, f.params))

    @cached_property
    def findings_of(self) -> dict[str, list[Finding]]:
        out: dict[str, list[Finding]] = {}
        for f in self.judged.findings:
            for a in f.assets:
                out.setdefault(a, []).append(f)
        return out

    def finding_title(self, key: str) -> Markup:
        f = self._findings.get(key)
        return self.s(self.rule(f.rule, f.params).title if f else key[:6], 120)

    @cached_property
    def _findings(self) -> dict[str, Finding]:
        return {f.key: f for f in self.judged.findings}

    def checklist_sections(self, step: int) -> list[tuple[str, list[ChecklistItem]]]:
        """Items of a step under the titles of their sections, in the order of the catalogue."""
        out: dict[str, list[ChecklistItem]] = {}
        for i in self.judged.checklist:
            if i.step == step:
                out.setdefault(self.prose.item(i.id).section_title, []).append(i)
        return list(out.items())

    @cached_property
    def devices(self) -> list[Asset]:
        return layout.device_order(self.judged.assets)

    @property
    def later(self) -> bool:
        return len(self.judged.assets) > LATER

    @cached_property
    def services_of(self) -> dict[str, list[Service]]:
        return layout.services_of(self.judged.services)

    @cached_property
    def chapter(self) -> Chapter:
        """The chapter of the map."""
        return Chapter(self)

    @cached_property
    def shields(self) -> Shields:
        """What protects the machines."""
        return Shields(self)

    @cached_property
    def lists(self) -> Lists:
        """What management consoles know."""
        return Lists(self)

    @cached_property
    def domains(self) -> Domains:
        """The chapter on the directory."""
        return Domains(self)

    @cached_property
    def policed(self) -> Policed:
        """The chapter on Network Policy Servers."""
        return Policed(self)

    @cached_property
    def inside(self) -> Inside:
        """How far machines were looked into."""
        return Inside(self)

    @cached_property
    def remote(self) -> Remote:
        """The chapter on remote-access software."""
        return Remote(self)

    @cached_property
    def sites(self) -> list[str]:
        return sorted({s for a in self.judged.assets for s in a.sites})

    def filters(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """(name, [(value, label)]) of the choices above the device table; a site is its number, as its name is free text."""
        classes = {a.device_class.value or "unknown" for a in self.judged.assets}
        presences = {a.presence for a in self.judged.assets}
        return [
            ("site", [(str(i), inert(s, 60)[0]) for i, s in enumerate(self.sites)]),
            ("class", sorted(((c, self.word("class", c)) for c in classes), key=lambda p: p[1])),
            ("presence", [(x, self.word("presence", x)) for x in sorted(presences)]),
        ]

    def site_numbers(self, asset: Asset) -> str:
        return " ".join(str(self.sites.index(s)) for s in asset.sites)

    @cached_property
    def statuses(self) -> tuple[list[tuple[str, ProbeStatus]], int]:
        """Units that need a reader (anything but done), and how many are only counted."""
        odd = [(r, s) for r, s in self.judged.statuses if s.outcome != "done"][:STATUS_ROWS]
        return odd, len(self.judged.statuses) - len(odd)

    @cached_property
    def status_sums(self) -> list[Any]:
        return layout.status_sums(self.judged.statuses)

    @property
    def ledger(self) -> tuple[list[Any], int]:
        """The lines with most packets, and how many are only in inventory.json."""
        lines = sorted(self.judged.ledger, key=lambda x: -x.packets)
        return lines[:LEDGER_ROWS], max(0, len(lines) - LEDGER_ROWS)

    def care(self, why: str) -> str:
        """Why a target of the ledger was treated with care, in words; empty where it was not."""
        if not why:
            return ""
        entry = by_id(why)
        if entry is None:
            return self.t("care_asked") if why == "client.toml" else why
        return entry.why.fr if self.lang == "fr" else entry.why.en

    def verdict(self, r: RunFacts) -> list[tuple[str, str]]:
        """The three verdicts of verify as (kind, text): in itself, signed, known outside."""
        return [
            ("done", self.t("self_consistent"))
            if r.self_consistent
            else ("NO", self.t("not_consistent")),
            ("done", str(self.t("signed_by", key=inert(r.signed_by, 12)[0])))
            if r.signed_by
            else ("medium", self.t("unsigned")),
            ("done", self.t("known_outside"))
            if r.known_outside
            else ("medium", self.t("not_known_outside")),
        ]

    @cached_property
    def evidence(self) -> tuple[list[tuple[str, Observation, bool]], int]:
        if not self.full:
            return [], 0
        claimed = {i for f in self.judged.findings for i in f.evidence}
        claimed |= {i for d in self.judged.doors for i in d.evidence}
        return layout.evidence_rows(self.judged.observations, claimed, EVIDENCE_ROWS)

    @cached_property
    def _evidence_shown(self) -> frozenset[str]:
        return frozenset(o.id for _, o, _ in self.evidence[0])
