"""pysnmp as the independent reader of the same datagrams: what it rejects, our codec must not accept."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Read:
    version: int
    community: bytes
    request_id: int
    error_status: int
    error_index: int
    bindings: tuple[tuple[tuple[int, ...], object], ...]


class Rejected(Exception):
    """pysnmp does not take the datagram for a response."""


def read(data: bytes) -> Read:
    """Raises `Rejected`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyasn1.codec.ber import decoder
        from pyasn1.error import PyAsn1Error
        from pysnmp.proto import api
        from pysnmp.proto.error import ProtocolError

        try:
            version = int(api.decodeMessageVersion(data))
            proto: Any = api.PROTOCOL_MODULES[version]
            message, rest = decoder.decode(data, asn1Spec=proto.Message())
            if rest:
                raise Rejected("octets after the message")
            pdu = proto.apiMessage.get_pdu(message)
            if not pdu.isSameTypeWith(proto.GetResponsePDU()):
                raise Rejected("no response")
            return Read(
                version,
                bytes(proto.apiMessage.get_community(message)),
                int(proto.apiPDU.get_request_id(pdu)),
                int(proto.apiPDU.get_error_status(pdu)),
                int(pdu.getComponentByPosition(2)),
                tuple(
                    (tuple(name), _plain(value)) for name, value in proto.apiPDU.get_varbinds(pdu)
                ),
            )
        except (PyAsn1Error, ProtocolError, KeyError, IndexError, TypeError, ValueError) as error:
            raise Rejected(str(error)) from None


def _plain(value: Any) -> object:
    kind = type(value).__name__
    if kind in ("NoSuchObject", "NoSuchInstance", "EndOfMibView", "Null", "UnSpecified"):
        return None
    if kind in ("ObjectIdentifier", "ObjectName"):
        return tuple(value)
    if kind in ("OctetString", "IpAddress", "NetworkAddress", "Opaque", "Bits"):
        return bytes(value)
    return int(value)
