"""Our end of the raw helper: starts it by exec, speaks JSON lines with it, ends it. The helper checks the scope again by itself.

Many requests run at a time in its one paced loop; what it tells is handed on line by line. A request that is cancelled is stopped and
waited for: it must not go on sending for a unit that has ended. A helper that says nothing for too long is ended; the next request
starts another.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from agent.contract import (
    OutOfScope,
    RawError,
    SweepJob,
    Swept,
    SweptEcho,
    SweptHost,
    SweptMac,
    SweptOver,
    SweptPort,
    SweptSent,
)
from agent.model.raw_caps import RawCaps
from agent.model.run import Vantage
from agent.model.scope import ScopeRule

_KEPT = frozenset({"PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT"})
_LIMIT = 8 * 1024 * 1024
_START_S = 30.0
_SILENT_S = 20.0
"""It speaks every two seconds while it works."""
_STOP_S = 5.0


def raw_available() -> tuple[bool, str]:
    """(may this process open a packet socket, or on Windows: is Npcap there?, why not). The helper says what it then lacks."""
    if sys.platform == "win32":
        return _npcap()
    family = getattr(socket, "AF_PACKET", None)
    if family is None:
        return False, f"packet sockets are not built for {sys.platform} yet"
    try:
        socket.socket(family, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return False, "no right to open a packet socket (root or CAP_NET_RAW)"
    except OSError as error:
        return False, f"no packet socket: {error.strerror}"
    return True, ""


def _npcap() -> tuple[bool, str]:
    """Npcap's own folder (npcap.com/guide): the one in System32 itself is WinPcap's, which nobody keeps up."""
    library = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "Npcap", "wpcap.dll")
    return (True, "") if library.is_file() else (False, "Npcap is not installed (npcap.com)")


class RawHelper:
    """`contract.RawPort` over the helper process. `rights`: what the helper says it has left."""

    def __init__(self, scope: ScopeRule, where: Vantage, caps: RawCaps | None = None) -> None:
        self._scope, self._where, self._caps = scope, where, caps or RawCaps()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._lines: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._closed = False
        self.rights = ""

    @classmethod
    async def start(cls, scope: ScopeRule, where: Vantage, caps: RawCaps | None = None) -> Self:
        """Raises `RawError` with the helper's words when it cannot begin."""
        helper = cls(scope, where, caps)
        await helper._running()
        return helper

    async def arp(
        self, interface: str, source_ip: str, targets: tuple[str, ...], rate: int
    ) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}

        async def heard(line: dict[str, Any]) -> None:
            for kind, host, *rest in line.get("news", ()):
                if kind == "mac":
                    found[host] = (*found.get(host, ()), str(rest[0]))

        await self._request({"op": "arp", "targets": list(targets), "rate": rate}, targets, heard)
        return found

    async def icmp(
        self, interface: str, source_ip: str, targets: Mapping[str, str], rate: int
    ) -> Mapping[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}

        async def heard(line: dict[str, Any]) -> None:
            for kind, host, *rest in line.get("news", ()):
                if kind == "echo":
                    found[host] = (int(rest[0]), int(rest[1]))

        request = {"op": "icmp", "targets": list(targets), "macs": dict(targets), "rate": rate}
        await self._request(request, tuple(targets), heard)
        return found

    async def sweep(self, job: SweepJob, heard: Callable[[Swept], Awaitable[None]]) -> None:
        async def told(line: dict[str, Any]) -> None:
            for item in _swept(line):
                await heard(item)

        request: dict[str, Any] = {
            "op": "sweep",
            "targets": dict(job.targets),
            "ports": list(job.ports),
            "first": job.first,
            "sure": job.sure,
            "routed": job.routed,
            "rate": job.rate,
        }
        if job.echo:
            icmp = {"op": "icmp", "targets": list(job.targets), "macs": dict(job.targets)}
            request = {**icmp, "rate": job.rate}
        await self._request(request, tuple(job.targets), told)

    async def close(self) -> None:
        """End the helper; it holds nothing that could be lost."""
        self._closed = True
        await self._end("the raw helper has been ended")

    async def _request(
        self,
        request: dict[str, Any],
        targets: tuple[str, ...],
        heard: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        for target in targets:
            if (verdict := self._scope.judge(target)) != "allowed":
                raise OutOfScope(f"{target} is {verdict}")
        process = await self._running()
        number = next(self._ids)
        lines = self._lines[number] = asyncio.Queue()
        over = False
        try:
            await self._tell(process, {**request, "id": number})
            while not over:
                line = await lines.get()
                over = "done" in line or "error" in line
                if "error" in line:
                    raise RawError(str(line["error"]))
                await heard(line)
        finally:
            # Whatever ended it, our unit's end included: nothing more may leave for it.
            if not over:
                await self._stop(process, number, lines, heard)
            del self._lines[number]

    async def _stop(
        self,
        process: asyncio.subprocess.Process,
        number: int,
        lines: asyncio.Queue[dict[str, Any]],
        heard: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Wait for the helper's last word on the request; of what it says only what it sent is handed on."""
        if process is not self._process:
            return
        try:
            async with asyncio.timeout(_STOP_S):
                await self._tell(process, {"op": "stop", "id": number})
                over = False
                while not over:
                    line = await lines.get()
                    over = bool({"done", "error"} & line.keys())
                    if process is self._process:
                        await heard({"sent": line.get("sent", {}), "over": over})
        except (TimeoutError, RawError):
            await self._end("the raw helper did not stop when it was told to")
        except asyncio.CancelledError:
            self._kill()
            raise

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._closed:
                raise RawError("the raw helper has been ended")
            if self._process is None:
                await self._begin()
            assert self._process is not None
            return self._process

    async def _begin(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nothing is imported from the folder we happen to stand in
            "-m",
            "scanners.raw_helper",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LIMIT,
            # Its own group: Ctrl-C of the terminal is ours to answer, not the helper's.
            start_new_session=True,
            # Secrets of accounts may be in our environment: it gets none of it but what an interpreter needs.
            env={k: v for k, v in os.environ.items() if k in _KEPT},
        )
        self._process = process
        first = {
            "interface": self._where.interface,
            "source_ip": self._where.address,
            "scope": self._scope.model_dump(mode="json"),
            "caps": asdict(self._caps),
        }
        try:
            async with asyncio.timeout(_START_S):
                await self._tell(process, first)
                answer = await self._line(process)
            if not answer.get("ready"):
                raise RawError(str(answer.get("error", "the raw helper did not start")))
        except TimeoutError:
            await self._end("")
            raise RawError(f"the raw helper did not start within {_START_S:.0f} s") from None
        except BaseException:
            self._kill()
            await self._end("")
            raise
        self.rights = str(answer.get("rights", ""))
        self._reader = asyncio.create_task(self._read(process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand on what the helper says until it ends, or is silent for too long while there is work."""
        while True:
            try:
                async with asyncio.timeout(_SILENT_S):
                    line = await self._line(process)
            except TimeoutError:
                if not self._lines:
                    continue
                why = f"the raw helper said nothing for {_SILENT_S:.0f} s"
                break
            except RawError as error:
                why = str(error)
                break
            mine = self._lines.get(line["id"]) if isinstance(line.get("id"), int) else None
            if mine is not None:
                mine.put_nowait(line)
        self._reader = None
        await self._end(why)

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _end(self, why: str) -> None:
        """End the helper; requests under way end with *why*."""
        self._kill()
        process, self._process = self._process, None
        reader, self._reader = self._reader, None
        for lines in self._lines.values():
            lines.put_nowait({"error": why})
        if reader is not None:
            reader.cancel()
            await asyncio.wait({reader})
        if process is not None:
            # Reading to the end lets the pipes close before the loop does.
            await process.communicate()

    async def _tell(self, process: asyncio.subprocess.Process, line: dict[str, Any]) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(line).encode() + b"\n")
            await process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise RawError(f"the raw helper is gone ({type(error).__name__})") from None

    async def _line(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        try:
            text = await process.stdout.readline()
            if not text:
                raise RawError("the raw helper ended" + await self._last_words(process))
            answer: dict[str, Any] = json.loads(text)
        except (ConnectionError, ValueError) as error:
            raise RawError(f"the raw helper is gone ({type(error).__name__})") from None
        return answer

    async def _last_words(self, process: asyncio.subprocess.Process) -> str:
        assert process.stderr is not None
        words = (await process.stderr.read(4096)).decode("utf-8", "replace").strip()
        return f": {words.splitlines()[-1][:200]}" if words else ""


def _swept(line: dict[str, Any]) -> list[Swept]:
    out: list[Swept] = []
    for host, (arp, udp, icmp, tcp) in line.get("sent", {}).items():
        out.append(SweptSent(host, int(arp), int(udp), int(icmp), int(tcp)))
    for kind, host, *rest in line.get("news", ()):
        if kind == "mac":
            out.append(SweptMac(host, str(rest[0])))
        elif kind == "echo":
            out.append(SweptEcho(host, int(rest[0]), int(rest[1])))
        elif kind == "open":
            out.append(SweptPort(host, int(rest[0])))
        elif kind == "host":
            opened, closed, silent, unreachable, unasked = (int(n) for n in rest[0])
            out.append(SweptHost(host, opened, closed, silent, unreachable, unasked, bool(rest[1])))
    if line.get("over") or "done" in line:
        out.append(SweptOver())
    return out
