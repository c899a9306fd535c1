"""Self-signed certificates for the peers of tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path


def certificate(folder: Path, kind: str = "ec") -> tuple[Path, bytes]:
    """A self-signed certificate made by cryptography: (PEM with its key, DER)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID

    key = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "ec"
        else rsa.generate_private_key(65537, 1024)
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gear")])
    now = datetime.now(UTC)
    cert = x509.CertificateBuilder(
        name, name, key.public_key(), 7, now, now + timedelta(days=1)
    ).sign(key, hashes.SHA256())
    pem = folder / f"{kind}.pem"
    form = serialization.PrivateFormat.PKCS8
    pem.write_bytes(
        cert.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    return pem, cert.public_bytes(serialization.Encoding.DER)
