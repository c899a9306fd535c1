"""One connection: bounded reads, writes, and the end, against real sockets on loopback."""

from __future__ import annotations

import asyncio

import pytest

from tests.agent.net.peers import (
    HOST,
    Books,
    dialer,
    listening,
    says,
)


def test_reads_are_bounded_and_end_with_nothing() -> None:
    async def main() -> list[bytes]:
        async with listening(says(b"0123456789", then="close")) as port:
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=Books())
            got = [await stream.read(4, 1), await stream.read(100, 1), await stream.read(5, 1)]
            await stream.close()
            await stream.close()
            return got

    assert asyncio.run(main()) == [b"0123", b"456789", b""]


def test_a_silent_service_times_out() -> None:
    async def main() -> None:
        async with listening(says(b"")) as port:
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=Books())
            with pytest.raises(TimeoutError):
                await stream.read(10, 0.05)
            await stream.close()

    asyncio.run(main())


def test_what_is_written_arrives() -> None:
    got = asyncio.Event()
    heard = bytearray()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readexactly(5000))
        got.set()

    async def main() -> None:
        async with listening(handler) as port:
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=Books())
            await stream.write(b"x" * 5000)
            await asyncio.wait_for(got.wait(), 5)
            await stream.close()

    asyncio.run(main())
    assert len(heard) == 5000


def test_an_open_connection_ends_with_a_reset() -> None:
    """No FIN that the kernel would repeat, no half-closed connection left with the peer."""
    ended: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
            ended.append("fin")
        except ConnectionResetError:
            ended.append("rst")

    async def main() -> None:
        async with listening(handler) as port:
            assert await dialer().knock(HOST, port, timeout_s=1, emit=Books()) == "open"
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=Books())
            await asyncio.sleep(0.02)
            await stream.close()
            await asyncio.sleep(0.05)

    asyncio.run(main())
    assert "fin" not in ended
    assert "rst" in ended
