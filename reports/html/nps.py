"""The chapter on Network Policy Servers: their policies in order, whom they let in, who may ask them, whom they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from agent.model.nps import NpsEntry, NpsLine, NpsServer

if TYPE_CHECKING:
    from reports.html.view import View

MOST = 1_000
"""Rows of one table in the page; the rest is counted, and all of them are in inventory.json."""
_CHIP = {
    "grant": "high",
    "accept": "critical",
    "forward": "medium",
    "deny": "done",
    "local": "done",
}
_ENTRY = {"yes": "high", "conditional": "medium", "unknown": "suspected"}


class Policed:
    most = MOST

    def __init__(self, view: View) -> None:
        self._v = view

    @property
    def rows(self) -> tuple[NpsServer, ...]:
        return self._v.judged.nps

    def verdict(self, line: NpsLine) -> Markup:
        v = self._v
        out = v.chip(_CHIP.get(line.verdict, "suspected"), v.word("nps_verdict", line.verdict))
        if line.target:
            out += Markup(" {}").format(v.s(line.target, 80))
        if not line.enabled:
            out += Markup(' <span class="soft">({})</span>').format(v.t("nps_off"))
        return out

    def asks(self, line: NpsLine) -> Markup:
        """Its conditions: groups by name, the rest as the file has it."""
        v = self._v
        parts = [v.some(line.groups, 6)] if line.groups else []
        if v.full:
            parts += [
                Markup('<span class="mono">{}</span>').format(v.s(o, 160)) for o in line.others
            ]
        elif line.others:
            parts.append(Markup("{}").format(v.f("nps_others", n=len(line.others))))
        if line.anybody and line.verdict == "grant":
            parts.insert(0, Markup("<strong>{}</strong>").format(v.t("nps_no_group")))
        return Markup("<br>").join(parts) if parts else Markup("–")

    def methods(self, line: NpsLine) -> str:
        return self._v.some([str(self._v.word("nps_method", m)) for m in line.methods], 6)

    def entry(self, entry: NpsEntry) -> Markup:
        v = self._v
        out = v.chip(_ENTRY[entry.verdict], v.word("nps_entry", entry.verdict))
        if entry.despite:
            out += Markup(' <span class="soft">{}</span>').format(v.t("nps_despite"))
        return out

    def counted(self, server: NpsServer, verdict: str) -> int:
        return sum(e.verdict == verdict for e in server.entries)
