"""The one door to TCP, against real sockets on loopback: scope, print ports, pacing, the ledger, TLS with old gear."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.contract import OutOfScope
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.pacer import Pacer
from agent.net.sockets import room_for, segments_out, tcp_socket
from agent.net.stream import anything
from agent.store.failpoint import NAMES
from tests.agent.net.peers import (
    HOST,
    NET,
    NEVER,
    SCOPE,
    Books,
    dialer,
    fast_pacer,
    listening,
    says,
)

OTHER = f"{NET}.2"


def closed_port(host: str = HOST) -> int:
    with socket.socket() as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


# --- scope ---


@pytest.mark.parametrize(
    "host", [NEVER, "127.90.0.1", "localhost", "10.0.0.1", "::2"], ids=range(5)
)
def test_outside_the_scope_nothing_leaves(host: str) -> None:
    books = Books()

    async def main() -> None:
        d = dialer()
        for act in (d.connect, d.knock):
            with pytest.raises(OutOfScope):
                await act(host, 80, timeout_s=1, emit=books)

    asyncio.run(main())
    assert not books.packets


def test_industrial_ports_are_asked_where_the_engagement_opted_in_only() -> None:
    async def main() -> str:
        books = Books()
        with pytest.raises(OutOfScope, match="industrial"):
            await dialer().knock(HOST, 502, timeout_s=1, emit=books)
        assert not books.packets
        opted = dialer(ot=lambda host: host == HOST)
        return await opted.knock(HOST, 502, timeout_s=1, emit=books)

    assert asyncio.run(main()) == "closed"


@pytest.mark.parametrize("port", [515, 6101, 9100, 9103, 9107, 9200, 502])
def test_not_a_byte_is_written_where_machines_print_or_move(port: int) -> None:
    heard = bytearray()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            heard.extend(data)

    async def main() -> None:
        offset = 20000
        async with listening(handler, port=port + offset):
            d = dialer(offset=offset, ot=lambda _host: True)
            stream = await d.connect(HOST, port, timeout_s=1, emit=Books())
            with pytest.raises(OutOfScope):
                await stream.write(b"\x1b%-12345X")
            with pytest.raises(OutOfScope):
                await stream.start_tls(None, 1)
            await stream.close()
            await asyncio.sleep(0.02)

    asyncio.run(main())
    assert bytes(heard) == b""


def test_the_labs_port_map_is_for_127_only() -> None:
    async def main() -> list[str]:
        d = dialer(offset=20000)
        async with (
            listening(says(b""), port=20999) as four,
            listening(says(b""), host="::1", port=20998) as six,
        ):
            return [
                await d.knock(HOST, four - 20000, timeout_s=1, emit=Books()),
                await d.knock("::1", six - 20000, timeout_s=1, emit=Books()),
                await d.knock("::1", six, timeout_s=1, emit=Books()),
            ]

    assert asyncio.run(main()) == ["open", "closed", "open"]


# --- answers ---


def test_open_closed_and_silent_ports() -> None:
    full = socket.socket()
    full.bind((HOST, 0))
    full.listen(0)
    # A queue of one is filled: the kernel drops further SYNs.
    fillers = [socket.create_connection(full.getsockname(), 1)]

    async def main() -> list[str]:
        d, books = dialer(), Books()
        async with listening(says(b"hello\n")) as port:
            return [
                await d.knock(HOST, port, timeout_s=0.5, emit=books),
                await d.knock(HOST, closed_port(), timeout_s=0.5, emit=books),
                await d.knock(HOST, full.getsockname()[1], timeout_s=0.5, emit=books),
            ]

    try:
        assert asyncio.run(main()) == ["open", "closed", "silent"]
    finally:
        for sock in (*fillers, full):
            sock.close()


def test_connect_says_how_it_failed() -> None:
    async def main() -> None:
        with pytest.raises(ConnectionRefusedError):
            await dialer().connect(HOST, closed_port(), timeout_s=1, emit=Books())

    asyncio.run(main())


def test_what_this_machine_could_not_ask_is_an_error_and_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_room(_host: str, _window: int) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("agent.net.dialer.tcp_socket", no_room)

    async def main() -> None:
        d = dialer(parallel=1)
        for _ in range(3):  # the slot is given back
            with pytest.raises(OSError, match="Too many open files"):
                await d.knock(HOST, 80, timeout_s=1, emit=Books())

    asyncio.run(main())


# --- streams ---


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


# --- pacing and slots ---


def test_every_connection_waits_for_its_turn() -> None:
    turns: list[tuple[str, bool]] = []

    class Watched(Pacer):
        async def turn(self, host: str, packets: int = 1, *, slow: bool = False) -> None:
            turns.append((host, slow))
            await super().turn(host, packets, slow=slow)

    async def main() -> None:
        d = dialer(Watched(1e5, 1e5, 1e5), slow=lambda host: host == OTHER)
        await d.knock(HOST, closed_port(), timeout_s=1, emit=Books())
        await d.knock(OTHER, closed_port(OTHER), timeout_s=1, emit=Books())

    asyncio.run(main())
    assert turns == [(HOST, False), (OTHER, True)]


@pytest.mark.parametrize(("slow", "most"), [(True, 1), (False, 3)])
def test_one_connection_at_a_time_where_care_was_asked_for(slow: bool, most: int) -> None:
    now = peak = 0

    async def main() -> None:
        d = dialer(slow=lambda _host: slow)
        together = asyncio.Barrier(most)

        async def one(port: int) -> None:
            nonlocal now, peak
            stream = await d.connect(HOST, port, timeout_s=2, emit=Books())
            now += 1
            peak = max(peak, now)
            await asyncio.wait_for(together.wait(), 5)
            await asyncio.sleep(0.02)
            now -= 1
            await stream.close()

        async with listening(says(b"")) as port, asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(one(port))

    asyncio.run(main())
    assert peak == most


def test_reads_and_writes_are_paced_too() -> None:
    """A flood is taken at our pace: what the kernel acknowledges counts against the host's cap."""
    counted: list[tuple[int, float]] = []

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"f" * 65536)
            await writer.drain()

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        async with listening(flood) as port:
            books, start = Books(), clock()
            stream = await dialer(Pacer(1000, 50, 10)).connect(HOST, port, timeout_s=2, emit=books)
            for _ in range(10):
                await stream.read(65536, 2)
            counted.append((segments_out(stream._sock) or 0, clock() - start))
            await stream.close()

    asyncio.run(main())
    ((sent, seconds),) = counted
    assert seconds >= (max(sent, 10) - 5) / 50


