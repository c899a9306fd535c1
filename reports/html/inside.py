"""How far each machine was looked into, and who is administrator on it: the "not checked" matrix of the chapter on remote access."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from markupsafe import Markup

from agent.catalogs.remote_access import tools
from agent.model.inspection import AREAS, AreaLook, Inspection, LocalAdmin

if TYPE_CHECKING:
    from reports.html.view import View

MOST = 400
"""Rows in the page; the rest is counted, and all of it is in inventory.json."""
_ORDER = {"former": 0, "contested": 1, "unknown": 2, "approved": 3, "client": 4, "ours": 5}
_MARK = {"done": "✓", "partial": "◐", "not_looked": "✗", "not_there": "–"}
_RANK = {"": 0, "snmp": 1, "endpoint": 2}


class Inside:
    areas = AREAS

    def __init__(self, view: View) -> None:
        self._v = view

    @cached_property
    def all_of_them(self) -> list[Inspection]:
        """Least looked at first."""
        labels = self._v.judged.labels
        return sorted(
            self._v.judged.inspections,
            key=lambda i: (i.whole, _RANK[i.channel], labels.get(i.asset, "").lower(), i.asset),
        )

    @property
    def rows(self) -> list[Inspection]:
        return self.all_of_them[:MOST]

    @property
    def more(self) -> int:
        return max(0, len(self.all_of_them) - MOST)

    @property
    def whole(self) -> int:
        return sum(i.whole for i in self.all_of_them)

    @property
    def clean(self) -> int:
        return sum(i.clean for i in self.all_of_them)

    def look(self, one: Inspection, area: str) -> AreaLook:
        for found in one.areas:
            if found.area == area:
                return found
        return AreaLook(area=area, state="not_looked")

    def cell(self, one: Inspection, area: str) -> Markup:
        """A mark that is read out in words, and how many rows were read."""
        found = self.look(one, area)
        v = self._v
        count = Markup(" {}").format(v.n(found.count)) if found.count else Markup("")
        return Markup('<span class="look {}" role="img" aria-label="{}">{}</span>{}').format(
            found.state, v.word("look", found.state), _MARK[found.state], count
        )

    def verdict(self, one: Inspection) -> Markup:
        v = self._v
        if one.clean:
            return v.chip("done", v.t("look_clean"))
        if one.items:
            return v.chip("high", v.t("look_found", n=len(one.items)))
        return v.chip("medium", v.t("look_open"))

    def reasons(self, one: Inspection) -> list[tuple[str, Markup]]:
        """(area, what was not read and why)."""
        v = self._v
        out: list[tuple[str, Markup]] = []
        for found in one.areas:
            said: list[Markup] = []
            for reason in found.reasons[:8]:
                view, _, why = reason.partition(": ")
                told = v.t("look_not_in_document") if why == "-" else v.prose.reason(why)
                said.append(Markup("{}{} {}").format(v.s(view, 80), v.t("colon"), v.s(told, 160)))
            if (more := len(found.reasons) - 8) > 0:
                said.append(Markup("+{}").format(v.n(more)))
            if said:
                out.append((str(v.word("area", found.area)), Markup("; ").join(said)))
        return out

    @cached_property
    def by_tool(self) -> list[tuple[str, dict[str, int], int]]:
        """(product, instances by owner, machines), the former provider's first."""
        names = {t.id: t.name for t in tools()}
        owners: dict[str, Counter[str]] = {}
        hosts: dict[str, set[str]] = {}
        for item in self._v.judged.software:
            name = names.get(item.product or "", item.product or "")
            owners.setdefault(name, Counter())[item.owner.owner] += 1
            hosts.setdefault(name, set()).add(item.asset or "")
        found = [(n, dict(c), len(hosts[n])) for n, c in owners.items()]
        return sorted(found, key=lambda f: (min(_ORDER[o] for o in f[1]), -f[2], f[0]))

    @cached_property
    def owners(self) -> list[str]:
        """Those that have an instance at all, as columns."""
        there = {o for _, count, _ in self.by_tool for o in count}
        return sorted(there, key=lambda o: _ORDER[o])

    @property
    def admins(self) -> list[LocalAdmin]:
        found = sorted(self._v.judged.local_admins, key=lambda a: (-len(a.hosts), a.name))
        return found[:MOST]

    @property
    def more_admins(self) -> int:
        return max(0, len(self._v.judged.local_admins) - MOST)

    @cached_property
    def admins_unread(self) -> tuple[str, ...]:
        """Machines whose accounts and groups were not read to their end: who is administrator there is not known."""
        return tuple(
            i.asset
            for i in self.all_of_them
            if self.look(i, "accounts").state not in ("done", "not_there")
        )
