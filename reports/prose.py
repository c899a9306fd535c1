"""Texts of the catalogues for a report: what a rule, an item, an unknown, a door is called in one language.

A key without a text is shown as the key itself, as a report must always be made; a test sees to it that no key of a catalogue lacks one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.catalogs.checklist import load_checklist
from agent.catalogs.doors import load_doors
from agent.catalogs.reasons import in_language
from agent.catalogs.risks import fill, load_risks
from agent.catalogs.unknowns import load_unknowns
from reports.html.texts import Lang, number, strings

Params = Mapping[str, str | int]


@dataclass(frozen=True)
class Link:
    """A reference of a rule; `url` comes from our catalogue, never from a device."""

    title: str
    url: str


@dataclass(frozen=True)
class RuleProse:
    title: str
    risk: str
    remediation: str
    references: tuple[Link, ...] = ()


@dataclass(frozen=True)
class ItemProse:
    title: str
    help: str
    section: str
    section_title: str
    required: bool


@dataclass(frozen=True)
class UnknownProse:
    cause: str
    step: str
    who: str


class Prose:
    """Looks texts up in the catalogues, in one language."""

    def __init__(self, lang: Lang) -> None:
        self._lang: Lang = lang

    def rule(self, rule: str, params: Params) -> RuleProse:
        """Texts of a risk rule with its parameters filled in."""
        catalogue = load_risks()
        if rule not in catalogue:
            return RuleProse(rule, rule, rule)
        r, shown = catalogue.rule(rule), self._shown(params)
        return RuleProse(
            fill(r.title, self._lang, shown),
            fill(r.risk, self._lang, shown),
            fill(r.remediation, self._lang, shown),
            tuple(Link(x.title, x.url) for x in r.references),
        )

    def item(self, item: str) -> ItemProse:
        """Texts of a checklist item."""
        try:
            i = load_checklist().item(item)
        except KeyError:
            return ItemProse(item, item, "", "", False)
        titles = {s.id: s.title.in_(self._lang) for s in load_checklist().sections}
        return ItemProse(
            i.title.in_(self._lang),
            i.help.in_(self._lang),
            i.section,
            titles[i.section],
            i.required,
        )

    def unknown(self, cause: str, step: str, params: Params) -> UnknownProse:
        """What could not be looked at, and the step that would close it."""
        shown, catalogue = self._shown(params), load_unknowns()
        if "reason" in shown:
            shown["reason"] = self.reason(shown["reason"])
        try:
            said = fill(catalogue.cause(cause).text, self._lang, shown)
        except KeyError:
            said = cause
        try:
            todo = catalogue.step(step)
        except KeyError:
            return UnknownProse(said, step, "technician")
        return UnknownProse(said, fill(todo.text, self._lang, shown), todo.who)

    def reason(self, sentence: str) -> str:
        """Why something ended as it did; words that are none of ours stay as they are."""
        return in_language(sentence, self._lang)

    def cause(self, cause: str) -> str:
        """A cause in three words, for the sums of page one."""
        return strings(self._lang).get(f"cause_{cause}", cause)

    def door(self, door: str) -> str:
        try:
            return load_doors().door(door).title.in_(self._lang)
        except KeyError:
            return door

    def party(self, label: str) -> str | None:
        """Name of a party that is no provider ("owner unknown"); None where *label* is a provider's own name."""
        try:
            return load_doors().party("ours" if label == "us" else label).title.in_(self._lang)
        except KeyError:
            return None

    def step(self, number: int) -> str:
        """Title of one of the ten steps."""
        found = (s for s in load_checklist().steps if s.number == number)
        return next((s.title.in_(self._lang) for s in found), str(number))

    def _shown(self, params: Params) -> dict[str, str]:
        # Only counts: a port or a year takes no thousands mark.
        return {
            k: number(self._lang, v) if k == "count" and isinstance(v, int) else str(v)
            for k, v in params.items()
        }