def test_every_write_waits_for_its_turn() -> None:
    async def main() -> float:
        clock = asyncio.get_running_loop().time
        async with listening(says(b"")) as port:
            stream = await dialer(Pacer(1000, 50, 10)).connect(
                HOST, port, timeout_s=2, emit=Books()
            )
            start = clock()
            for _ in range(10):
                await stream.write(b"x")
            took = clock() - start
            await stream.close()
            return took

    assert asyncio.run(main()) >= 9 / 50


def test_who_gives_up_while_it_waits_for_its_turn_frees_its_slot() -> None:
    async def main() -> bool:
        d = dialer(Pacer(1000, 1, 1), parallel=1)
        async with listening(says(b"")) as port:
            first = await d.connect(HOST, port, timeout_s=2, emit=Books())
            # Another host: its turn comes at once, the slot does not; then the turn has gone by and a second one is due in a second.
            waiting = asyncio.create_task(d.connect(OTHER, port, timeout_s=2, emit=Books()))
            await asyncio.sleep(0.05)
            await first.close()
            await asyncio.sleep(0.05)
            assert d._slots.locked()
            waiting.cancel()
            await asyncio.wait({waiting})
            return d._slots.locked()

    assert asyncio.run(main()) is False


def test_slots_are_given_back_whatever_happens() -> None:
    async def main() -> None:
        d = dialer(parallel=2, slow=lambda _host: True)
        for _ in range(3):
            await d.knock(HOST, closed_port(), timeout_s=1, emit=Books())
            with pytest.raises(OutOfScope):
                await d.connect(HOST, closed_port(), timeout_s=1, emit=Books(reserve=0))
            waiting = asyncio.create_task(
                d.connect(f"{NET}.200", closed_port(), timeout_s=1, emit=Books())
            )
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
        assert not d._slots.locked()
        assert await d.knock(HOST, closed_port(), timeout_s=1, emit=Books()) == "closed"

    asyncio.run(main())


# --- the ledger ---


def test_the_ledger_holds_at_least_what_the_kernel_sent() -> None:
    """Read from the kernel just before the end; the resets that follow are allowed for."""
    seen: list[tuple[int, int]] = []

    async def chatty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(40):
            writer.write(b"y" * 700)
            await writer.drain()
            await asyncio.sleep(0.001)
        await reader.read()

    async def main() -> None:
        async with listening(chatty) as port:
            books = Books()
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=books)
            for _ in range(20):
                await stream.read(1000, 1)
            out = segments_out(stream._sock)
            await stream.close()
            assert out is not None
            seen.append((out, books.packets[HOST, "tcp"]))

    asyncio.run(main())
    ((out, counted),) = seen
    assert out >= 4
    assert counted > out


def test_after_the_units_end_closing_still_works() -> None:
    async def main() -> bool:
        d = dialer(parallel=1)
        async with listening(says(b"hello\n")) as port:
            books = Books()
            stream = await d.connect(HOST, port, timeout_s=1, emit=books)
            await stream.read(10, 1)
            books.end()
            await stream.close()
            return d._slots.locked()

    assert asyncio.run(main()) is False


def test_the_reservation_is_a_limit() -> None:
    async def main() -> None:
        async with listening(says(b"hello\n")) as port:
            books = Books(reserve=3)
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=books)
            with pytest.raises(OutOfScope):
                await stream.write(b"x")
            with pytest.raises(OutOfScope):
                await stream.close()

    asyncio.run(main())


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


def test_the_fail_point_lies_after_the_send(monkeypatch: pytest.MonkeyPatch) -> None:
    hits: list[str] = []
    monkeypatch.setattr("agent.net.dialer.hit", hits.append)

    async def main() -> None:
        await dialer().knock(HOST, closed_port(), timeout_s=1, emit=Books())
        with pytest.raises(ConnectionRefusedError):
            await dialer().connect(HOST, closed_port(), timeout_s=1, emit=Books())
        with pytest.raises(OutOfScope):
            await dialer().knock("127.90.0.1", 1, timeout_s=1, emit=Books())

    asyncio.run(main())
    assert hits == ["after-send", "after-send"]
    assert "after-send" in NAMES


def test_descriptors_are_left_for_the_others() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 300), hard))
        assert room_for(200) == 200
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 300), hard))
        assert room_for(10_000_000) == resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 128
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_v6_socket_for_a_v6_address() -> None:
    with tcp_socket("::1", 4096) as six, tcp_socket("127.0.0.1", 4096) as four:
        assert (six.family, four.family) == (socket.AF_INET6, socket.AF_INET)


def test_the_dialer_shows_no_secret_and_no_live_object() -> None:
    assert "Semaphore" not in repr(LiveDialer(SCOPE, fast_pacer()))


# --- TLS ---


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
