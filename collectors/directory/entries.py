"""Answers to an LDAP search, read off the wire as they come (RFC 4511, RFC 2696): a small BER reader for the bulk of a directory.

ldap3 connects, binds and speaks TLS; its own decoder takes eight times the time for thousands of entries. Pure: bytes in, messages out.
Definite lengths only (RFC 4511, section 5.1).
"""

from __future__ import annotations

from dataclasses import dataclass

_ENTRY, _DONE, _REFERENCE, _INTERMEDIATE, _CONTROLS = 0x64, 0x65, 0x73, 0x79, 0xA0
_SEQUENCE, _SET, _OCTETS, _INTEGER, _ENUMERATED, _BOOLEAN = 0x30, 0x31, 0x04, 0x02, 0x0A, 0x01
_REFERRALS = 0xA3
PAGED = b"1.2.840.113556.1.4.319"
LARGEST = 64 << 20
"""Bytes of one message: an attribute of a hostile server must not fill the memory."""


class BadAnswer(ValueError):
    """These bytes are no LDAP answer to a search."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`attributes`: name as the server wrote it -> values."""

    message: int
    dn: bytes
    attributes: dict[str, list[bytes]]


@dataclass(frozen=True, slots=True)
class Reference:
    """Where the search could go on; nobody follows it."""

    message: int
    uris: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """`code`: resultCode (RFC 4511, section 4.1.9). `cookie`: of the next page; empty at the end; None: the server does not page."""

    message: int
    code: int
    matched: bytes
    text: bytes
    cookie: bytes | None = None


Answer = Entry | Reference | Done


class Reader:
    """Puts a stream of bytes together to answers."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._need = 2

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that are whole now. Raises `BadAnswer`; nothing can be read of that stream any more."""
        held = self._held
        held += data
        out: list[Answer] = []
        # A long message comes in many pieces: it is not looked at anew with each of them.
        if len(held) < self._need:
            return out
        self._need = 2
        at, end = 0, len(held)
        view = bytes(held)
        while at + 2 <= end:
            if view[at] != _SEQUENCE:
                raise BadAnswer(f"tag {view[at]:#04x} where a message begins")
            length = view[at + 1]
            body = at + 2
            if length >= 0x80:
                count = length & 0x7F
                if not 1 <= count <= 4:
                    raise BadAnswer(f"a length of {count} bytes")
                if body + count > end:
                    break
                length = int.from_bytes(view[body : body + count], "big")
                body += count
                if length > LARGEST:
                    raise BadAnswer(f"a message of {length} bytes")
            if body + length > end:
                self._need = body + length - at
                break
            at = body + length
            if (answer := _message(view, body, at)) is not None:
                out.append(answer)
        if at:
            del held[:at]
        return out

    @property
    def waiting(self) -> int:
        """Bytes of an answer that is not whole yet."""
        return len(self._held)


def _message(data: bytes, at: int, end: int) -> Answer | None:
    number, at = _number(data, at, end, _INTEGER)
    if not 0 <= number < 1 << 31:
        raise BadAnswer(f"message {number}")
    tag, start, stop = _element(data, at, end)
    if tag == _ENTRY:
        return _entry(data, start, stop, number)
    if tag == _REFERENCE:
        return Reference(number, tuple(_octets(data, start, stop)))
    if tag == _DONE:
        return _done(data, start, stop, end, number)
    if tag == _INTERMEDIATE:
        return None
    raise BadAnswer(f"tag {tag:#04x} of an answer to a search")


