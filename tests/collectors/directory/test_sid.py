"""SIDs beside what Microsoft publishes: well-known ones, and that of a service."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.directory.sid import BadSid, domain_of, packed, rid, service_sid, sid, sid_at

ADMINISTRATORS = bytes.fromhex("01020000000000052000000020020000")


def test_the_builtin_administrators() -> None:
    """[MS-DTYP] 2.4.2.4: BUILTIN_ADMINISTRATORS."""
    assert sid(ADMINISTRATORS) == "S-1-5-32-544"
    assert packed("S-1-5-32-544") == ADMINISTRATORS
    assert rid("S-1-5-32-544") == 544


def test_the_service_of_windows_modules() -> None:
    """The SID of TrustedInstaller, which every Windows prints."""
    name = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
    assert service_sid("TrustedInstaller") == name
    assert service_sid("trustedinstaller") == name


@given(
    st.integers(0, (1 << 48) - 1), st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=15)
)
def test_there_and_back(authority: int, parts: list[int]) -> None:
    number = str(authority) if authority < 1 << 32 else f"0x{authority:012x}"
    text = "-".join(("S-1", number, *map(str, parts)))
    assert sid(packed(text)) == text
    assert sid_at(b"xx" + packed(text) + b"yy", 2) == (text, 10 + 4 * len(parts))


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    try:
        assert packed(sid(data)) == data
    except BadSid:
        return


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S-1",
        "S-1-5",
        "S-2-5-32",
        "S-1-5-4294967296",
        "S-1-5-32-544 ",
        "S-1-5-" + "1-" * 15 + "1",
        "S-1-0x1000000000000-1",
        "S-1-281474976710656-1",
    ],
)
def test_texts_that_are_none(text: str) -> None:
    with pytest.raises(BadSid):
        packed(text)


@pytest.mark.parametrize(
    "data", [b"", ADMINISTRATORS[:-1], ADMINISTRATORS + b"\0", b"\2" + ADMINISTRATORS[1:]]
)
def test_bytes_that_are_none(data: bytes) -> None:
    with pytest.raises(BadSid):
        sid(data)


def test_whose_domain() -> None:
    assert domain_of("S-1-5-21-1-2-3-500") == "S-1-5-21-1-2-3"
    assert domain_of("S-1-5-32-544") is None
    assert domain_of("S-1-5-21-1-2-3") is None
