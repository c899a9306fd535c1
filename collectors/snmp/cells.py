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
from collectors.snmp.ber import Oid
from collectors.snmp.message import VarBind
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
    merged: dict[Oid, list[Cell]] = {}
    width = len(columns)
    for at, (column, (_, root, kind)) in enumerate(zip(columns, table.columns, strict=True)):
        cut, read = len(root), CELLS[kind]
        for bound in column.rows:
            row = merged.get(index := bound[0][cut:])
            if row is None:
                row = merged[index] = [None] * width
            row[at] = read(bound)
    bad = 0
    rows: list[tuple[Cell, ...]] = []
    for index, cells in merged.items():
        try:
            rows.append((*index_of(table, index), *cells))
        except BadIndex:
            bad += 1
    return rows, bad


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
    try:
        said = octets[: TEXT * 4].decode("utf-8")
    except UnicodeDecodeError:
        said = octets[: TEXT * 4].decode("latin-1")
    return said.replace("\0", "").strip()[:TEXT].strip()


def _cell_int(row: VarBind) -> Cell:
    return row.value if isinstance(row.value, int) else None


def _cell_text(row: VarBind) -> Cell:
    if isinstance(row.value, bytes):
        return text(row.value)
    return str(row.value) if isinstance(row.value, int) else None


def _cell_said(row: VarBind) -> Cell:
    """A text in which people write secrets: command lines."""
    return text(redact(row.value)[0]) if isinstance(row.value, bytes) else None


def _cell_mac(row: VarBind) -> Cell:
    if not isinstance(row.value, bytes) or len(row.value) != 6 or not any(row.value):
        return None
    return row.value.hex(":")


def _cell_ip(row: VarBind) -> Cell:
    return address(row.value) if isinstance(row.value, bytes) and len(row.value) == 4 else None


def _cell_hex(row: VarBind) -> Cell:
    return row.value[:TEXT].hex() if isinstance(row.value, bytes) else None


def _cell_oid(row: VarBind) -> Cell:
    return ".".join(map(str, row.value)) if isinstance(row.value, tuple) else None


def _cell_secret(row: VarBind) -> Cell:
    return alike(row.value) if isinstance(row.value, bytes) else None


def _cell_date(row: VarBind) -> Cell:
    """DateAndTime (RFC 2579): the day."""
    v = row.value
    if not isinstance(v, bytes) or len(v) not in (8, 11) or not (v[0] or v[1]):
        return None
    return f"{int.from_bytes(v[:2], 'big'):04d}-{v[2]:02d}-{v[3]:02d}"


CELLS: dict[str, Callable[[VarBind], Cell]] = {
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
