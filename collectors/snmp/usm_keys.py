"""The keys of an SNMPv3 user, and what makes and checks with them: localised keys, message digests, encryption of scoped PDUs.

RFC 3414 (HMAC-MD5-96, HMAC-SHA-96, CBC-DES), RFC 7860 (HMAC-SHA-2), RFC 3826 (CFB128-AES-128), draft-blumenthal-aes-usm-04 (AES-192 and
AES-256; keys made longer by hashing), draft-reeder-snmpv3-usm-3desede-00 (keys made longer by localising again: Cisco's AES-192/256,
written here with a `-C`, and 3DES). Our own packets, so that each
passes the run's door and ledger and none waits for pyasn1; pysnmp hashes the pass phrases and is the oracle of all of it in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm
    from cryptography.hazmat.primitives.ciphers.modes import ModeWithInitializationVector

SHORTEST = 8
"""Octets of a pass phrase (RFC 3414 11.2)."""


class UsmError(ValueError):
    """An account that is no SNMPv3 user, or a message its keys do not open; carries no octet of either."""


class _Auth(NamedTuple):
    hash: str
    octets: int
    """Of the digest, that are sent."""


class _Privacy(NamedTuple):
    cipher: Literal["DES", "3DES", "AES"]
    key: int
    """Octets of key material, pre-IV included."""
    longer: Literal["", "blumenthal", "reeder"]


AUTHS = {
    "MD5": _Auth("md5", 12),
    "SHA": _Auth("sha1", 12),
    "SHA-224": _Auth("sha224", 16),
    "SHA-256": _Auth("sha256", 24),
    "SHA-384": _Auth("sha384", 32),
    "SHA-512": _Auth("sha512", 48),
}
PRIVACIES = {
    "DES": _Privacy("DES", 16, ""),
    "3DES": _Privacy("3DES", 32, "reeder"),
    "AES": _Privacy("AES", 16, ""),
    "AES-192": _Privacy("AES", 24, "blumenthal"),
    "AES-256": _Privacy("AES", 32, "blumenthal"),
    "AES-192-C": _Privacy("AES", 24, "reeder"),
    "AES-256-C": _Privacy("AES", 32, "reeder"),
}
_ALIKE = {"SHA1": "SHA", "SHA-1": "SHA", "AES128": "AES", "AES-128": "AES", "3DESEDE": "3DES"}


@dataclass(frozen=True)
class User:
    """An SNMPv3 user of client.toml. `auth` and `privacy` are names of `AUTHS` and `PRIVACIES`, empty for none."""

    name: bytes = field(repr=False)
    auth: str = ""
    auth_phrase: bytes = field(default=b"", repr=False)
    privacy: str = ""
    privacy_phrase: bytes = field(default=b"", repr=False)

    @property
    def security(self) -> str:
        """Such as `authPriv SHA-256 AES-256`."""
        level = "authPriv" if self.privacy else "authNoPriv" if self.auth else "noAuthNoPriv"
        return " ".join(x for x in (level, self.auth, self.privacy) if x)


def user_of(name: str, secret: str) -> User:
    """*secret* as client.toml keeps it: nothing, `SHA-256 phrase` or `SHA-256 phrase AES-256 phrase`, a phrase with blanks in quotes.

    Raises `UsmError` without a word of the secret.
    """
    try:
        words = shlex.split(secret)
    except ValueError:
        raise UsmError("a quote of the SNMPv3 secret is not closed") from None
    if len(words) not in (0, 2, 4):
        raise UsmError("an SNMPv3 secret is: AUTH phrase, or AUTH phrase PRIVACY phrase")
    if not name or len(name.encode()) > 32:
        raise UsmError("an SNMPv3 user name has 1 to 32 octets")
    if not words:
        return User(name.encode())
    auth = _named(words[0], AUTHS, "authentication")
    privacy = _named(words[2], PRIVACIES, "privacy") if len(words) == 4 else ""
    phrases = [w.encode() for w in words[1::2]]
    if any(len(p) < SHORTEST for p in phrases):
        raise UsmError(f"an SNMPv3 pass phrase has at least {SHORTEST} octets")
    return User(name.encode(), auth, phrases[0], privacy, phrases[1] if privacy else b"")


def _named(word: str, known: dict[str, _Auth] | dict[str, _Privacy], what: str) -> str:
    name = word.upper().replace("_", "-")
    name = _ALIKE.get(name, name)
    for prefix in ("SHA", "AES"):
        if name.startswith(prefix) and name[3:4].isdigit():
            name = f"{prefix}-{name[3:]}"
    if name not in known:
        raise UsmError(f"no {what} protocol of the SNMPv3 secret; known: {', '.join(known)}")
    return name


@lru_cache(maxsize=16)
def _hashed(phrase: bytes, name: str) -> bytes:
    from pysnmp.proto.secmod.rfc3414.localkey import hash_passphrase

    return bytes(hash_passphrase(phrase, getattr(hashlib, name)))


def localised(phrase: bytes, name: str, engine: bytes) -> bytes:
    """Pass phrase to the key of one engine (RFC 3414 A.2), by the hash *name*. The long hash is pysnmp's; a phrase is hashed once."""
    key = _hashed(phrase, name)
    return hashlib.new(name, key + engine + key).digest()


