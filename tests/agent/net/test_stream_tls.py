"""TLS over a stream, with new gear, old gear and what is no TLS at all."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.stream import anything
from tests.agent.net.certificates import certificate
from tests.agent.net.peers import (
    HOST,
    Books,
    closed_port,
    dialer,
    fast_pacer,
    listening,
    says,
)


def test_a_certificate_is_read_and_bytes_flow_through_tls(tmp_path: Path) -> None:
    pem, der = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(3)).upper() + b"!" * 40_000)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> bytes:
        async with listening(echo, tls=context) as port:
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=Books())
            info = await stream.start_tls(None, 5)
            assert (info.version, info.certificate_der) == ("TLSv1.3", der)
            await stream.write(b"abc")
            data = b""
            while chunk := await stream.read(5000, 5):
                assert len(chunk) <= 5000
                data += chunk
            await stream.close()
            return data

    assert asyncio.run(main()) == b"ABC" + b"!" * 40_000


@pytest.mark.needs("openssl")
def test_gear_that_speaks_tls_1_0_only_with_a_weak_key_is_read(tmp_path: Path) -> None:
    pem, der = certificate(tmp_path, "rsa")
    port = closed_port("127.0.0.1")
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pem), "-key", str(pem)]
        + ["-tls1", "-cipher", "ALL:@SECLEVEL=0", "-quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    async def main() -> tuple[str, bytes]:
        d = LiveDialer(ScopeRule(allowed=("127.0.0.1",)), fast_pacer())
        for _ in range(200):
            if await d.knock("127.0.0.1", port, timeout_s=1, emit=Books()) == "open":
                break
            await asyncio.sleep(0.05)
        stream = await d.connect("127.0.0.1", port, timeout_s=1, emit=Books())
        info = await stream.start_tls(None, 5)
        await stream.close()
        return info.version, info.certificate_der

    try:
        assert asyncio.run(main()) == ("TLSv1", der)
    finally:
        server.kill()
        server.communicate()


def test_a_peer_that_hangs_up_or_speaks_otherwise_in_the_handshake() -> None:
    async def main() -> None:
        async with listening(says(b"", then="close")) as port:
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=Books())
            with pytest.raises(ConnectionError):
                await stream.start_tls(None, 2)
            await stream.close()
        async with listening(says(b"220 ready\r\n" * 20)) as port:
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=Books())
            with pytest.raises(ssl.SSLError):
                await stream.start_tls(None, 2)
            await stream.close()
        async with listening(says(b"")) as port:
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=Books())
            with pytest.raises(TimeoutError):
                await stream.start_tls(None, 0.1)
            await stream.close()

    asyncio.run(main())


def test_no_cipher_without_a_certificate_is_offered() -> None:
    assert not [c for c in anything().get_ciphers() if "Au=None" in str(c["description"])]
