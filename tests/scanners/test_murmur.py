"""MurmurHash3 x86 32-bit against published values (smhasher's, and Shodan's way with favicons)."""

from __future__ import annotations

import base64

import pytest

from scanners.murmur import favicon_hash, mmh3


@pytest.mark.parametrize(
    ("data", "seed", "value"),
    [
        (b"", 0, 0),
        (b"", 1, 0x514E28B7),
        (b"", 0xFFFFFFFF, 0x81F16F39),
        (b"\xff\xff\xff\xff", 0, 0x76293B50),
        (b"\x21\x43\x65\x87", 0, 0xF55B516B),
        (b"\x21\x43\x65", 0, 0x7E4A8634),
        (b"\x21\x43", 0, 0xA0F7B07A),
        (b"\x21", 0, 0x72661CF4),
        (b"Hello, world!", 0x9747B28C, 0x24884CBA),
        (b"The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
    ],
)
def test_published_values(data: bytes, seed: int, value: int) -> None:
    assert mmh3(data, seed) & 0xFFFFFFFF == value


def test_the_hash_is_signed_and_of_base64_with_line_ends() -> None:
    icon = bytes(range(200))
    text = base64.encodebytes(icon)
    assert text.count(b"\n") == 4
    assert favicon_hash(icon) == mmh3(text)
    assert mmh3(b"\x21\x43\x65\x87") < 0
