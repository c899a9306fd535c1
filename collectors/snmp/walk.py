"""The walk of some columns of a table, as pure logic: which question comes next, what an answer adds, why a column ended.

GETBULK over several columns at once (RFC 3416 4.2.3), each with a cursor of its own; GETNEXT for SNMPv1. A column ends `complete` only
where the agent itself went past it. Everything else has a name: a reader must know that rows may be missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from operator import itemgetter, lt
from typing import Literal, Self

from collectors.snmp.ber import END_OF_MIB, Oid, oid, oid_content
from collectors.snmp.message import (
    ABSENT,
    GEN_ERR,
    GET_BULK,
    GET_NEXT,
    NO_ERROR,
    NO_SUCH_NAME,
    TOO_BIG,
    Raw,
    Response,
    Version,
)

End = Literal["complete", "cap", "order", "too_big", "error", "silent", "broken", "refused"]
"""`order`: the agent went back or in a circle; `error`: genErr or another error; `refused`: noAccess or authorizationError; `broken`: only
answers that are no SNMP; `silent`: no answer any more."""
FIRST_REPETITIONS, MOST_REPETITIONS = 20, 64
MOST_BINDINGS = 60
"""Asked for in a first answer, of which nobody knows how long the values are."""
ROOM = 1350
"""Octets of bindings asked for in one answer, by the length of those before: with the message around them, what is not fragmented."""
_REFUSED = (6, 16)
"""noAccess, authorizationError (RFC 3416 section 3)."""


_LONG = re.compile(rb"[\x80-\xff]{2}")
"""A sub-identifier of three octets or more: without one, names have the order of their octets."""
_name, _tag = itemgetter(0), itemgetter(1)


@dataclass
class Column:
    """One column under way: rows seen so far, the last object named, and how it ended."""

    root: Oid
    rows: list[Raw] = field(default_factory=list[Raw])
    cursor: bytes = b""
    end: End | None = None
    prefix: bytes = b""

    def __post_init__(self) -> None:
        self.prefix = oid_content(self.root)
        self.cursor = self.cursor or self.prefix

    def takes(self, rows: list[Raw], cap: int) -> bool:
        """Take *rows* all at once where they are as they should be: inside, in order, not too many. False: nothing was taken."""
        if self.end is not None or len(self.rows) + len(rows) > cap:
            return False
        names = list(map(_name, rows))
        prefix = self.prefix
        if not (names[0] > self.cursor and names[-1].startswith(prefix)):
            return False
        cut = len(prefix)
        # The first is behind the cursor and the last is inside: so is what lies between, once it is in order.
        if (
            not all(map(lt, names, names[1:]))
            or not names[0].startswith(prefix)
            or not ABSENT.isdisjoint(map(_tag, rows))
            or _LONG.search(b"".join([n[cut:] for n in (self.cursor, *names)]))
        ):
            return False
        self.rows += rows
        self.cursor = names[-1]
        return True


@dataclass(frozen=True)
class Question:
    """What to ask next. `repetitions` 0 is GETNEXT."""

    names: tuple[bytes, ...]
    repetitions: int
    kind: int = GET_NEXT

    @classmethod
    def of(cls, oids: tuple[Oid, ...], kind: int = GET_NEXT) -> Self:
        return cls(tuple(map(oid_content, oids)), 0, kind)

    @property
    def oids(self) -> tuple[Oid, ...]:
        return tuple(map(oid, self.names))

    @property
    def pdu(self) -> int:
        return GET_BULK if self.repetitions else self.kind


@dataclass
class Walk:
    """`cap`: rows of one column at most. Drive it: `question()` until None, then one of `answer`, `silence`, `garbage`."""

    version: Version
    columns: list[Column]
    cap: int
    _repetitions: int = FIRST_REPETITIONS
    _most: int = MOST_REPETITIONS
    _fits: int = 0
    """Repetitions by the length of the last answer."""
    _put: int = 0
    """Repetitions of the last question."""
    _together: int = 8
    _asked: list[Column] = field(default_factory=list[Column])

    @classmethod
    def of(cls, version: Version, roots: tuple[Oid, ...], cap: int) -> Walk:
        return cls(version, [Column(root) for root in roots], cap)

    def question(self) -> Question | None:
        """The next question; None when every column has ended."""
        self._asked = [c for c in self.columns if c.end is None][: self._together]
        if not self._asked:
            return None
        names = tuple(c.cursor for c in self._asked)
        if self.version == 0:
            return Question(names, 0)
        fits = self._fits or max(1, MOST_BINDINGS // len(names))
        self._put = min(self._repetitions, self._most, fits)
        return Question(names, self._put)

    def answer(self, got: Response) -> None:
        """Take the answer to the last question."""
        if got.error_status != NO_ERROR:
            self._refused(got.error_status, got.error_index)
            return
        if not got.raw:
            self._end_all("error")
            return
        count = len(self._asked)
        for number, column in enumerate(self._asked):
            if (rows := got.raw[number::count]) and not column.takes(rows, self.cap):
                self._one_by_one(column, rows)
        self._repetitions = min(self._repetitions * 4, MOST_REPETITIONS)
        # A column that ends leaves its room to the others.
        going = sum(c.end is None for c in self._asked)
        if got.octets:
            self._fits = max(1, ROOM * len(got.raw) // (got.octets * max(going, 1)))

    def silence(self) -> None:
        """The last question met none: perhaps its answer is too large for the way, so less is asked for before the walk is given up."""
        if not self._less():
            self._end_all("silent")

    def garbage(self) -> None:
        """Only datagrams came that are no answer."""
        if not self._less():
            self._end_all("broken")

    def give_up(self, end: End) -> None:
        """No question may be put any more."""
        for column in self.columns:
            column.end = column.end or end

    def _one_by_one(self, column: Column, rows: list[Raw]) -> None:
        """Most often the column ended among *rows*: what is before goes in at one blow, what is behind is of no worth."""
        prefix = column.prefix
        inside = next((i for i, row in enumerate(rows) if not row[0].startswith(prefix)), 0)
        if inside and column.takes(rows[:inside], self.cap):
            rows = rows[inside:]
        for row in rows:
            if column.end is not None:
                return
            self._row(column, row)

    def _row(self, column: Column, row: Raw) -> None:
        name, tag, _ = row
        forward = oid(name) > oid(column.cursor)
        if tag == END_OF_MIB or not name.startswith(column.prefix):
            # The agent's own word that nothing follows; one that goes backwards says no such thing.
            column.end = "complete" if tag == END_OF_MIB or forward else "order"
        elif not forward:
            column.end = "order"
        elif len(column.rows) >= self.cap:
            column.end = "cap"
        elif tag in ABSENT:
            column.end = "error"
        else:
            column.rows.append(row)
            column.cursor = name

    def _refused(self, status: int, index: int) -> None:
        if status == TOO_BIG:
            if not self._less():
                self._end_all("too_big")
            return
        named = self._asked[index - 1] if 1 <= index <= len(self._asked) else None
        if status == NO_SUCH_NAME and self.version == 0 and named is not None:
            # SNMPv1 says so at the end of the MIB (RFC 1157 4.1.3).
            named.end = "complete"
            return
        end: End = "refused" if status in _REFUSED else "error"
        if named is not None and status == GEN_ERR:
            named.end = end
        else:
            self._end_all(end)

    def _less(self) -> bool:
        """Ask for less from now on; False when it is the least already."""
        if self.version == 1 and min(self._put, self._most) > 1:
            self._most = max(1, min(self._put, self._most) // 3)
            self._repetitions = self._most
            return True
        if self._together > 1 and len(self._asked) > 1:
            self._together = max(1, len(self._asked) // 2)
            return True
        return False

    def _end_all(self, end: End) -> None:
        # A column that was not asked this time has the same way to go: it would meet the same.
        for column in self.columns if end in ("silent", "broken") else self._asked:
            column.end = column.end or end
