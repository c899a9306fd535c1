"""`Secret`: a value that shows itself only to who calls `reveal()`: not in repr, str, format, pickle, copy or `vars`."""

from __future__ import annotations

from typing import Never

HIDDEN = "<secret>"


class Secret:
    """Wraps one secret text. `forget()` drops it; afterwards `reveal()` raises `ValueError`."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value: str | None = value

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
