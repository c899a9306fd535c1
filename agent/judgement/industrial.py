"""In which networks nobody asked the ports of machines and building control: said until somebody opts in and the run looked.

A network is looked at when every address that may hold a device was asked, and one answered. What is only silent proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.catalogs.ports import OT_QUESTION
from agent.judgement.looked import Looked
from agent.model.judged import SiteFacts
from agent.model.ref import Ref, addr
from agent.model.scope import parse_range

WIDEST = 1 << 16
"""Addresses of a network up to which we check one by one."""


def industrial_unasked(looked: Looked, site: SiteFacts) -> list[str]:
    """Networks of *site*, as client.toml writes them, that are not looked at."""
    rule = looked.rule(site)
    out: list[str] = []
    for text in site.networks:
        nets = parse_range(text)
        refs = (
            addr(site.id, str(host))
            for net in nets
            for host in net.hosts()
            if rule.judge(str(host)) == "allowed"
        )
        small = sum(net.num_addresses for net in nets) <= WIDEST
        if not small or not _looked_at(looked, site, refs):
            out.append(text)
    return out


def _looked_at(looked: Looked, site: SiteFacts, refs: Iterable[Ref]) -> bool:
    spoke = False
    for ref in refs:
        answers = looked.newest(OT_QUESTION, ref)
        asked = bool(answers) and all(a.outcome != "error" for a in answers or ())
        if not asked and (answers is None or not _empty(looked, site, ref)):
            return False
        spoke = spoke or any(a.outcome in ("answered", "negative") for a in answers or ())
    return spoke


def _empty(looked: Looked, site: SiteFacts, ref: Ref) -> bool:
    """Asked strongly whether anybody is there, and nobody ever was. Elsewhere a device may keep silent."""
    return looked.asked(site.id, ref.value) and str(ref) not in looked.alive
