"""Our end of the raw helper: starts it by exec, speaks JSON lines with it, ends it. The helper checks the scope again by itself.

A request that is cancelled, or takes longer than its pace allows, costs the helper its life: it must not go on sending for a unit that
has ended. The next request starts another.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any, Self

from agent.contract import OutOfScope, RawError
from agent.model.run import Vantage
from agent.model.scope import ScopeRule

_KEPT = frozenset({"PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT"})
_LIMIT = 8 * 1024 * 1024
_START_S = 30.0
_TRIES = 2
_SPARE_S = 15.0
"""On top of what the pace asks for: tails, a busy machine."""


def raw_available() -> tuple[bool, str]:
    """(may this process open a packet socket?, why not)."""
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


class RawHelper:
    """`contract.RawPort` over the helper process. `rights`: what the helper says it has left."""

    def __init__(self, scope: ScopeRule, where: Vantage) -> None:
        self._scope, self._where = scope, where
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._ids = itertools.count(1)
        self._closed = False
        self.rights = ""

    @classmethod
    async def start(cls, scope: ScopeRule, where: Vantage) -> Self:
        """Raises `RawError` with the helper's words when it cannot begin."""
        helper = cls(scope, where)
        await helper._begin()
        return helper

    async def arp(
        self, interface: str, source_ip: str, targets: tuple[str, ...], rate: int
    ) -> Mapping[str, tuple[str, ...]]:
        found = await self._request({"op": "arp", "targets": list(targets), "rate": rate})
        return {ip: tuple(macs) for ip, macs in found.items()}

    async def icmp(
        self, interface: str, source_ip: str, targets: Mapping[str, str], rate: int
    ) -> Mapping[str, tuple[int, int]]:
        found = await self._request(
            {"op": "icmp", "targets": list(targets), "macs": dict(targets), "rate": rate}
        )
        return {ip: (int(ttl), int(rtt)) for ip, (ttl, rtt) in found.items()}

    async def close(self) -> None:
        """End the helper; it holds nothing that could be lost."""
        self._closed = True
        await self._end()

    async def _request(self, request: dict[str, Any]) -> dict[str, Any]:
        for target in request["targets"]:
            if (verdict := self._scope.judge(target)) != "allowed":
                raise OutOfScope(f"{target} is {verdict}")
        limit = _TRIES * len(request["targets"]) / max(1, request["rate"]) + _SPARE_S
        async with self._lock:
            if self._process is None:
                await self._begin()
            try:
                async with asyncio.timeout(limit):
                    answer = await self._exchange({**request, "id": next(self._ids)})
            except TimeoutError:
                await self._end()
                raise RawError(f"the raw helper took longer than {limit:.0f} s") from None
            except RawError:
                await self._end()
                raise
            except asyncio.CancelledError:
                self._kill()
                await self._end()
                raise
        if "error" in answer:
            raise RawError(str(answer["error"]))
        found: dict[str, Any] = answer["found"]
        return found

    async def _begin(self) -> None:
        if self._closed:
            raise RawError("the raw helper has been ended")
        self._process = await asyncio.create_subprocess_exec(
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
        first = {
            "interface": self._where.interface,
            "source_ip": self._where.address,
            "scope": self._scope.model_dump(mode="json"),
        }
        try:
            async with asyncio.timeout(_START_S):
                answer = await self._exchange(first)
            if not answer.get("ready"):
                raise RawError(str(answer.get("error", "the raw helper did not start")))
        except TimeoutError:
            await self._end()
            raise RawError(f"the raw helper did not start within {_START_S:.0f} s") from None
        except BaseException:
            self._kill()
            await self._end()
            raise
        self.rights = str(answer.get("rights", ""))

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _end(self) -> None:
        self._kill()
        process, self._process = self._process, None
        if process is not None:
            # Reading to the end lets the pipes close before the loop does.
            await process.communicate()

    async def _exchange(self, line: dict[str, Any]) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            await self._process.stdin.drain()
            text = await self._process.stdout.readline()
            if not text:
                raise RawError("the raw helper ended" + await self._last_words())
            answer: dict[str, Any] = json.loads(text)
        except (ConnectionError, ValueError) as error:
            raise RawError(f"the raw helper is gone ({type(error).__name__})") from None
        return answer

    async def _last_words(self) -> str:
        assert self._process is not None and self._process.stderr is not None
        words = (await self._process.stderr.read(4096)).decode("utf-8", "replace").strip()
        return f": {words.splitlines()[-1][:200]}" if words else ""
