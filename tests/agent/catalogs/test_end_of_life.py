"""Every product of the table is found by its own example first, and the dates say what they should."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.catalogs.devices import load_devices
from agent.catalogs.end_of_life import Product, ended, load_products, products_of
from agent.inventory.classify import read_text

PRODUCTS = load_products()


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.id)
def test_an_example_is_found_first_and_a_counter_example_is_not(product: Product) -> None:
    assert products_of(product.example) == (product,)
    assert not product.pattern.search(product.not_example)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.id)
def test_the_day_after_the_end_it_is_past(product: Product) -> None:
    day = timedelta(days=1)
    last = ended(product.example, product.ended)
    assert last is None or last.some
    past = ended(product.example, product.ended + day)
    assert past is not None
    assert (past.product, past.on, past.some) == (product, product.ended, False)
    if product.ended_some is not None:
        assert ended(product.example, product.ended_some) is None
        some = ended(product.example, product.ended_some + day)
        assert some is not None
        assert (some.on, some.some, some.severity) == (product.ended_some, True, "medium")
    if product.paid_until is not None:
        assert past.severity == "medium"
        later = ended(product.example, product.paid_until + day)
        assert later is not None
        assert later.severity == product.severity


def test_one_build_sold_as_two_products() -> None:
    both, today = "Windows Server 2016 or Windows 10 1607", date(2026, 11, 1)
    assert ended(both, today) is None
    assert ended(both, today, "server") is None
    client = ended(both, today, "client")
    assert client is not None
    assert client.product.id == "windows-10-1607"
    old = ended("Windows Server 2008 R2 or Windows 7", today)
    assert old is not None
    assert old.on == date(2020, 1, 14)


def test_what_is_not_listed_is_not_judged() -> None:
    today = date(2099, 1, 1)
    for system in ("", "Debian", "VMware ESXi", "DSM", "Windows", "Windows Server 2016 or BeOS 5"):
        assert ended(system, today) is None, system


@given(st.text(max_size=400), st.dates())
def test_any_text_is_borne(system: str, today: date) -> None:
    ended(system, today)


def test_every_windows_build_of_the_device_catalogue_has_its_dates() -> None:
    """Else a build would be named and never judged. Windows Server 2025 has no date that is sure."""
    builds = [e for e in load_devices() if "ntlm.build" in e.match and e.os]
    assert len(builds) > 10
    for entry in builds:
        for example in entry.examples:
            told = dict(read_text(example.on, example.text)[0].told)
            assert products_of(told["os"]) or "2025" in told["os"], told


def test_dates_that_contradict_each_other_are_refused() -> None:
    good = PRODUCTS[0].model_dump()
    for change in (
        {"ended_some": good["ended"]},
        {"paid_until": good["ended"]},
        {"source": "http://example.org"},
        {"severity": "awful"},
    ):
        with pytest.raises(ValidationError):
            Product.model_validate({**good, **change})
