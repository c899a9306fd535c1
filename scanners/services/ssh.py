"""SSH (RFC 4253): identification, algorithms, host key. The key exchange is begun and broken off once the host key has come.

Curve25519 (RFC 8731), NIST P-256 (RFC 5656) and, for old gear, Diffie-Hellman groups 14 and 1 (RFC 4253, 8). No user name is sent, so no
log-in is tried. The key's signature is not checked: what is stored is what the server claims, as a scan of keys does.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.model.bodies import SshHostKey
from agent.model.bodies_services import SshHello
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

OURS = b"SSH-2.0-handover\r\n"
KEXINIT, KEX_FIRST, KEX_REPLY = 20, 30, 31
MAX_PACKET = 35_000
"""RFC 4253, 6.1: what every implementation must take."""
MAX_NAME_LIST = 8192
ANSWERS = 4
"""Reads for the reply: a server may put debug messages in front."""
_HOST_KEYS = (
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-dss"
)
_CIPHERS = (
    "aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-cbc,"
    "aes256-cbc,3des-cbc"
)
_MACS = "hmac-sha2-256,hmac-sha2-512,hmac-sha1,hmac-sha2-256-etm@openssh.com,hmac-md5"
_OAKLEY_2 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)
_MODP_14 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF"
)


@dataclass(frozen=True)
class KexInit:
    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    compression: tuple[str, ...]


async def talk(c: Conversation) -> None:
    """On an open connection whose identification stands in `c.heard`."""
    said = c.heard
    await c.write(OURS)
    line, _, rest = said[said.find(b"SSH-") :].partition(b"\n")
    raw = rest if whole(rest) else rest + await c.hear(lambda d: whole(rest + d))
    payload, left = packet(raw)
    init = parse_kexinit(payload)
    body = SshHello(
        port=c.port,
        identification=line.strip().decode("utf-8", "replace")[:255],
        kex=init.kex,
        host_key_algorithms=init.host_keys,
        ciphers=init.ciphers,
        macs=init.macs,
        compression=init.compression,
    )
    await c.report(body, "ssh", payload, public=True)
    await c.put("ssh.host_key", _host_key(c, init, left))


async def _host_key(c: Conversation, init: KexInit, left: bytes) -> None:
    ours = our_kexinit()
    # The first of ours that the server knows is taken (RFC 4253, 7.1).
    method = next((m for m in _METHODS if m in init.kex), None)
    if method is None:
        raise NotSpoken("no key exchange of ours")
    await c.write(framed(ours) + framed(bytes((KEX_FIRST,)) + _METHODS[method]()))
    data = left
    for _ in range(ANSWERS):
        while whole(data):
            payload, data = packet(data)
            if payload[:1] == bytes((KEX_REPLY,)):
                key_type, blob = parse_reply(payload)
                body = SshHostKey(port=c.port, key_type=key_type, fingerprint=fingerprint(blob))
                await c.report(body, "ssh", blob, public=True)
                return
            if payload[:1] not in (b"\x02", b"\x04", b"\x14"):
                # Neither ignore nor debug (RFC 4253, 11): it turned us away.
                raise NotSpoken("no answer to the key exchange")
        data += await c.hear(_more(data))
    raise NotSpoken("words, but no answer to the key exchange")


def _more(have: bytes) -> Callable[[bytes], bool]:
    return lambda new: whole(have + new)


def whole(data: bytes) -> bool:
    """Is the first binary packet all there? True as well for what can be none, so that nobody waits for it."""
    if len(data) < 4:
        return False
    size = int.from_bytes(data[:4], "big")
    return size > MAX_PACKET or len(data) >= 4 + size


def packet(data: bytes) -> tuple[bytes, bytes]:
    """(payload, rest) of the first unencrypted binary packet (RFC 4253, 6). Raises `NotSpoken`."""
    if len(data) < 6:
        raise NotSpoken("a packet that is cut")
    size, padding = int.from_bytes(data[:4], "big"), data[4]
    if not 2 + padding <= size <= MAX_PACKET or len(data) < 4 + size:
        raise NotSpoken("no SSH packet")
    return data[5 : 4 + size - padding], data[4 + size :]


def framed(payload: bytes) -> bytes:
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def parse_kexinit(payload: bytes) -> KexInit:
    """The name-lists of SSH_MSG_KEXINIT that concern us. Raises `NotSpoken`."""
    if len(payload) < 17 or payload[0] != KEXINIT:
        raise NotSpoken("no KEXINIT")
    rest = payload[17:]
    lists: list[tuple[str, ...]] = []
    for _ in range(8):
        text, rest = _string(rest)
        if len(text) > MAX_NAME_LIST:
            raise NotSpoken("a name-list without end")
        names = text.decode("ascii", "replace").split(",")
        lists.append(tuple(n[:64] for n in names if n)[:64])
    # Server to client: what it sends with.
    return KexInit(lists[0], lists[1], lists[3], lists[5], lists[7])


def parse_reply(payload: bytes) -> tuple[str, bytes]:
    """(key type, public key blob) of SSH_MSG_KEX_ECDH_REPLY or KEXDH_REPLY. Raises `NotSpoken`."""
    if payload[:1] != bytes((KEX_REPLY,)):
        raise NotSpoken("no reply to the key exchange")
    blob, _ = _string(payload[1:])
    name, _ = _string(blob)
    if not 3 <= len(name) <= 64 or not name.isascii() or len(blob) > 16_384:
        raise NotSpoken("no host key")
    return name.decode("ascii"), blob


def fingerprint(blob: bytes) -> str:
    """As OpenSSH prints it: SHA256: and base64 without padding."""
    digest = hashlib.sha256(blob).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def our_kexinit() -> bytes:
    lists = (
        ",".join(_METHODS),
        _HOST_KEYS,
        _CIPHERS,
        _CIPHERS,
        _MACS,
        _MACS,
        "none",
        "none",
        "",
        "",
    )
    body = b"".join(_pack(text.encode("ascii")) for text in lists)
    return bytes((KEXINIT,)) + secrets.token_bytes(16) + body + bytes(5)


def _curve25519() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return _pack(X25519PrivateKey.generate().public_key().public_bytes_raw())


def _p256() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    return _pack(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _group(prime: str) -> bytes:
    p = int(prime, 16)
    value = pow(2, secrets.randbelow(1 << 320) + (1 << 320), p)
    return _pack(value.to_bytes(value.bit_length() // 8 + 1, "big"))


_METHODS: Mapping[str, Callable[[], bytes]] = {
    "curve25519-sha256": _curve25519,
    "curve25519-sha256@libssh.org": _curve25519,
    "ecdh-sha2-nistp256": _p256,
    "diffie-hellman-group14-sha256": lambda: _group(_MODP_14),
    "diffie-hellman-group14-sha1": lambda: _group(_MODP_14),
    "diffie-hellman-group1-sha1": lambda: _group(_OAKLEY_2),
}


def _pack(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _string(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < 4:
        raise NotSpoken("a string that is cut")
    size = int.from_bytes(data[:4], "big")
    if size > len(data) - 4:
        raise NotSpoken("a string that is cut")
    return data[4 : 4 + size], data[4 + size :]
