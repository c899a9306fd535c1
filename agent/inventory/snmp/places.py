"""Reads the places a family of the catalogue names. See `agent.catalogs.snmp_families` for how they are written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from agent.catalogs.snmp_families import Place
from agent.catalogs.snmp_products import product
from agent.inventory.snmp import descr, entity, standard, tokens
from agent.inventory.snmp.entity import dotted
from agent.inventory.snmp.identity import Field, Found
from agent.inventory.snmp.walk import Oid, Walk

SURE = 960
"""Of an object that a MIB keeps for this very value."""
MOST_ROWS = 64
SYS_OBJECT, SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 2, 0), (1, 3, 6, 1, 2, 1, 1, 5, 0)
COLUMNS = {
    "entity": entity.SOFTWARE,
    "entity.descr": entity.DESCR,
    "entity.name": entity.NAME,
    "entity.model": entity.MODEL,
    "entity.software": entity.SOFTWARE,
}
SHAPES: dict[Field, tokens.Shape] = {
    "serial": tokens.serial,
    "version": tokens.version,
    "model": tokens.named_model,
}


def general(walk: Walk, rule: str, field: Field, vendor: str) -> Iterator[Found]:
    """Values of *field* by the general rule of that name."""
    if rule == "entity":
        yield from entity.read(walk, field)
    elif rule.startswith("entity."):
        yield from entity.column(walk, COLUMNS[rule], SHAPES[field])
    elif rule == "printer":
        yield from standard.printer(walk, field)
    elif rule == "ups":
        yield from standard.ups(walk, field)
    elif rule == "device":
        yield from standard.device(walk)
    elif rule == "probe":
        yield from standard.probe(walk)
    elif rule == "product":
        where = walk.object_id(SYS_OBJECT)
        if registered := product(dotted(where)):
            yield Found(registered, dotted(SYS_OBJECT), dotted(where), "registered product", 880)
    elif rule == "name":
        if text := walk.text(SYS_NAME):
            yield Found(text, dotted(SYS_NAME), text, "sysName", 700)
    elif field == "version":
        yield from descr.version(walk)
    elif field == "serial":
        yield from descr.serial(walk)
    elif field == "model":
        yield from descr.model(walk, vendor)


def read(walk: Walk, place: Place, field: Field, vendor: str, family: str) -> Iterator[Found]:
    """Values of *field* at *place*, placeholders left out."""
    if place.pattern is None and place.rule:
        yield from general(walk, place.rule, field, vendor)
        return
    shape = SHAPES[field]
    for oid in _objects(walk, place):
        text = walk.text(oid) if place.pattern is None else walk.lines(oid)
        if not text:
            continue
        if place.pattern is not None:
            found = place.pattern.search(text)
            if found is None:
                continue
            parts = [g for g in found.groups() if g] or [found[0]]
            told = found.expand(place.template) if place.template else " ".join(parts)
            told = " ".join(told.split())
        else:
            told = text
        if value := shape(told):
            yield Found(value, dotted(oid), text, family, SURE)


def _objects(walk: Walk, place: Place) -> Iterator[Oid]:
    if place.rule == "descr":
        yield descr.SYS_DESCR
    elif place.rule == "name":
        yield SYS_NAME
    elif place.rule == "device":
        yield (*standard.DEVICE, 1)
    elif place.rule == "ups":
        yield (*standard.UPS, 2, 0)
    elif place.rule == "probe":
        yield standard.PROBE_SOFTWARE
    elif place.rule.startswith("entity"):
        for row in entity.boxes(entity.rows(walk)):
            yield (*entity.ENTRY, COLUMNS[place.rule], row.index)
    else:
        where = (*walk.object_id(SYS_OBJECT), *place.oid) if place.below else place.oid
        if place.column:
            yield from islice(walk.under(where), MOST_ROWS)
            return
        yield where
        if where[-1] == 0:
            # Some agents answer for a scalar without its instance.
            yield where[:-1]
