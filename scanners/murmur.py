"""MurmurHash3 x86 32-bit (Austin Appleby, public domain, MurmurHash3.cpp), by which Shodan's search knows favicons (http.favicon.hash)."""

from __future__ import annotations

import base64

_MASK = 0xFFFFFFFF


def favicon_hash(icon: bytes) -> int:
    """Signed, of the base64 text with line ends, as Shodan has it."""
    return mmh3(base64.encodebytes(icon))


def mmh3(data: bytes, seed: int = 0) -> int:
    """Signed 32-bit hash of *data*."""
    h = seed
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        h ^= _mix(int.from_bytes(data[i : i + 4], "little"))
        h = ((h << 13) | (h >> 19)) & _MASK
        h = (h * 5 + 0xE6546B64) & _MASK
    if tail := data[whole:]:
        h ^= _mix(int.from_bytes(tail, "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _MASK
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h


def _mix(k: int) -> int:
    k = (k * 0xCC9E2D51) & _MASK
    k = ((k << 15) | (k >> 17)) & _MASK
    return (k * 0x1B873593) & _MASK
