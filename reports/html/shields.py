"""What protects the machines, by product, and what of it gets in its own way: part of the chapter on remote access."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from agent.catalogs.protection import by_id, text_of
from agent.model.protection import Conflict

if TYPE_CHECKING:
    from reports.html.view import View

MOST = 400
_SEVERITY = {"yes": 0, "unknown": 1}
_STAYS = frozenset({"ours", "approved", "client"})


class Shields:
    def __init__(self, view: View) -> None:
        self._v = view

    @cached_property
    def products(self) -> list[tuple[str, str, dict[str, int], int]]:
        """(product, kind, machines by state, machines), most machines first."""
        states: dict[str, Counter[str]] = {}
        hosts: dict[str, set[str]] = {}
        for item in self._v.judged.protection:
            states.setdefault(item.product, Counter())[item.form] += 1
            hosts.setdefault(item.product, set()).add(item.asset)
        found = [
            (self.name(p), by_id()[p].kind if p in by_id() else "", dict(c), len(hosts[p]))
            for p, c in states.items()
        ]
        return sorted(found, key=lambda f: (f[1], -f[3], f[0]))

    @cached_property
    def clashes(self) -> list[Conflict]:
        labels = self._v.judged.labels
        found = sorted(
            self._v.judged.clashes,
            key=lambda c: (_SEVERITY[c.verdict], c.kind, labels.get(c.asset, "").lower(), c.id),
        )
        return found[:MOST]

    @property
    def more(self) -> int:
        return max(0, len(self._v.judged.clashes) - MOST)

    @cached_property
    def asked(self) -> list[tuple[str, int, bool, str]]:
        """(product, machines, former provider's, what to ask for before it goes) of what does not stay, where the catalogue knows it."""
        hosts: dict[str, set[str]] = defaultdict(set)
        his: set[str] = set()
        for item in self._v.judged.protection:
            product = by_id().get(item.product)
            leaves = item.owner.owner not in _STAYS and item.form != "residue" and not item.builtin
            if leaves and product is not None and product.tamper is not None:
                hosts[item.product].add(item.asset)
                his |= {item.product} if item.owner.owner == "former" else set()
        found = [
            (self.name(p), len(some), p in his, str(tamper.in_(self._v.lang)))
            for p, some in hosts.items()
            if (tamper := by_id()[p].tamper) is not None
        ]
        return sorted(found, key=lambda f: (not f[2], -f[1], f[0].lower()))

    def name(self, product: str) -> str:
        """What people call it, whether it protects or is an agent."""
        from agent.catalogs.remote_access import tools

        agents = {t.id: t.name for t in tools()}
        return by_id()[product].name if product in by_id() else agents.get(product, product)

    def names(self, clash: Conflict) -> str:
        return ", ".join(self.name(p) for p in clash.products)

    def told(self, clash: Conflict, part: str) -> str:
        """Its title, reason or step in the reader's language."""
        return str(getattr(text_of(clash.kind), part).in_(self._v.lang))
