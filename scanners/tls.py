"""The certificate a service presents (RFC 5280, RFC 8446): whose it says it is, until when, and by which key. Read, never trusted."""

from __future__ import annotations

import hashlib
import ssl
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.model.bodies import TlsCertificate
from agent.model.status import AskOutcome

if TYPE_CHECKING:
    from cryptography import x509

NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE"}
    | {"PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL", "UNEXPECTED_MESSAGE", "BAD_RECORD_TYPE"}
)
MAX_NAMES = 100
MAX_TEXT = 1024


class NotACertificate(ValueError):
    """The bytes are no certificate we can read; carries no byte of them."""


def said_no(error: ssl.SSLError) -> AskOutcome:
    """What a failed handshake says: bytes of another protocol are a no, an alert is the refusal of somebody who speaks TLS.

    Anything else (a version or key we cannot do, a broken message) leaves a certificate that we could not read.
    """
    reason = (error.reason or "").upper()
    if reason in NOT_TLS:
        return "negative"
    return "refused" if "ALERT" in reason else "error"


def parse(port: int, der: bytes, tls_version: str) -> TlsCertificate:
    """The fields of *der* that matter to a handover. Raises `NotACertificate`."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    unreadable = (
        ValueError,
        TypeError,
        OverflowError,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    )
    try:
        # The library warns of what it will no longer take one day, such as a serial number of zero: common on old gear.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _fields(port, der, tls_version)
    except unreadable as error:
        raise NotACertificate(f"not a readable certificate ({type(error).__name__})") from None


def _fields(port: int, der: bytes, tls_version: str) -> TlsCertificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    cert = x509.load_der_x509_certificate(der)
    key = cert.public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return TlsCertificate(
        port=port,
        subject=_name(cert.subject),
        issuer=_name(cert.issuer),
        names=_names(cert),
        serial=f"{cert.serial_number:x}",
        not_before=_us(cert.not_valid_before_utc),
        not_after=_us(cert.not_valid_after_utc),
        self_signed=cert.subject == cert.issuer,
        sha256=hashlib.sha256(der).hexdigest(),
        spki_sha256=hashlib.sha256(spki).hexdigest(),
        key_type=type(key).__name__.removesuffix("PublicKey").strip("_").lower(),
        key_bits=int(getattr(key, "key_size", 0) or 0),
        signature=_signature(cert),
        tls_version=tls_version,
    )


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()[:MAX_TEXT]


def _names(cert: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        san = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    kinds = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier)
    return tuple(str(n.value)[:255] for n in san if isinstance(n, kinds))[:MAX_NAMES]


def _signature(cert: x509.Certificate) -> str:
    algorithm = cert.signature_hash_algorithm
    return algorithm.name if algorithm is not None else cert.signature_algorithm_oid.dotted_string


def _us(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000
