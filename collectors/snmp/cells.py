"""From what a walk brought to the rows of a table: indexes taken apart, values as texts and numbers. Pure and bounded.

Source: RFC 2578 section 7.7 (how an index stands in a name), RFC 4001 (InetAddress), RFC 2579 (MacAddress, DateAndTime).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address

from agent.model.bodies_snmp import Cell
from collectors.snmp.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    OCTETS,
    OID,
    OPAQUE,
    TIME_TICKS,
    BerError,
    Oid,
    oid,
    sub_ids,
)
from collectors.snmp.message import Raw
from collectors.snmp.tables import Table
from collectors.snmp.walk import Column
from scanners.redaction import redact

TEXT = 512
WELL_KNOWN = frozenset(
    b"public private internal community monitor manager admin cisco snmp read write secret default ILMI netman snmpd tivoli "
    b"OrigEquipMfr".split()
)
"""Communities of makers' manuals, to name one that was given or seen; none is ever tried."""
_KEY = secrets.token_bytes(32)


class BadIndex(ValueError):
    """A name that is no row of its table."""


def alike(secret: bytes) -> str:
    """`well_known:...` or `own:...`: equal for equal secrets in this process, telling nothing of them; the key is in memory only."""
    kind = "well_known" if secret in WELL_KNOWN else "own"
    return f"{kind}:{hmac.new(_KEY, secret, hashlib.sha256).hexdigest()[:16]}"


def rows_of(table: Table, columns: Sequence[Column]) -> tuple[list[tuple[Cell, ...]], int]:
    """Rows in the order of the agent, and how many names were no rows of the table."""
    told = [
        ([row[0][len(column.prefix) :] for row in column.rows], read(column.rows, kind))
        for column, (_, _, kind) in zip(columns, table.columns, strict=True)
    ]
    where = told[0][0]
    if all(indexes == where for indexes, _ in told) and len(set(where)) == len(where):
        merged = dict(zip(where, zip(*(cells for _, cells in told), strict=True), strict=True))
    else:
        merged = _merged(told)
    bad = 0
    rows: list[tuple[Cell, ...]] = []
    for index, cells in merged.items():
        try:
            rows.append((*index_of(table, sub_ids(index)), *cells))
        except BadIndex:
            bad += 1
    return rows, bad


def _merged(told: list[tuple[list[bytes], list[Cell]]]) -> dict[bytes, tuple[Cell, ...]]:
    """Rows of columns that have not all the same."""
    out: dict[bytes, list[Cell]] = {}
    for at, (indexes, cells) in enumerate(told):
        for index, cell in zip(indexes, cells, strict=True):
            row = out.get(index)
            if row is None:
                row = out[index] = [None] * len(told)
            row[at] = cell
    return {index: tuple(row) for index, row in out.items()}


def read(rows: Sequence[Raw], kind: str) -> list[Cell]:
    """The values of *rows* as cells of *kind*."""
    one = CELLS[kind]
    return [one(tag, content) for _, tag, content in rows]


def index_of(table: Table, index: Oid) -> list[Cell]:
    """The named parts of *index*. Raises `BadIndex`."""
    if table.index[0][1] == "int" and len(table.index) == len(index) == 1:
        return [index[0]]
    out: list[Cell] = []
    rest = index
    for name, kind in table.index:
        part, rest = PARTS[kind](rest)
        if not name.startswith("_"):
            out.append(part)
    if rest:
        raise BadIndex("more than the index has")
    return out


def _take(rest: Oid, size: int) -> tuple[Oid, Oid]:
    if len(rest) < size:
        raise BadIndex("too short")
    return rest[:size], rest[size:]


def _octets(some: Oid) -> bytes:
    try:
        return bytes(some)
    except ValueError:
        raise BadIndex("no octets") from None


def _counted(rest: Oid) -> tuple[bytes, Oid]:
    size, rest = _take(rest, 1)
    some, rest = _take(rest, size[0])
    return _octets(some), rest


def _int(rest: Oid) -> tuple[Cell, Oid]:
    one, rest = _take(rest, 1)
    return one[0], rest


def _mac(rest: Oid) -> tuple[Cell, Oid]:
    six, rest = _take(rest, 6)
    return _octets(six).hex(":"), rest


def _ip(rest: Oid) -> tuple[Cell, Oid]:
    four, rest = _take(rest, 4)
    return str(IPv4Address(_octets(four))), rest


