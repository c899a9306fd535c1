"""Devices that are treated with care, as data: by vendor block of the MAC address (IEEE MA-L, MA-M, MA-S), an open port, or class."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import Field

from agent.model.asset import DEVICE_CLASSES
from agent.model.base import M


class Reason(M):
    en: str = Field(min_length=5)
    fr: str = Field(min_length=5)


class FragileEntry(M):
    """`blocks`: the first 6, 7 or 9 hex digits of a MAC. `classes`: device classes. `source`: public documents with their addresses."""

    id: str
    why: Reason
    source: str = Field(min_length=5)
    blocks: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()


@cache
def load_fragile() -> tuple[FragileEntry, ...]:
    """Raises `ValueError` where two entries claim one block, port or class, or the data is wrong."""
    raw = tomllib.loads(files("agent.catalogs").joinpath("fragile.toml").read_text("utf-8"))
    entries = tuple(FragileEntry.model_validate(row) for row in raw["fragile"])
    claims = [c for e in entries for c in (*e.blocks, *map(str, e.ports), *e.classes)]
    if len(set(claims)) != len(claims):
        raise ValueError("fragile.toml: a block, port or class stands in two entries")
    if wrong := {c for e in entries for c in e.classes} - set(DEVICE_CLASSES):
        raise ValueError(f"fragile.toml: no such device class: {min(wrong)}")
    return entries


@cache
def _blocks() -> dict[str, FragileEntry]:
    return {block: e for e in load_fragile() for block in e.blocks}


@cache
def _ports() -> dict[int, FragileEntry]:
    return {port: e for e in load_fragile() for port in e.ports}


def by_mac(mac: str) -> FragileEntry | None:
    """The entry that holds the block of *mac* (any separators), the longest block first."""
    digits = "".join(c for c in mac.lower() if c in "0123456789abcdef")
    blocks = _blocks()
    return next((blocks[digits[:n]] for n in (9, 7, 6) if digits[:n] in blocks), None)


def by_port(port: int) -> FragileEntry | None:
    """The entry for a host with *port* open."""
    return _ports().get(port)


def by_class(device_class: str) -> FragileEntry | None:
    """The entry for devices of *device_class*."""
    return next((e for e in load_fragile() if device_class in e.classes), None)


def by_id(entry: str) -> FragileEntry | None:
    """The entry named *entry*; None for one that this version does not know."""
    return next((e for e in load_fragile() if e.id == entry), None)