@dataclass
class Keys:
    """The keys of *user* at the engine of one agent."""

    user: User
    engine: bytes
    _auth: bytes = field(default=b"", repr=False)
    _privacy: bytes = field(default=b"", repr=False)
    _salt: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        self._salt = secrets.randbits(64)
        if not self.user.auth:
            return
        name = AUTHS[self.user.auth].hash
        self._auth = localised(self.user.auth_phrase, name, self.engine)
        if self.user.privacy:
            kind = PRIVACIES[self.user.privacy]
            key = localised(self.user.privacy_phrase, name, self.engine)
            while len(key) < kind.key:
                if kind.longer == "reeder":
                    key += localised(key, name, self.engine)
                elif kind.longer == "blumenthal":
                    key += hashlib.new(name, key).digest()
                else:
                    raise UsmError("the hash is too short for the cipher")
            self._privacy = key[: kind.key]

    @property
    def digest_octets(self) -> int:
        return AUTHS[self.user.auth].octets if self.user.auth else 0

    def digest(self, message: bytes) -> bytes:
        """The digest of *message*, whose digest field is zeros."""
        kind = AUTHS[self.user.auth]
        return hmac.digest(self._auth, message, kind.hash)[: kind.octets]

    def seal(self, plain: bytes, boots: int, seconds: int) -> tuple[bytes, bytes]:
        """(encrypted, salt to be sent)."""
        kind = PRIVACIES[self.user.privacy]
        self._salt = (self._salt + 1) & (2**64 - 1)
        if kind.cipher == "AES":
            salt = self._salt.to_bytes(8, "big")
        else:
            salt = boots.to_bytes(4, "big") + (self._salt & 0xFFFF_FFFF).to_bytes(4, "big")
            plain += bytes(-len(plain) % 8)
        cipher = self._cipher(salt, boots, seconds).encryptor()
        return cipher.update(plain) + cipher.finalize(), salt

    def open(self, sealed: bytes, salt: bytes, boots: int, seconds: int) -> bytes:
        """Decrypted, padding included. Raises `UsmError`."""
        if len(salt) != 8:
            raise UsmError("privacy parameters of another length than eight")
        if PRIVACIES[self.user.privacy].cipher != "AES" and len(sealed) % 8:
            raise UsmError("no whole number of blocks")
        cipher = self._cipher(salt, boots, seconds).decryptor()
        return cipher.update(sealed) + cipher.finalize()

    def _cipher(
        self, salt: bytes, boots: int, seconds: int
    ) -> Cipher[ModeWithInitializationVector]:
        from cryptography.hazmat.primitives.ciphers import Cipher, modes

        key = self._privacy
        kind = PRIVACIES[self.user.privacy]
        algorithm = _algorithms()[kind.cipher]
        if kind.cipher == "AES":
            iv = (boots & 0xFFFF_FFFF).to_bytes(4, "big") + seconds.to_bytes(4, "big") + salt
            return Cipher(algorithm(key), _cfb()(iv))
        size = kind.key - 8
        # One DES is three with the same key (NIST SP 800-67, 3.2).
        secret = key[:size] * (3 if size == 8 else 1)
        iv = bytes(a ^ b for a, b in zip(key[size:], salt, strict=True))
        return Cipher(algorithm(secret), modes.CBC(iv))


@lru_cache(maxsize=1)
def _algorithms() -> dict[str, Callable[[bytes], CipherAlgorithm]]:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    return {"AES": AES, "DES": TripleDES, "3DES": TripleDES}


@lru_cache(maxsize=1)
def _cfb() -> Callable[[bytes], ModeWithInitializationVector]:
    """CFB with 128 bits of feedback; where it is depends on the release of cryptography."""
    try:
        from cryptography.hazmat.decrepit.ciphers.modes import CFB
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.modes import CFB
    return CFB
