"""Security descriptors beside Samba's own reader: whole ones, and the same with bytes changed, cut and glued."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.directory.descriptor import (
    DACL_PRESENT,
    BadDescriptor,
    Descriptor,
    Once,
    descriptor,
)
from tests.collectors.directory.samba_oracle import DESCRIPTORS, begin, samba

RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
GET_CHANGES_ALL = "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2"
USER_CLASS = "bf967aba-0de6-11d0-a285-00aa003049e2"
SDDL = (
    "O:DAG:DUD:PAI(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)(A;CIID;RPLCLORC;;;AU)",
    f"O:BAG:SYD:(OA;;CR;{RESET_PASSWORD};;AO)(OA;CIIO;CR;{RESET_PASSWORD};{USER_CLASS};S-1-5-21-1-2-3-1105)",
    f"D:(OA;;CR;{GET_CHANGES_ALL};;S-1-5-21-1-2-3-513)(D;;WD;;;WD)(OD;CI;WP;;{USER_CLASS};BG)",
    "O:LAG:LAD:S:(AU;CISAFA;WDWO;;;WD)",
    "O:SYD:(A;OICINPIO;GA;;;CO)(A;;0xf01ff;;;S-1-5-32-544)",
)
Ask = Callable[[dict[str, str]], Any]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    process = begin(DESCRIPTORS)
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def of(question: dict[str, str]) -> Any:
        stdin.write(json.dumps(question).encode() + b"\n")
        stdin.flush()
        # [MS-DTYP] 2.4.2.1 writes twelve digits, Samba only those that count.
        line = re.sub(
            rb"S-1-0x([0-9a-f]+)", lambda m: b"S-1-0x" + m[1].rjust(12, b"0"), stdout.readline()
        )
        return json.loads(line)

    yield of
    process.kill()
    process.communicate()


def plain(one: Descriptor) -> dict[str, Any]:
    dacl = one.dacl
    entries = (
        None if dacl is None else [[a.kind, a.flags, a.mask, a.sid, a.what, a.heirs] for a in dacl]
    )
    return {"owner": one.owner, "group": one.group, "dacl": entries, "control": one.control}


pytestmark = [samba, pytest.mark.xdist_group("samba-oracle")]


@pytest.mark.parametrize("sddl", SDDL)
def test_as_samba_reads_it(ask: Ask, sddl: str) -> None:
    told = ask({"sddl": sddl})
    data = bytes.fromhex(told.pop("hex"))
    mine = descriptor(data)
    assert plain(mine) == told
    assert mine.odd == ()
    # Whatever is cut off is missed, not passed over: what is left is read only when nothing of it was used.
    for end in range(len(data)):
        try:
            assert plain(descriptor(data[:end])) == told
        except BadDescriptor:
            continue


_CHANGE = st.tuples(st.integers(0, 400), st.integers(0, 255))


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(range(len(SDDL))), st.lists(_CHANGE, min_size=1, max_size=4), st.integers(0, 60)
)
def test_changed_bytes_are_refused_or_read_as_samba_reads_them(
    ask: Ask, which: int, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray.fromhex(_packed(ask, which))
    for at, value in changes:
        data[at % len(data)] = value
    changed = bytes(data[: len(data) - cut] if cut < 8 else data)
    try:
        mine = descriptor(changed)
    except BadDescriptor:
        return
    told = ask({"hex": changed.hex()})
    if "error" in told or mine.odd:
        return
    # A SACL is not compared; an entry of a kind Samba shows otherwise is left out there.
    told.pop("hex")
    assert plain(mine)["owner"] == told["owner"]
    if mine.control & DACL_PRESENT:
        assert plain(mine)["dacl"] == told["dacl"]
    else:
        # [MS-DTYP] 2.4.6: without that bit there is none, wherever the offset points; Samba reads it all the same.
        assert mine.dacl is None


_SEEN: dict[int, str] = {}


def _packed(ask: Ask, which: int) -> str:
    if which not in _SEEN:
        _SEEN[which] = ask({"sddl": SDDL[which]})["hex"]
    return _SEEN[which]


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_descriptor_or_an_error_of_ours(data: bytes) -> None:
    head = bytes((1, 0)) + (0x8014).to_bytes(2, "little")
    for one in (data, head + data):
        try:
            descriptor(one)
        except BadDescriptor:
            continue


def test_no_dacl_and_an_empty_one_are_two_things(ask: Ask) -> None:
    nobody = descriptor(bytes.fromhex(ask({"sddl": "O:BAG:BAD:P"})["hex"]))
    everybody = descriptor(bytes.fromhex(ask({"sddl": "O:BAG:BA"})["hex"]))
    assert nobody.dacl == ()
    assert everybody.dacl is None
    assert nobody.protected
    assert not everybody.protected


def test_what_an_entry_says(ask: Ask) -> None:
    one = descriptor(bytes.fromhex(_packed(ask, 2)))
    assert one.dacl is not None
    allow, deny, deny_object = one.dacl
    assert (allow.allows, allow.what, allow.sid) == (True, GET_CHANGES_ALL, "S-1-5-21-1-2-3-513")
    assert deny.denies
    assert deny_object.denies
    assert deny_object.heirs == USER_CLASS
    assert not allow.denies
    assert not allow.conditional


def test_equal_bytes_are_read_once_and_bad_ones_are_counted(ask: Ask) -> None:
    good = bytes.fromhex(_packed(ask, 0))
    once = Once()
    assert once.of(good) is once.of(bytes(bytearray(good)))
    assert once.of(b"nothing") is None
    assert once.of(b"nothing") is None
    assert (len(once), once.bad) == (2, 1)
