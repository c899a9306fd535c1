"""The certificate a service presents (RFC 5280, RFC 8446): whose it says it is, until when, and by which key. Read, never trusted."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.catalogs.ports import by_number
from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import TlsCertificate
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.targets import host_ref, open_ports, service_ref

if TYPE_CHECKING:
    from cryptography import x509

WAIT_S = 4.0
PACKETS = 60
MAX_NAMES = 100
MAX_TEXT = 1024


class NotACertificate(ValueError):
    """The bytes are no certificate we can read; carries no byte of them."""


@dataclass(frozen=True)
class Tls:
    name: str = "tls"
    rev: int = 1
    needs: Needs = Needs(deadline_s=60, after=("tcp_ports",))
    emits: frozenset[str] = frozenset({"tls.certificate"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"tls.certificate": "strong"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        for host, ports in open_ports(ctx).items():
            wanted = [p for p in ports if speaks_tls(p)]
            if wanted:
                yield UnitPlan(
                    probe=self.name,
                    unit=host,
                    subject=host_ref(ctx, host),
                    targets=(host,),
                    params={"ports": " ".join(map(str, wanted))},
                )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        packets = PACKETS * len(unit.params["ports"].split())
        return {(unit.targets[0], "tcp"): (packets, packets * 200)}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]
        for port in map(int, unit.params["ports"].split()):
            outcome = await self._one(host, port, ctx, emit)
            emit.ask("tls.certificate", service_ref(ctx, host, port), outcome)

    async def _one(self, host: str, port: int, ctx: Context, emit: Emit) -> AskOutcome:
        try:
            stream = await ctx.dial.connect(host, port, timeout_s=WAIT_S, emit=emit)
        except TimeoutError:
            return "silent"
        except OSError:
            return "error"
        try:
            info = await stream.start_tls(None, WAIT_S)
            body = parse(port, info.certificate_der, info.version)
        except TimeoutError:
            return "silent"
        except (ssl.SSLError, ConnectionError):
            # It answered, and does not speak TLS (or no version either of us knows).
            return "negative"
        except NotACertificate:
            return "error"
        finally:
            await stream.close()
        await emit(host_ref(ctx, host), body, channel="tls", raw=info.certificate_der)
        return "answered"


def speaks_tls(port: int) -> bool:
    entry = by_number().get(port)
    return entry is not None and entry.speaks in ("tls", "https")


def parse(port: int, der: bytes, tls_version: str) -> TlsCertificate:
    """The fields of *der* that matter to a handover. Raises `NotACertificate`."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
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
    except (ValueError, TypeError, UnsupportedAlgorithm, OverflowError) as error:
        raise NotACertificate(f"not a readable certificate ({type(error).__name__})") from None


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
