"""Every entry of the device catalogue is matched first by its own examples, and not by what it must not take."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.catalogs.devices import WEAK, WEAK_LIMIT, DeviceEntry, load_devices, matches
from agent.inventory.classify import read_text

ENTRIES = load_devices()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_examples_match_their_own_entry_first(entry: DeviceEntry) -> None:
    for example in entry.examples:
        found = [e.id for e, _ in matches(example.on, example.text)]
        if example.on == "ports":
            assert entry.id in found, example.text
        else:
            assert found[:1] == [entry.id], example.text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_not_examples_are_left_alone(entry: DeviceEntry) -> None:
    for example in entry.not_examples:
        assert not entry.find(example.on, example.text), example.text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_every_sign_has_an_example_or_is_a_property(entry: DeviceEntry) -> None:
    assert {e.on for e in entry.examples} <= entry.match.keys()
    if entry.match.keys() & WEAK:
        assert entry.conf <= WEAK_LIMIT


def test_an_entry_without_example_or_with_a_strong_weak_sign_is_refused() -> None:
    good = ENTRIES[0].model_dump(by_alias=True)
    changes: list[dict[str, object]] = [
        {"examples": []},
        {"not_examples": []},
        {"class": "toaster"},
        {"match": {}},
    ]
    for change in changes:
        with pytest.raises(ValidationError):
            DeviceEntry.model_validate({**good, **change})
    with pytest.raises(ValidationError):
        DeviceEntry.model_validate({**good, "match": {"oui": "x"}, "conf": 900})


def test_what_the_words_tell() -> None:
    told = dict(read_text("http.realm", "Yealink SIP-T42S")[0].told)
    assert told == {"vendor": "Yealink", "model": "SIP-T42S"}
    told = dict(read_text("http.title", "TrueNAS - 192.0.2.4")[0].told)
    assert told == {"vendor": "TrueNAS"}
