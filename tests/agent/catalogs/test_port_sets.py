"""Sets of ports and the catalogue of fragile devices: whole, in both languages, and industrial ports only on opt-in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogs.fragile import by_mac, by_port, load_fragile
from agent.catalogs.port_sets import in_front, load_wide, numbers, port_set, why
from agent.catalogs.ports import load_ports
from agent.inventory.oui import vendor
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS


def test_industrial_ports_only_where_client_toml_opts_in() -> None:
    for choice in ("msp", "wide", "22,502,102"):
        assert not OT_PORTS & set(port_set(choice))
    assert set(port_set("msp", ot=True)) >= {102, 502, 20000, 44818}
    assert set(port_set("22,502", ot=True)) == {22, 502}


def test_wide_holds_msp_and_each_range_says_why_in_both_languages() -> None:
    assert set(port_set("wide")) > set(port_set("msp"))
    assert 1000 <= len(port_set("wide")) <= 1500
    for row in load_wide():
        assert numbers(row.ports)
        assert row.why.en and row.why.fr and row.why.en != row.why.fr


def test_each_port_of_msp_says_why_in_both_languages() -> None:
    for entry in load_ports():
        told = why(entry.port)
        assert told is not None, f"{entry.port} is missing in ports_fr.toml"
        assert told.en == entry.why and told.fr != told.en
    assert why(1) is None


def test_ports_that_speak_for_most_devices_come_first() -> None:
    first = {e.port for e in load_ports() if e.first}
    for choice in ("msp", "wide"):
        ports = port_set(choice)
        assert set(ports[: in_front(ports)]) == first
    assert in_front(port_set("9999,1")) == 0


@pytest.mark.parametrize(
    ("text", "found"), [("22", {22}), ("80, 8000-8002 22", {22, 80, 8000, 8001, 8002})]
)
def test_a_list_of_ports(text: str, found: set[int]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize("text", ["", ",", "0", "65536", "10-5", "ssh", "-5", "1-", "22;23"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        port_set(text)


@given(st.text(max_size=30))
def test_any_text_is_a_list_or_an_error(text: str) -> None:
    try:
        found = numbers(text)
    except ValueError:
        return
    assert found and all(0 < p < 65536 for p in found)


def test_fragile_devices_are_in_the_registry_and_say_why() -> None:
    for entry in load_fragile():
        assert entry.why.en != entry.why.fr
        assert entry.blocks or entry.ports
        for block in entry.blocks:
            digits = block.ljust(12, "0")
            mac = ":".join(digits[i : i + 2] for i in range(0, 12, 2))
            assert vendor(mac) is not None, f"{entry.id}: {block} is not in the IEEE registry"
            assert by_mac(mac) == entry


def test_fragile_by_block_and_by_port() -> None:
    lantronix, plain = by_mac("00:20:4A:11:22:33"), by_mac("02:00:00:00:00:01")
    assert plain is None
    assert lantronix is None or lantronix.id == "serial-servers"
    moxa = by_mac("0090e8aabbcc")
    assert moxa is not None and moxa.id == "serial-servers"
    for port in RAW_PRINT_PORTS | OT_PORTS:
        assert by_port(port) is not None, port
    assert by_port(443) is None


def test_fragile_devices_name_a_public_source() -> None:
    """Whoever is told that a device is treated with care can read up why."""
    for entry in load_fragile():
        assert re.search(r"https://[a-z0-9.-]+\.[a-z]{2,}/\S", entry.source), entry.id
