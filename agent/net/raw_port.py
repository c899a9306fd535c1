"""Our end of the raw helper: starts it by exec, speaks JSON lines with it, ends it. The helper checks the scope again by itself."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import sys
from collections.abc import Mapping
from typing import Any, Self

from agent.contract import OutOfScope, RawError
from agent.model.run import Vantage
from agent.model.scope import ScopeRule

_LIMIT = 8 * 1024 * 1024


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
    """`contract.RawPort` over the helper process."""

    def __init__(self, scope: ScopeRule, process: asyncio.subprocess.Process) -> None:
        self._scope, self._process = scope, process
        self._lock = asyncio.Lock()
        self._ids = itertools.count(1)
        self.rights = ""

    @classmethod
    async def start(cls, scope: ScopeRule, where: Vantage) -> Self:
        """Raises `RawError` with the helper's words when it cannot begin."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "scanners.raw_helper",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LIMIT,
            # Its own group: Ctrl-C of the terminal is ours to answer, not the helper's.
            start_new_session=True,
        )
        helper = cls(scope, process)
        try:
            first = {
                "interface": where.interface,
                "source_ip": where.address,
                "scope": scope.model_dump(mode="json"),
            }
            answer = await asyncio.wait_for(helper._exchange(first), 30)
            if not answer.get("ready"):
                raise RawError(str(answer.get("error", "the raw helper did not start")))
            helper.rights = str(answer.get("rights", ""))
        except BaseException:
            await helper.close()
            raise
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
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        # Reading to the end lets the pipes close before the loop does.
        await self._process.communicate()

    async def _request(self, request: dict[str, Any]) -> dict[str, Any]:
        for target in request["targets"]:
            if (verdict := self._scope.judge(target)) != "allowed":
                raise OutOfScope(f"{target} is {verdict}")
        async with self._lock:
            mine = next(self._ids)
            answer = await self._exchange({**request, "id": mine})
            # An answer to a request that was cancelled is passed over.
            while answer.get("id") not in (mine, None):
                answer = await self._exchange(None)
        if "error" in answer:
            raise RawError(str(answer["error"]))
        found: dict[str, Any] = answer["found"]
        return found

    async def _exchange(self, line: dict[str, Any] | None) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            if line is not None:
                self._process.stdin.write(json.dumps(line).encode() + b"\n")
                await self._process.stdin.drain()
            text = await self._process.stdout.readline()
        except (ConnectionError, ValueError) as error:
            raise RawError(f"the raw helper is gone ({type(error).__name__})") from None
        if not text:
            raise RawError("the raw helper ended" + await self._last_words())
        answer: dict[str, Any] = json.loads(text)
        return answer

    async def _last_words(self) -> str:
        assert self._process.stderr is not None
        words = (await self._process.stderr.read(4096)).decode("utf-8", "replace").strip()
        return f": {words.splitlines()[-1][:200]}" if words else ""
