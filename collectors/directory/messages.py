"""LDAP messages (RFC 4511), written and read by ldap3: all but the bulk of the answers, which `entries.py` reads eight times faster.

ldap3's connections open sockets of their own, past the scope check and the ledger; its messages do not, and go over the run's stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

STARTTLS = "1.3.6.1.4.1.1466.20037"
DOMAIN_SCOPE = "1.2.840.113556.1.4.1339"
"""LDAP_SERVER_DOMAIN_SCOPE_OID, [MS-ADTS] 3.1.1.3.4.1.4: no references to other domains."""
WITHOUT_SACL = 7
PAGE = 1000
_PLAIN = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.")


def bind(number: int, user: str, secret: str) -> bytes:
    """A simple bind (RFC 4511, 4.2): only where TLS was verified."""
    from ldap3 import SIMPLE
    from ldap3.operation.bind import bind_operation

    return _message(number, "bindRequest", bind_operation(3, SIMPLE, user, secret))


def start_tls(number: int) -> bytes:
    """RFC 4511, 4.14."""
    from ldap3.operation.extended import extended_operation

    return _message(number, "extendedReq", extended_operation(STARTTLS))


def unbind(number: int) -> bytes:
    """RFC 4511, 4.3."""
    from ldap3.operation.unbind import unbind_operation

    return _message(number, "unbindRequest", unbind_operation())


class Search:
    """One search (RFC 4511, 4.5.1), page by page (RFC 2696). *query*: a filter as text (RFC 4515). *scope*: 0 base, 1 level, 2 subtree.

    Raises `ValueError` for a filter or attribute that is none.
    """

    def __init__(
        self,
        base: str,
        scope: int,
        query: str,
        attributes: Iterable[str],
        *,
        descriptors: bool = False,
        paged: bool = True,
    ) -> None:
        from ldap3 import BASE, DEREF_NEVER, LEVEL, SUBTREE
        from ldap3.core.exceptions import LDAPException
        from ldap3.operation.search import search_operation

        scopes = {0: BASE, 1: LEVEL, 2: SUBTREE}
        try:
            self._request: Any = search_operation(
                base, query, scopes[scope], DEREF_NEVER, list(attributes), 0, 0, False, True, False
            )
        except LDAPException as error:
            raise ValueError(f"no such search: {error}") from None
        self._descriptors, self._paged = descriptors, paged

    def page(self, number: int, cookie: bytes) -> bytes:
        """The message that asks for the page behind *cookie*; empty: the first."""
        from ldap3.protocol.controls import build_control
        from ldap3.protocol.microsoft import security_descriptor_control
        from ldap3.protocol.rfc2696 import paged_search_control

        controls: list[Any] = [build_control(DOMAIN_SCOPE, False, None)]
        if self._paged:
            controls.append(paged_search_control(False, PAGE, cookie or None))
        if self._descriptors:
            # A list of one control, unlike the others.
            controls += security_descriptor_control(False, WITHOUT_SACL)
        return _message(number, "searchRequest", self._request, controls)


def _message(number: int, kind: str, request: Any, controls: list[Any] | None = None) -> bytes:
    from ldap3.protocol.convert import build_controls_list
    from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
    from pyasn1.codec.ber.encoder import encode

    message: Any = LDAPMessage()
    message["messageID"] = MessageID(number)
    message["protocolOp"] = ProtocolOp().setComponentByName(kind, request)
    if controls:
        message["controls"] = build_controls_list(controls)
    return bytes(encode(message))


def present(name: str) -> str:
    """`(name=*)`."""
    return f"({name}=*)"


def equal(name: str, value: str) -> str:
    """`(name=value)`, whatever stands in the value (RFC 4515, 3)."""
    # Filters are made while the tables are loaded, which must not load ldap3; and its parser takes blanks off what is not escaped.
    told = "".join(chr(b) if b in _PLAIN else f"\\{b:02x}" for b in value.encode("utf-8"))
    return f"({name}={told})"


def both(*parts: str) -> str:
    """`(&...)`."""
    return f"(&{''.join(parts)})"


def either(*parts: str) -> str:
    """`(|...)`."""
    return f"(|{''.join(parts)})"


def without(part: str) -> str:
    """`(!...)`."""
    return f"(!{part})"
