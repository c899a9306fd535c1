"""Identity by SNMP: examples of families and of what is to be refused; every place of the catalogue can be reached; hostile walks."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalogs.enterprises import organisation, vendor
from agent.catalogs.snmp_families import (
    Family,
    Place,
    families,
    kind_of_enterprise,
    place,
    raw_families,
    types,
)
from agent.inventory.snmp.identify import identify
from agent.inventory.snmp.identity import FIELDS
from agent.inventory.snmp.walk import Oid, Value
from agent.model.asset import DEVICE_CLASSES
from tests.agent.inventory.snmp.walks import NAMES, walk

EXAMPLES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "examples.toml").read_text("utf-8")
)["example"]
VALUES = {"model": "ZX-4711", "version": "7.8.9", "serial": "QV7700123456"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: str(e["walk"].get("descr"))[:30])
def test_examples(example: dict[str, Any]) -> None:
    told = identify(walk(example["walk"]))
    assert {k: getattr(told, k) for k in example["is"]} == example["is"]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e["is"].get("vendor")], ids=str)
def test_each_value_names_the_object_it_was_read_from(example: dict[str, Any]) -> None:
    told = identify(walk(example["walk"]))
    stood = {".".join(map(str, o)): str(v) for o, (_, v) in walk(example["walk"]).items()}
    sure = dict(told.sure)
    assert told.confidence == min(sure.values())
    for e in told.evidence:
        if e.field in VALUES:
            assert e.text == " ".join(stood[e.oid].split())[:160]
            assert e.rule


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e["is"].get("serial")], ids=str)
def test_what_is_taken_away_is_not_made_up(example: dict[str, Any]) -> None:
    """Without the object that decided, nothing else passes for the serial."""
    whole = walk(example["walk"])
    (decided,) = [e.oid for e in identify(whole).evidence if e.field == "serial"]
    less = {o: v for o, v in whole.items() if ".".join(map(str, o)) != decided}
    assert identify(less).serial == ""


def _reachable() -> list[tuple[Family, str, Place]]:
    """Families told without words of sysDescr, and their plain places."""
    return [
        (f, name, p)
        for f in families()
        if f.descr is None and not f.weak
        for name, places in (("model", f.model), ("version", f.version), ("serial", f.serial))
        for p in places or ()
        if not p.rule and p.pattern is None
    ]


@pytest.mark.parametrize(
    ("f", "name", "p"), _reachable(), ids=lambda v: getattr(v, "id", str(v)[:40])
)
def test_a_value_where_the_catalogue_says_is_found(f: Family, name: str, p: Place) -> None:
    """An agent that says nothing but what makes it one of the family, and the value."""
    named = f.objects[0] if f.objects else (1, 3, 6, 1, 4, 1, min(f.pens)) if f.pens else None
    said: dict[Oid, tuple[int, Value]] = {}
    if named is not None:
        said[NAMES["object"]] = (6, ".".join(map(str, named)))
    for root in f.has[:1]:
        said[(*root, 250, 0)] = (2, 1)
    where = (*(named or ()), *p.oid) if p.below else p.oid
    said[(*where, 1) if p.column else where] = (4, VALUES[name])
    told = identify(said)
    assert getattr(told, name) == VALUES[name]
    assert [e.rule for e in told.evidence if e.field == name] == [f.id]


def test_the_catalogue_is_whole() -> None:
    ids = [f.id for f in families()]
    assert len(ids) == len(set(ids)) > 150
    for f in families():
        assert f.type == "" or f.type in types(), f.id
        assert f.source, f.id
        assert f.pens or f.objects or f.descr or f.has, f"{f.id} would hold for everybody"
    assert set(types().values()) <= set(DEVICE_CLASSES)
    assert "network" not in types()
    assert set(kind_of_enterprise().values()) <= set(types())
    known = {"id", "weak", "pen", "object", "descr", "has", "vendor", "type", "os", "source"}
    assert {k for raw in raw_families() for k in raw} <= known | set(VALUES)


@pytest.mark.parametrize("text", ["entity.colour", "1.2.x", "descr ~ (", "", "std.", "@.a"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        place(text)


def test_names_of_the_registry() -> None:
    assert vendor(9) == "Cisco"
    assert organisation(311) == "Microsoft"
    assert organisation(2**31) == ""


numbers = st.sampled_from([9, 11, 311, 318, 674, 2011, 6574, 8072, 12356, 14988, 25461, 65432])
oids = st.one_of(
    st.sampled_from([*NAMES.values(), (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 5, 1)]),
    st.sampled_from([(1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, c, 1) for c in (2, 4, 7, 10, 11, 13)]),
    st.builds(
        lambda n, r: (1, 3, 6, 1, 4, 1, n, *r), numbers, st.lists(st.integers(0, 20), max_size=8)
    ),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20).map(tuple),
)
values = st.one_of(
    st.integers(-(2**63), 2**64),
    st.text(max_size=200),
    st.binary(max_size=200),
    numbers.map(lambda n: f"1.3.6.1.4.1.{n}.1.2"),
    st.text(alphabet="Vv0123456789.-()/ :,;SNersion", max_size=2000),
)


@settings(max_examples=400, deadline=2000)
@given(
    st.dictionaries(oids, st.tuples(st.sampled_from([2, 4, 6, 64, 67, 70]), values), max_size=40)
)
def test_whatever_an_agent_says(said: dict[Oid, tuple[int, Value]]) -> None:
    told = identify(said)
    assert 0 <= told.confidence <= 1000
    for field in FIELDS:
        value = getattr(told, field)
        assert len(value) <= 160
        assert value.isprintable() or not value
        assert bool(value) == (field in dict(told.sure))


def test_the_number_the_maker_registered_names_the_product() -> None:
    said: dict[str, Value] = {
        "descr": "Cisco IOS Software, C2960S Software (C2960S-UNIVERSALK9-M), Version 15.2(2a)E1",
        "object": "9.1.1208",
    }
    told = identify(walk(said))
    (model,) = [e for e in told.evidence if e.field == "model"]
    assert (told.model, model.rule) == ("cat29xxStack", "registered product")
    assert (model.oid, model.text) == ("1.3.6.1.2.1.1.2.0", "1.3.6.1.4.1.9.1.1208")


def test_what_the_device_says_goes_before_the_registered_name() -> None:
    said: dict[str, Value] = {
        "descr": "Cisco IOS Software, C2960S Software (C2960S-UNIVERSALK9-M), Version 15.2(2a)E1",
        "object": "9.1.1208",
        "47.5.1": 3,
        "47.13.1": "WS-C2960S-24TS-L",
    }
    assert identify(walk(said)).model == "WS-C2960S-24TS-L"


def test_a_family_whose_places_are_empty_is_named_by_its_registered_number() -> None:
    said: dict[str, Value] = {"descr": "Cisco Controller", "object": "9.1.1069"}
    assert identify(walk(said)).model == "cisco5500Wlc"
    assert identify(walk(said | {"47.5.1": 3, "47.13.1": "AIR-CT5508-K9"})).model == "AIR-CT5508-K9"


def test_a_firewall_whose_description_has_the_series_only_tells_its_model_in_entity_mib() -> None:
    said: dict[str, Value] = {
        "descr": "Palo Alto Networks PA-400 series firewall",
        "object": "25461.2.3.54",
        "47.5.1": 3,
        "47.13.1": "PA-440",
    }
    assert identify(walk(said)).model == "PA-440"
    assert identify(walk({k: v for k, v in said.items() if k != "47.13.1"})).model == ""
