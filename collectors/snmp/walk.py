"""The walk of some columns of a table, as pure logic: which question comes next, what an answer adds, why a column ended.

GETBULK over several columns at once (RFC 3416 4.2.3), each with a cursor of its own; GETNEXT for SNMPv1. A column ends `complete` only
where the agent itself went past it. Everything else has a name: a reader must know that rows may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from collectors.snmp.ber import END_OF_MIB, Oid
from collectors.snmp.message import (
    GEN_ERR,
    GET_BULK,
    GET_NEXT,
    NO_ERROR,
    NO_SUCH_NAME,
    TOO_BIG,
    Response,
    VarBind,
    Version,
)

End = Literal["complete", "cap", "order", "too_big", "error", "silent", "broken", "refused"]
"""`order`: the agent went back or in a circle; `error`: genErr or another error; `refused`: noAccess or authorizationError; `broken`: only
answers that are no SNMP; `silent`: no answer any more."""
FIRST_REPETITIONS, MOST_REPETITIONS = 10, 25
MOST_BINDINGS = 60
"""Asked for in one answer: about what fits a datagram of 1,472 octets, so that nothing is fragmented."""
_REFUSED = (6, 16)
"""noAccess, authorizationError (RFC 3416 section 3)."""


@dataclass
class Column:
    """One column under way: rows seen so far, the last object named, and how it ended."""

    root: Oid
    rows: list[VarBind] = field(default_factory=list[VarBind])
    cursor: Oid = ()
    end: End | None = None

    def __post_init__(self) -> None:
        self.cursor = self.cursor or self.root


@dataclass(frozen=True)
class Question:
    """What to ask next. `repetitions` 0 is GETNEXT."""

    oids: tuple[Oid, ...]
    repetitions: int
    kind: int = GET_NEXT

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
        oids = tuple(c.cursor for c in self._asked)
        if self.version == 0:
            return Question(oids, 0)
        most = max(1, MOST_BINDINGS // len(oids))
        return Question(oids, min(self._repetitions, self._most, most))

    def answer(self, got: Response) -> None:
        """Take the answer to the last question."""
        if got.error_status != NO_ERROR:
            self._refused(got.error_status, got.error_index)
            return
        if not got.bindings:
            self._end_all("error")
            return
        asked, count, cap = self._asked, len(self._asked), self.cap
        for number, row in enumerate(got.bindings):
            column = asked[number % count]
            name, root = row.oid, column.root
            # What a well-behaved agent sends, without another call: this is the inner loop.
            if (
                column.end is None
                and name > column.cursor
                and name[: len(root)] == root
                and not 0x80 <= row.tag <= 0x82
                and len(column.rows) < cap
            ):
                column.rows.append(row)
                column.cursor = name
            else:
                self._row(column, row)
        self._repetitions = min(self._repetitions * 2, MOST_REPETITIONS)

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

    def _row(self, column: Column, row: VarBind) -> None:
        if column.end is not None:
            return
        if row.tag == END_OF_MIB or row.oid[: len(column.root)] != column.root:
            # The agent's own word that nothing follows; one that goes backwards says no such thing.
            column.end = "complete" if row.tag == END_OF_MIB or row.oid > column.cursor else "order"
        elif row.oid <= column.cursor:
            column.end = "order"
        elif len(column.rows) >= self.cap:
            column.end = "cap"
        elif row.absent:
            column.end = "error"
        else:
            column.rows.append(row)
            column.cursor = row.oid

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
        if self.version == 1 and self._most > 1:
            self._most = max(1, min(self._repetitions, self._most) // 3)
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