def _entry(data: bytes, at: int, end: int, number: int) -> Entry:
    tag, start, stop = _element(data, at, end)
    tag2, at, last = _element(data, stop, end)
    if tag != _OCTETS or tag2 != _SEQUENCE or last != end:
        raise BadAnswer("an entry of another form")
    attributes: dict[str, list[bytes]] = {}
    dn = data[start:stop]
    while at < end:
        # By hand, as this is where the time goes: SEQUENCE { OCTET STRING, SET OF OCTET STRING }.
        tag, at, last = _element(data, at, end)
        named, start, stop = _element(data, at, last)
        tag2, at, inner = _element(data, stop, last)
        if tag != _SEQUENCE or named != _OCTETS or tag2 != _SET or inner != last:
            raise BadAnswer("an attribute of another form")
        values: list[bytes] = []
        while at < last:
            if data[at] != _OCTETS:
                raise BadAnswer("a value of another form")
            if at + 2 > last:
                raise BadAnswer("cut short")
            length = data[at + 1]
            at += 2
            if length >= 0x80:
                count = length & 0x7F
                if not 1 <= count <= 4 or at + count > last:
                    raise BadAnswer(f"a length of {count} bytes")
                length = int.from_bytes(data[at : at + count], "big")
                at += count
            stop2 = at + length
            if stop2 > last:
                raise BadAnswer("a value reaches out of its set")
            values.append(data[at:stop2])
            at = stop2
        try:
            name = data[start:stop].decode("ascii")
        except UnicodeDecodeError:
            raise BadAnswer("a name of an attribute that is no ASCII") from None
        # A server that tells one attribute twice means both.
        attributes[name] = attributes[name] + values if name in attributes else values
    return Entry(number, dn, attributes)


def _done(data: bytes, at: int, end: int, whole: int, number: int) -> Done:
    code, at = _number(data, at, end, _ENUMERATED)
    tag, start, stop = _element(data, at, end)
    tag2, start2, stop2 = _element(data, stop, end)
    if tag != _OCTETS or tag2 != _OCTETS:
        raise BadAnswer("a result of another form")
    if stop2 < end and (_element(data, stop2, end)[0] != _REFERRALS):
        raise BadAnswer("a result of another form")
    return Done(number, code, data[start:stop], data[start2:stop2], _cookie(data, end, whole))


def _cookie(data: bytes, at: int, end: int) -> bytes | None:
    if at == end:
        return None
    tag, at, last = _element(data, at, end)
    if tag != _CONTROLS or last != end:
        raise BadAnswer("controls of another form")
    cookie = None
    while at < last:
        tag, inner, at = _element(data, at, last)
        if tag != _SEQUENCE:
            raise BadAnswer("a control of another form")
        values = _control(data, inner, at)
        if values[0] == PAGED and values[1] is not None:
            cookie = _page(values[1])
    return cookie


def _control(data: bytes, at: int, end: int) -> tuple[bytes, bytes | None]:
    tag, start, stop = _element(data, at, end)
    if tag != _OCTETS:
        raise BadAnswer("a control of another form")
    name, value = data[start:stop], None
    while stop < end:
        tag, start, stop = _element(data, stop, end)
        if tag == _OCTETS:
            value = data[start:stop]
        elif tag != _BOOLEAN:
            raise BadAnswer("a control of another form")
    return name, value


def _page(value: bytes) -> bytes:
    """RFC 2696: SEQUENCE { size INTEGER, cookie OCTET STRING }."""
    tag, at, end = _element(value, 0, len(value))
    if tag != _SEQUENCE or end != len(value):
        raise BadAnswer("a page of another form")
    _, at = _number(value, at, end, _INTEGER)
    tag, start, stop = _element(value, at, end)
    if tag != _OCTETS or stop != end:
        raise BadAnswer("a page of another form")
    return value[start:stop]


def _octets(data: bytes, at: int, end: int) -> list[bytes]:
    out: list[bytes] = []
    while at < end:
        tag, start, at = _element(data, at, end)
        if tag != _OCTETS:
            raise BadAnswer("a reference of another form")
        out.append(data[start:at])
    return out


def _number(data: bytes, at: int, end: int, wanted: int) -> tuple[int, int]:
    tag, start, stop = _element(data, at, end)
    if tag != wanted or not 1 <= stop - start <= 8:
        raise BadAnswer("a number of another form")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def _element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """(tag, start of the content, its end)."""
    if at + 2 > end:
        raise BadAnswer("cut short")
    tag, length = data[at], data[at + 1]
    at += 2
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or at + count > end:
            raise BadAnswer(f"a length of {count} bytes")
        length = int.from_bytes(data[at : at + count], "big")
        at += count
    stop = at + length
    if stop > end:
        raise BadAnswer("an element reaches out of what holds it")
    return tag, at, stop
