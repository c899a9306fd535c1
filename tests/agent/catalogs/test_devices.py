"""Every entry of the device catalogue is matched first by its own examples, and not by what it must not take."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.catalogs.devices import EVERY, WEAK_GRADES, DeviceEntry, load_devices, matches
from agent.catalogs.features import weak_names
from agent.inventory.classify import read_text
from agent.model.asset import DEVICE_CLASSES

ENTRIES = load_devices()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_examples_match_their_own_entry_first(entry: DeviceEntry) -> None:
    for example in entry.examples:
        found = [e.id for e, _ in matches(example.on, example.text)]
        if example.on in EVERY:
            assert entry.id in found, example.text
        else:
            assert found[:1] == [entry.id], example.text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_not_examples_are_left_alone(entry: DeviceEntry) -> None:
    for example in entry.not_examples:
        assert not entry.find(example.on, example.text), example.text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_every_pattern_has_an_example(entry: DeviceEntry) -> None:
    """A pattern nobody ever saw match may be a pattern that never matches."""
    assert {e.on for e in entry.examples} == set(entry.match)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_a_card_or_a_name_never_names_a_class(entry: DeviceEntry) -> None:
    if entry.match.keys() & (weak_names() - {"ports"}):
        assert {entry.grade, *entry.also.values()} <= WEAK_GRADES
        assert entry.alone < 300


def test_every_class_has_an_entry() -> None:
    told = {c for e in ENTRIES for c in (e.device_class, *e.also)}
    assert told == set(DEVICE_CLASSES) - {"unknown"}


def test_an_entry_without_example_or_with_a_strong_weak_sign_is_refused() -> None:
    good = ENTRIES[0].model_dump(by_alias=True)
    changes: list[dict[str, object]] = [
        {"examples": []},
        {"not_examples": []},
        {"class": "toaster"},
        {"also": {"toaster": "hint"}},
        {"grade": "certainly"},
        {"match": {}},
        {"match": {"http.tittle": "x"}},
        {"source": ""},
        {"match": {"oui": "x"}, "grade": "model"},
        {"match": {"oui": "x", "http.title": "x"}, "grade": "hint", "also": {}},
    ]
    DeviceEntry.model_validate(good)
    for change in changes:
        with pytest.raises(ValidationError):
            DeviceEntry.model_validate({**good, **change})


def test_what_the_words_tell() -> None:
    told = dict(read_text("http.realm", "Yealink SIP-T42S")[0].told)
    assert told == {"vendor": "Yealink", "model": "SIP-T42S"}
    told = dict(read_text("http.title", "TrueNAS - 192.0.2.4")[0].told)
    assert told == {"vendor": "TrueNAS"}
    told = dict(read_text("banner", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3")[0].told)
    assert told == {"os": "Debian 12"}