def _inet(rest: Oid) -> tuple[Cell, Oid]:
    """InetAddressType and InetAddress; LLDP has the address family in its place, of the same numbers for these two (IANA)."""
    _, rest = _take(rest, 1)
    octets, rest = _counted(rest)
    return address(octets), rest


def _text(rest: Oid) -> tuple[Cell, Oid]:
    octets, rest = _counted(rest)
    return text(octets), rest


def _secret(rest: Oid) -> tuple[Cell, Oid]:
    octets, rest = _counted(rest)
    return alike(octets), rest


def _oids(rest: Oid) -> tuple[Cell, Oid]:
    size, rest = _take(rest, 1)
    some, rest = _take(rest, size[0])
    return ".".join(map(str, some)), rest


def _rest(rest: Oid) -> tuple[Cell, Oid]:
    if rest and all(31 < n < 127 for n in rest):
        return text(_octets(rest)), ()
    return ".".join(map(str, rest)), ()


PARTS: dict[str, Callable[[Oid], tuple[Cell, Oid]]] = {
    "int": _int,
    "mac": _mac,
    "ip": _ip,
    "inet": _inet,
    "text": _text,
    "secret": _secret,
    "oids": _oids,
    "rest": _rest,
}


def address(octets: bytes) -> str:
    """An address of four, eight (with zone), sixteen or twenty octets; anything else in hexadecimal."""
    if len(octets) in (4, 8):
        return str(IPv4Address(octets[:4]))
    if len(octets) in (16, 20):
        return str(IPv6Address(octets[:16]))
    return octets.hex()


def text(octets: bytes) -> str:
    """UTF-8 where it is, else Latin-1; at most 512 characters, without NUL and blanks at the ends."""
    if octets.isascii() and len(octets) <= TEXT and b"\0" not in octets:
        return octets.decode("ascii").strip()
    try:
        said = octets[: TEXT * 4].decode("utf-8")
    except UnicodeDecodeError:
        said = octets[: TEXT * 4].decode("latin-1")
    return said.replace("\0", "").strip()[:TEXT].strip()


_TEXTS = frozenset({OCTETS, OPAQUE, IP_ADDRESS})
_UNSIGNED = frozenset({COUNTER32, GAUGE32, TIME_TICKS, COUNTER64})


def _cell_int(tag: int, content: bytes) -> Cell:
    if tag == INTEGER or tag in _UNSIGNED:
        return int.from_bytes(content, "big", signed=True)
    return None


def _cell_text(tag: int, content: bytes) -> Cell:
    if tag in _TEXTS:
        return text(content)
    number = _cell_int(tag, content)
    return None if number is None else str(number)


def _cell_said(tag: int, content: bytes) -> Cell:
    """A text in which people write secrets: command lines."""
    return text(redact(content)[0]) if tag in _TEXTS else None


def _cell_mac(tag: int, content: bytes) -> Cell:
    if tag not in _TEXTS or len(content) != 6 or not any(content):
        return None
    return content.hex(":")


def _cell_ip(tag: int, content: bytes) -> Cell:
    return address(content) if tag in _TEXTS and len(content) == 4 else None


def _cell_hex(tag: int, content: bytes) -> Cell:
    return content[:TEXT].hex() if tag in _TEXTS else None


def _cell_oid(tag: int, content: bytes) -> Cell:
    if tag != OID:
        return None
    try:
        return ".".join(map(str, oid(content)))
    except BerError:
        return None


def _cell_secret(tag: int, content: bytes) -> Cell:
    return alike(content) if tag in _TEXTS else None


def _cell_date(tag: int, content: bytes) -> Cell:
    """DateAndTime (RFC 2579): the day."""
    if tag not in _TEXTS or len(content) not in (8, 11) or not (content[0] or content[1]):
        return None
    return f"{int.from_bytes(content[:2], 'big'):04d}-{content[2]:02d}-{content[3]:02d}"


CELLS: dict[str, Callable[[int, bytes], Cell]] = {
    "int": _cell_int,
    "text": _cell_text,
    "said": _cell_said,
    "mac": _cell_mac,
    "ip": _cell_ip,
    "hex": _cell_hex,
    "oid": _cell_oid,
    "secret": _cell_secret,
    "date": _cell_date,
}
