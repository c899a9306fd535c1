"""Property lists and answers of programs, damaged, hostile or of other types than expected: read or refused, never more."""

from __future__ import annotations

import plistlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.endpoint.macos import plists
from collectors.endpoint.macos.homes import user
from collectors.endpoint.macos.launchd import job, listed, overrides
from collectors.endpoint.macos.machine import cards, hardware, ports
from collectors.endpoint.macos.packages import application, receipt
from collectors.endpoint.macos.people import group
from collectors.endpoint.macos.processes import table
from collectors.endpoint.macos.protection import last_update, time_machine
from collectors.endpoint.macos.shared import share
from collectors.endpoint.macos.sockets import sockets
from collectors.endpoint.macos.starts import hooks, rules
from collectors.endpoint.macos.storage import mounts, volume
from tests.collectors.endpoint.macos_root import PLISTS, SAID

_PARTS = (lambda d: job(d, "x"), overrides, receipt, application, user, group, share)
_LISTS = (lambda d: list(hooks(d)), lambda d: list(rules(d)), time_machine)
_KEYS = st.sampled_from(sorted({k for v in PLISTS.values() if isinstance(v, dict) for k in v}))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(),
    lambda c: st.lists(c, max_size=4) | st.dictionaries(_KEYS, c, max_size=4),
    max_leaves=12,
)


def _all(data: bytes) -> None:
    for read in (*_PARTS, *_LISTS, lambda d: last_update(d, "X")):
        try:
            read(data)
        except plists.NotPlist as problem:
            assert str(problem)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_any_types_in_a_list_are_survived(value: dict[str, Any]) -> None:
    for form in (plistlib.FMT_XML, plistlib.FMT_BINARY):
        try:
            data = plistlib.dumps(value, fmt=form)
        except (TypeError, OverflowError, ValueError):
            continue  # plistlib writes no null, no huge number, no control character
        _all(data)


@given(st.integers(0, 10_000), st.binary(max_size=12), st.sampled_from(list(PLISTS.values())))
def test_damaged_lists_are_read_or_refused(at: int, noise: bytes, value: Any) -> None:
    for form in (plistlib.FMT_XML, plistlib.FMT_BINARY):
        whole = plistlib.dumps(value, fmt=form)
        cut = at % len(whole)
        _all(whole[:cut] + noise + whole[cut + len(noise) :])
        _all(whole[:cut])


def _deep(depth: int) -> bytes:
    """A binary list of one dictionary with *depth* arrays in each other."""
    objects = [b"\xd1\0\1\0\2", b"Qa"]
    objects += [b"\xa1" + (n + 1).to_bytes(2, "big") for n in range(2, depth)] + [b"\xa0"]
    body, offsets = b"bplist00", b""
    for one in objects:
        offsets += len(body).to_bytes(4, "big")
        body += one
    sizes = b"\0" * 6 + b"\4\2" + len(objects).to_bytes(8, "big") + bytes(8)
    return body + offsets + sizes + len(body).to_bytes(8, "big")


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE p [<!ENTITY a "b">]><plist><string>&a;</string></plist>',
        b"<plist><dict><key>a</key><date>x</date></dict></plist>",
        b"<plist>" + b"<array>" * 60_000,
        b"<plist><integer>" + b"9" * 9_000 + b"</integer></plist>",
        b"bplist00" + b"\xff" * 64,
        b"<plist><dict><key>" + b"x" * plists.MOST_BYTES + b"</key><true/></dict></plist>",
        _deep(20_000),
        b"",
    ],
)
def test_hostile_lists_are_refused(data: bytes) -> None:
    with pytest.raises(plists.NotPlist):
        plists.dictionary(data)


@given(st.text(max_size=300) | st.sampled_from(list(SAID.values())), st.integers(0, 400))
def test_any_answer_is_survived(text: str, at: int) -> None:
    for one in (text, text[at:], text[:at] + "\0%é" + text[at:]):
        listed(one)
        list(sockets(one))
        table(one, one, one, lambda p: False)
        list(mounts(one))
        volume(one)
        hardware(one)
        list(cards(one, ports(one)))
