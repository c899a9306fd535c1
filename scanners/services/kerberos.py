"""Is there a Kerberos key distribution centre? Asked with four bytes that RFC 4120, 7.2.2 prescribes an answer to.

The high bit of the length in front of a TCP request is reserved, and a KDC that does not know the extension must answer with the error
KRB_ERR_FIELD_TOOLONG and close. An AS-REQ, the usual question, would name an account and be logged as a failed log-on (Windows event
4768): monitoring rightly takes that for guessing. This one names nobody.
"""

from __future__ import annotations

from datetime import UTC, datetime

from agent.model.bodies_services import KerberosHello
from scanners.not_spoken import NotSpoken
from scanners.services import ber
from scanners.services.conversation import Conversation

QUESTION = b"\x80\0\0\0"
TOO_LONG = 61
_KRB_ERROR = 0x7E


async def talk(c: Conversation) -> None:
    raw = await c.ask(
        QUESTION, lambda d: len(d) >= 4 and len(d) >= 4 + int.from_bytes(d[:4], "big"), limit=4096
    )
    await c.report(parse(c.port, raw), "kerberos", raw)


def parse(port: int, data: bytes) -> KerberosHello:
    """The KRB-ERROR in *data*, its length in front. Raises `NotSpoken`."""
    if len(data) < 6:
        raise NotSpoken("no Kerberos message")
    content, _ = ber.expect(_KRB_ERROR, data[4:])
    fields, _ = ber.expect(ber.SEQUENCE, content)
    error: int | None = None
    realm, moment = "", None
    for tag, value in ber.parts(fields):
        if tag == 0xA6:
            error = ber.number(ber.expect(ber.INTEGER, value)[0])
        elif tag == 0xA9:
            _, text, _ = ber.take(value)
            realm = text[:255].decode("utf-8", "replace")
        elif tag == 0xA4:
            _, text, _ = ber.take(value)
            moment = _time(text)
    if error is None or not -1 <= error < 1 << 16:
        raise NotSpoken("an error without a code")
    return KerberosHello(port=port, realm=realm, error=error, time=moment)


def _time(text: bytes) -> int | None:
    """KerberosTime (RFC 4120, 5.2.3): `19700101000000Z`; None for what is no time."""
    try:
        at = datetime.strptime(text[:15].decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return max(0, int(at.timestamp())) * 1_000_000
