"""Makers nobody described to us: many keep model, version and serial side by side as scalars of one group of their own subtree.

A group counts where two of the three kinds of text stand in it, or where sysDescr says one of its texts as well. It gives a value only
where a single one has the shape: two candidates are none. Never of a platform's subtree, never beside a family that says where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.catalogs.snmp_families import platforms
from agent.inventory.snmp import tokens
from agent.inventory.snmp.descr import SYS_DESCR
from agent.inventory.snmp.entity import dotted
from agent.inventory.snmp.identity import Field, Found
from agent.inventory.snmp.vendors import enterprise
from agent.inventory.snmp.walk import ENTERPRISES, OCTETS, Oid, Walk

MOST = 600
"""Objects of a maker's subtree that are looked at: identity stands near its beginning."""
LONGEST = 64
SURE = {"agreed": 800, "alone": 620}


@dataclass
class Group:
    """Texts of the scalars below one node, in order."""

    root: Oid
    texts: list[tuple[Oid, str]] = field(default_factory=list[tuple[Oid, str]])

    def shaped(self, kind: Field, said: str, known: frozenset[str]) -> list[tuple[Oid, str]]:
        """Texts that have the shape of *kind*."""
        found: list[tuple[Oid, str]] = []
        for oid, text in self.texts:
            value = SHAPES[kind](text)
            if value and (kind == "version" or tokens.plain(value) not in known):
                if (
                    kind == "serial"
                    and tokens.plain(value) in tokens.plain(said)
                    and len(value) < 8
                ):
                    continue
                found.append((oid, value))
        return found


SHAPES: dict[Field, tokens.Shape] = {
    "serial": tokens.strict_serial,
    "version": tokens.strict_version,
    "model": tokens.strict_model,
}


def groups(walk: Walk) -> list[Group]:
    """Groups of scalars of the makers' subtrees, in order."""
    found: dict[Oid, Group] = {}
    own = enterprise(walk)
    numbers = [n for n in sorted(walk.enterprises()) if n not in platforms()]
    for number in sorted(numbers, key=lambda n: n != own):
        for at, oid in enumerate(walk.under((*ENTERPRISES, number))):
            if at >= MOST:
                break
            tag, _ = walk.values[oid]
            if oid[-1] != 0 or tag != OCTETS or len(oid) < 9:
                continue
            text = walk.text(oid)
            if text and len(text) <= LONGEST:
                group = found.setdefault(oid[:-2], Group(oid[:-2]))
                group.texts.append((oid, text))
    return list(found.values())


def read(walk: Walk, kind: Field, known: frozenset[str] = frozenset()) -> Iterator[Found]:
    """Values of *kind*; `known`: texts (letters and digits) that are other values of the device, such as its name."""
    said = walk.text(SYS_DESCR)
    bare = tokens.plain(said)
    for group in groups(walk):
        shaped: dict[Field, list[tuple[Oid, str]]] = {
            k: group.shaped(k, said, known) for k in SHAPES
        }
        models = {v for _, v in shaped["model"]}
        serials = [s for s in shaped["serial"] if not _is_word_of(s[1], said)]
        agreed = any(
            len(tokens.plain(v)) >= 4 and tokens.plain(v) in bare
            for k in ("model", "version")
            for _, v in shaped["version" if k == "version" else "model"]
        )
        kinds = sum(1 for k in (shaped["version"], serials, models) if k)
        if kinds < 2 and not agreed:
            continue
        candidates = serials if kind == "serial" else shaped[kind]
        told = [
            (o, v) for o, v in candidates if len(tokens.plain(v)) >= 4 and tokens.plain(v) in bare
        ]
        values = {v for _, v in candidates}
        if kind == "model" and not told:
            # Too many other texts look like a name with a number.
            continue
        if kind != "serial" and told:
            yield Found(
                told[0][1], dotted(told[0][0]), told[0][1], "group of values", SURE["agreed"]
            )
        elif len(values) == 1:
            oid, value = candidates[0]
            yield Found(value, dotted(oid), value, "group of values", SURE["alone"])


def _is_word_of(value: str, said: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", said) is not None
