"""Some houses on one switch, each a network namespace with real servers of Debian packages, and somebody who looks at them.

Root only. What cannot start here is left out and named in `missing`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.lab.netns import SETPRIV, LabError, NamespaceWorker, short_command

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
ROOT = Path(__file__).parents[2]
READY_S = 30


def nothing(_: Place) -> None:
    """Most need no preparation."""


@dataclass(frozen=True)
class Recipe:
    """How servers are started, and on which TCP (`ports`) and UDP (`udp`) ports they then stand. `prepare` may run beside others."""

    start: Callable[[Place], None]
    ports: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()
    prepare: Callable[[Place], None] = nothing


@dataclass
class Place:
    """One house: its namespace, its address, a folder of its own."""

    folder: Path
    address: str
    mac: str
    namespace: int
    worker: NamespaceWorker
    running: list[subprocess.Popen[bytes]]

    def start(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        """A server that dies with us. Raises `FileNotFoundError` where it is not installed."""
        name = _found(command[0])
        with (self.folder / f"{Path(name).name}.log").open("ab") as log:

            def begin() -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    [*SETPRIV, name, *map(str, command[1:])],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PATH": PATH, "PYTHONPATH": str(ROOT), **(env or {})},
                    # Postfix ends by ending its process group: it must not be ours.
                    start_new_session=True,
                )

            self.within(begin)

    def start_alone(self, hidden: str, *command: str) -> None:
        """As `start`, with an empty folder of its own at *hidden*: where it would keep one lock for the whole machine."""
        script = f'mount -t tmpfs none {hidden} && exec "$@"'
        _found(command[0])
        self.start("unshare", "--mount", "sh", "-c", script, "sh", *command)

    def within(self, begin: Callable[[], subprocess.Popen[bytes]]) -> None:
        """Keep what *begin* starts in the namespace."""
        self.running.append(self.worker.within(self.namespace, begin))

    def command(self, *argv: str) -> None:
        """A short command inside the namespace. Raises `LabError`."""
        self.worker.command(self.namespace, argv)

    def do(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        """A preparation, outside the namespace. Raises `OSError`, `subprocess.SubprocessError`."""
        name = _found(command[0])
        with (self.folder / f"{Path(name).name}.prepare.log").open("ab") as log:
            subprocess.run(
                [name, *map(str, command[1:])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                timeout=120,
                env={**os.environ, **(env or {})},
            )

    def place(self, name: str, text: str = "", user: str = "") -> Path:
        """A file with *text*, or a folder."""
        path = self.folder / name
        if text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        else:
            path.mkdir(parents=True, exist_ok=True)
        if user and os.geteuid() == 0:
            shutil.chown(path, user)
        return path


@dataclass
class Street:
    """`houses`: last octet -> what runs there. `apart`: whoever looks has a namespace of its own, else it is this machine."""

    folder: Path
    houses: Mapping[int, Sequence[Recipe]]
    apart: bool = False
    missing: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])
    places: dict[int, Place] = field(default_factory=dict[int, Place])
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    _worker: NamespaceWorker = field(default_factory=NamespaceWorker)
    _fds: list[int] = field(default_factory=list[int])

    @property
    def network(self) -> str:
        """Of this process alone: suites run side by side."""
        return f"10.213.{os.getpid() % 251}.0/24"

    @property
    def card(self) -> str:
        """Name of the network card whoever looks has there."""
        return "eth0" if self.apart else f"hov{os.getpid()}a"

    def at(self, octet: int) -> str:
        return self.network.replace(".0/24", f".{octet}")

    def look(self, *argv: str) -> list[str]:
        """*argv* as it is to be started to run where the technician stands."""
        if not self.apart:
            return list(argv)
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._fds[1]}", "--", *argv]

    def at_home(self, *argv: str) -> None:
        """A short command where the technician stands. Raises `LabError`."""
        self._worker.command(self._fds[1], argv)

    def packets_sent(self) -> int:
        """Packets this machine has sent to the street so far, counted by the card."""
        return int(Path(f"/sys/class/net/{self.card}/statistics/tx_packets").read_text())

    def open_ports(self, octet: int) -> list[int]:
        """TCP ports that are open at that house."""
        told = {p for r in self.houses[octet] for p in r.ports}
        return sorted(p for p in told if (octet, p) not in self.missing)

    def __enter__(self) -> Street:
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._open()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        self.folder.chmod(0o755)
        self._build()
        self._certificate()
        work = [(octet, recipe) for octet, recipes in self.houses.items() for recipe in recipes]
        with ThreadPoolExecutor(4) as pool:
            prepared = [pool.submit(self._try, o, r, r.prepare) for o, r in work]
            for job in prepared:
                job.result()
        for octet, recipe in work:
            if not {(octet, p) for p in (*recipe.ports, *recipe.udp)} & self.missing.keys():
                self._try(octet, recipe, recipe.start)
        self._wait()

    def close(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._worker.close()
        for fd in self._fds:
            os.close(fd)

    def _build(self) -> None:
        """A bridge in a namespace of its own, a cable to each house and to whoever looks. It all goes with the namespaces."""
        octets = list(self.houses)
        self._fds = self._worker.create(2 + len(octets))
        switch, technician, *houses = self._fds
        lines = ["link add br0 type bridge mcast_snooping 0", "link set br0 up"]
        for octet, fd in zip(octets, houses, strict=True):
            mac = f"02:00:00:02:13:{octet:02x}"
            end = f"peer name eth0 address {mac} netns /proc/self/fd/{fd}"
            lines += [f"link add p{octet} type veth {end}", f"link set p{octet} master br0 up"]
            folder = self.folder / str(octet)
            folder.mkdir(mode=0o755)
            self.places[octet] = Place(folder, self.at(octet), mac, fd, self._worker, self._running)
        self._worker.command(
            switch, ["ip", "-batch", "-"], "\n".join(lines) + "\n", tuple(self._fds)
        )
        ours = technician if self.apart else os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            cable = f"link add p1 type veth peer name {self.card} netns /proc/self/fd/{ours}"
            self._worker.command(
                switch,
                ["ip", "-batch", "-"],
                f"{cable}\nlink set p1 master br0 up\n",
                (ours,),
            )
        finally:
            if not self.apart:
                os.close(ours)
        mine = [f"addr add {self.at(1)}/24 dev {self.card}", f"link set {self.card} up"]
        if self.apart:
            batch = "\n".join(["link set lo up", *mine]) + "\n"
            self._worker.command(technician, ["ip", "-batch", "-"], batch)
        else:
            short_command(["ip", "-batch", "-"], "\n".join(mine) + "\n")
        for octet, fd in zip(octets, houses, strict=True):
            off: dict[str, int | str] = {"ipv6/conf/all/disable_ipv6": 1}
            self._worker.sysctl(fd, off)
            batch = (
                f"link set lo up\naddr add {self.at(octet)}/24 brd + dev eth0\nlink set eth0 up\n"
                "route add 224.0.0.0/4 dev eth0\n"
            )
            self._worker.command(fd, ["ip", "-batch", "-"], batch)

    def _certificate(self) -> None:
        """`cert.pem` and `key.pem` in every house's folder."""
        first, *others = self.places.values()
        cert, key = first.folder / "cert.pem", first.folder / "key.pem"
        first.do(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
            *("-subj", "/CN=srv.acme.example", "-keyout", key, "-out", cert),
        )
        key.chmod(0o644)
        for other in others:
            shutil.copy(cert, other.folder)
            shutil.copy(key, other.folder)

    def _try(self, octet: int, recipe: Recipe, step: Callable[[Place], None]) -> None:
        try:
            step(self.places[octet])
        except (OSError, subprocess.SubprocessError, LabError) as error:
            for port in (*recipe.ports, *recipe.udp):
                self.missing[octet, port] = f"{type(error).__name__}: {error}"

    def _wait(self) -> None:
        until = time.monotonic() + READY_S
        waiting = {(o, p) for o in self.houses for p in self.open_ports(o)}
        while waiting and time.monotonic() < until:
            for octet, port in list(waiting):
                if self._accepts(octet, port):
                    waiting.discard((octet, port))
            time.sleep(0.05)
        self.missing.update(dict.fromkeys(waiting, "did not start"))
        for octet in self.houses:
            if 110 in self.open_ports(octet):
                # Dovecot starts its log-in process with the first caller, which takes it seconds.
                self._accepts(octet, 110, listen_s=10)

    def _accepts(self, octet: int, port: int, listen_s: float = 0) -> bool:
        def call() -> bool:
            with (
                contextlib.suppress(OSError),
                socket.create_connection((self.at(octet), port), 0.2) as made,
            ):
                if listen_s:
                    made.settimeout(listen_s)
                    made.recv(1)
                return True
            return False

        return self._worker.within(self._fds[1], call) if self.apart else call()


def _found(command: str | Path) -> str:
    name = shutil.which(str(command), path=PATH)
    if name is None:
        raise FileNotFoundError(f"{command} is not installed")
    return name
