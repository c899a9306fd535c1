"""`Secret`: a value that shows itself only to who calls `reveal()`: not in repr, str, format, pickle, copy or `vars`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Never
from urllib.parse import quote, quote_plus
from weakref import WeakSet

HIDDEN = "<secret>"
_SHORTEST = 4
"""An encoded form with fewer characters would be found in anything."""


class Secret:
    """Wraps one secret text. `forget()` drops it; afterwards `reveal()` raises `ValueError`."""

    __slots__ = ("__value", "__weakref__")

    def __init__(self, value: str) -> None:
        self.__value: str | None = value
        _ALIVE.add(self)

    def reveal(self) -> str:
        """The secret itself; only where it is handed to the peer."""
        if self.__value is None:
            raise ValueError("the secret was given back")
        return self.__value

    def forget(self) -> None:
        self.__value = None

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce_ex__(self, protocol: object) -> Never:
        # What pickle and copy both call.
        raise TypeError("a secret is not copied, stored or sent to another process")

    def scrub(self, text: str) -> str:
        """*text* without the secret, in whatever form it stands there; see `forms`."""
        return text if self.__value is None else _without(text, self.__value)


_ALIVE: WeakSet[Secret] = WeakSet()


def scrub(text: str, secrets: Iterable[Secret] | None = None) -> str:
    """*text* without *secrets*; left out, without any secret this process still holds."""
    for secret in tuple(_ALIVE if secrets is None else secrets):
        text = secret.scrub(text)
    return text


def forms(secret: str) -> Iterator[str]:
    """*secret* as a message may show it: as it is, quoted by Python, JSON or a URL, and its bytes (UTF-8, UTF-16LE) as such, in
    hexadecimal, or in base64 at each of the three offsets.
    """
    yield from (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1])
    yield from (json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret), quote(secret, safe=""))
    yield quote_plus(secret)
    for raw in (
        secret.encode("utf-8", "surrogatepass"),
        secret.encode("utf-16-le", "surrogatepass"),
    ):
        yield from (raw.hex(), raw.hex().upper(), raw.hex(":"), raw.hex(" "))
        yield from (
            "".join(f"{sign}{b:02{case}}" for b in raw) for sign in ("%", r"\x") for case in "Xx"
        )
        yield from (raw.decode("latin-1"), repr(raw)[2:-1])
        for offset in range(3):
            # The first and last characters depend on the bytes around.
            whole = base64.b64encode(bytes(offset) + raw).decode("ascii")
            inner = whole[4 if offset else 0 : len(whole) - 4]
            yield from (whole if not offset else inner, inner, inner.translate(_URL_SAFE))


_URL_SAFE = str.maketrans("+/", "-_")


def _without(text: str, secret: str) -> str:
    found = {form for form in forms(secret) if len(form) >= _SHORTEST} | {secret}
    for form in sorted(found - {""}, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text
