"""Our end of the listening helper: what the link says of its own accord, from the first second of the run to its end.

Kept in memory, each different frame once, within bounds; a frame that came again says nothing new. Nothing is ever sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Self

from agent.contract import Heard, RawError

_KEPT = frozenset({"PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT"})
_START_S = 15.0
_LINE = 16 * 1024
MOST = 20_000
"""Different frames that are kept."""


class Ears:
    """`contract.Ears` over the helper process. `overflow`: more was said than could be kept."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._frames: dict[bytes, int] = {}
        self._over = False
        self._ended = ""

    @classmethod
    async def start(cls, interface: str) -> Self:
        """Raises `RawError` with the helper's words when it cannot begin."""
        ears = cls()
        try:
            await ears._begin(interface)
        except BaseException:
            await ears.close()
            raise
        return ears

    def heard(self) -> tuple[Heard, ...]:
        return tuple(Heard(at, frame) for frame, at in self._frames.items())

    @property
    def trouble(self) -> str:
        if self._over:
            return f"more than {MOST} different frames: the rest was not kept"
        return self._ended

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if process is not None:
            await process.communicate()

    async def _begin(self, interface: str) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "scanners.raw_helper.listen",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LINE,
            start_new_session=True,
            env={k: v for k, v in os.environ.items() if k in _KEPT},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"interface": interface}).encode() + b"\n")
            async with asyncio.timeout(_START_S):
                await self._process.stdin.drain()
                answer = json.loads(await self._process.stdout.readline() or b"{}")
        except (TimeoutError, ConnectionError, ValueError) as error:
            raise RawError(f"the listener did not start ({type(error).__name__})") from None
        if not answer.get("ready"):
            raise RawError(str(answer.get("error", "the listener did not start")))
        self._task = asyncio.create_task(self._take(self._process.stdout))

    async def _take(self, lines: asyncio.StreamReader) -> None:
        while True:
            try:
                line = await lines.readline()
                if not line:
                    self._ended = "the listener ended before the run"
                    return
                told = json.loads(line)
                at, frame = int(told["at"]), bytes.fromhex(told["frame"])
            except (ValueError, KeyError, TypeError):
                continue
            if frame in self._frames:
                continue
            if len(self._frames) >= MOST:
                self._over = True
            else:
                self._frames[frame] = at
