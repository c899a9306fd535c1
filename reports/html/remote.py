"""The chapter on remote-access software: a row an instance, the former provider's first, then what has no known owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from markupsafe import Markup

from agent.catalogs.remote_access import tools
from agent.catalogs.removal import Removal, removals
from agent.model.attribution import Attribution
from agent.model.software import SoftwareItem

if TYPE_CHECKING:
    from reports.html.view import View

MOST = 1_000
"""Instances in the page; the rest is counted, and all are in inventory.json."""
_RANK = {"former": 0, "contested": 1, "unknown": 2, "approved": 3, "client": 4, "ours": 5}
_CHIP = {"former": "critical", "contested": "high", "unknown": "suspected", "ours": "done"}


_STAYS = frozenset({"ours", "approved", "client"})


@dataclass(frozen=True)
class Coming:
    """How one product comes off: its row of the catalogue, None where nothing is known; `hosts`: machines it is on, `futile`: of these,
    where something was found that brings it back, and `unread`: where its starts were not read to their end. `traces`: where only what
    it left behind is there, of a product whose traces register anew."""

    product: str
    name: str
    known: Removal | None
    hosts: tuple[str, ...]
    futile: tuple[str, ...]
    unread: tuple[str, ...]
    traces: tuple[str, ...]
    former: bool


class Remote:
    def __init__(self, view: View) -> None:
        self._v = view
        self._parties = {
            d.party.provider: d.party_label for d in view.judged.doors if d.party.provider
        }

    @cached_property
    def _read(self) -> frozenset[str]:
        """Machines whose tasks and start-up entries were read to their end."""
        wanted = {"tasks", "autostarts"}
        return frozenset(
            i.asset
            for i in self._v.judged.inspections
            if wanted <= {a.area for a in i.areas if a.state == "done"}
        )

    def starts_read(self, item: SoftwareItem) -> bool:
        return item.asset in self._read

    @property
    def more(self) -> int:
        return max(0, len(self._v.judged.software) - MOST)

    @cached_property
    def rows(self) -> list[SoftwareItem]:
        return self._sorted[:MOST]

    @cached_property
    def _sorted(self) -> list[SoftwareItem]:
        return sorted(
            self._v.judged.software,
            key=lambda i: (_RANK[i.owner.owner], i.category, i.product or "", i.asset or "", i.id),
        )

    @cached_property
    def coming_off(self) -> list[Coming]:
        """Products that do not stay and are on a machine: the former provider's first."""
        by: dict[str, list[SoftwareItem]] = defaultdict(list)
        for item in self._leaving:
            known = removals().get(item.product or "")
            returns = known is not None and "reregisters" in known.returns
            if item.product and item.asset and (item.form != "residue" or returns):
                by[item.product].append(item)
        found = [
            Coming(
                product=product,
                name=_names().get(product, product),
                known=removals().get(product),
                hosts=_assets(some),
                futile=_assets(i for i in some if i.reinstalled_by),
                unread=_assets(i for i in some if not self.starts_read(i)),
                traces=_assets(i for i in some if i.form == "residue"),
                former=any(i.owner.owner == "former" for i in some),
            )
            for product, some in by.items()
        ]
        return sorted(found, key=lambda c: (not c.former, -len(c.hosts), c.name.lower()))

    @property
    def ask_first(self) -> str:
        """The first step: a provider who must not know yet is not asked."""
        return "off_first" if self._v.judged.engagement.former_knows else "off_first_quiet"

    @property
    def ask_protection(self) -> str:
        """May the holders be asked already?"""
        known = self._v.judged.engagement.former_knows
        return "shields_asked_help" if known else "shields_asked_quiet"

    @cached_property
    def _leaving(self) -> list[SoftwareItem]:
        return [i for i in self._v.judged.software if i.owner.owner not in _STAYS]

    @property
    def unnamed(self) -> int:
        """Instances on machines of which no product is known: the table of products has no row for them."""
        return sum(bool(i.asset) and not i.product for i in self._leaving)

    @property
    def in_policies(self) -> int:
        """Instances that stand in a policy and on no machine that was looked at."""
        return sum(not i.asset for i in self._leaving)

    def tools(self, ids: Sequence[str]) -> Markup:
        return self._v.some([_names().get(i, i) for i in ids], 4)

    def product(self, item: SoftwareItem) -> Markup:
        return self._v.s(_names().get(item.product or "", item.product), 80)

    def owner(self, owner: Attribution) -> Markup:
        """Whose it is, or who is suspected; why, where this edition may tell."""
        v = self._v
        out = v.chip(_CHIP.get(owner.owner, "medium"), v.word("owner", owner.owner))
        if owner.provider:
            out += Markup(" {}").format(v.s(self._parties.get(owner.provider, owner.provider), 80))
        elif owner.suspected:
            # We have no row among those who can get in.
            called = {"ours": v.word("owner", "ours"), **self._parties}
            names = Markup(", ").join(v.s(called.get(p, p), 80) for p in owner.suspected)
            out += Markup(' <span class="soft">{}{} {}</span>').format(
                v.t("door_suspected"), v.t("colon"), names
            )
        if v.full and (reasons := [*owner.for_, *owner.against]):
            told = Markup("; ").join(v.s(w.matched, 100) for w in reasons[:3])
            out += Markup('<br><span class="soft">{}</span>').format(told)
        return out

    def seen(self, item: SoftwareItem) -> Markup:
        """The signs, by name."""
        shown = sorted({a.name or a.value for a in item.artefacts})
        return self._v.some(shown, 3)

    def instance(self, item: SoftwareItem) -> Markup:
        return self._v.some([item.instance[k] for k in sorted(item.instance)], 3)

    def evidence(self, item: SoftwareItem) -> Markup:
        return self._v.refs(tuple(dict.fromkeys(e for a in item.artefacts for e in a.evidence)), 4)


def _assets(items: Iterable[SoftwareItem]) -> tuple[str, ...]:
    return tuple(sorted({i.asset for i in items if i.asset}))


def _names() -> dict[str, str]:
    return {t.id: t.name for t in tools()}
