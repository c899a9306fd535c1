"""Names of products by sysObjectID: the file is well formed; exact numbers only."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from agent.catalogs.snmp_products import product, products

LINES = (files("agent.catalogs") / "snmp_products.tsv").read_text("utf-8").splitlines()


def test_the_first_lines_name_the_sources() -> None:
    head = " ".join(line for line in LINES if line.startswith("#"))
    assert "CISCO-PRODUCTS-MIB" in head
    assert "JUNIPER-CHASSIS-DEFINES-MIB" in head


def test_each_line_is_a_number_and_a_name_sorted_and_once() -> None:
    rows = [line for line in LINES if not line.startswith("#")]
    assert [r for r in rows if not re.fullmatch(r"\d+(\.\d+)+\t[!-~]+( [!-~]+)*", r)] == []
    numbers = [tuple(map(int, r.split("\t")[0].split("."))) for r in rows]
    assert numbers == sorted(set(numbers))
    assert len(products()) == len(rows)


@pytest.mark.parametrize(
    ("object_id", "name"),
    [
        ("1.3.6.1.4.1.9.1.283", "cat6509"),
        (".1.3.6.1.4.1.9.1.1208", "cat29xxStack"),
        ("1.3.6.1.4.1.9.1.669", "ciscoASA5510"),
        ("1.3.6.1.4.1.2636.1.1.1.2.8", "M40e"),
        ("1.3.6.1.4.1.9.1", ""),
        ("1.3.6.1.4.1.9.1.143", ""),
        ("1.3.6.1.4.1.9.1.283.0", ""),
        ("9.1.283", ""),
        ("", ""),
    ],
)
def test_exact_numbers_only(object_id: str, name: str) -> None:
    assert product(object_id) == name
