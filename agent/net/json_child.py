"""A helper program of ours as a child: started by exec, spoken to in JSON lines, ended together with what it started itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import Any, Self

KEPT = frozenset({"PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT"})
"""What a child gets of our environment: enough for an interpreter. Secrets of accounts may stand in the rest."""
LIMIT = 8 * 1024 * 1024
"""Longest line a child may answer with, in bytes."""


class ChildError(Exception):
    """The child could not start, ended, or spoke nonsense; carries its words."""


class JsonChild:
    """One child. Use as `async with await JsonChild.start("package.module") as child`."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process, self._name = process, name

    @classmethod
    async def start(cls, module: str) -> Self:
        """Start `python -m module` in a session of its own. Raises `OSError`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nothing is imported from the folder we happen to stand in
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LIMIT,
            # Its own group: Ctrl-C of the terminal is ours to answer; and what it starts can be ended with it.
            start_new_session=True,
            env={k: v for k, v in os.environ.items() if k in KEPT},
        )
        return cls(process, module)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._kill()
        # Reading to the end lets the pipes close before the loop does.
        await self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def tell(self, line: dict[str, Any]) -> None:
        """Write one line. Raises `ChildError`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            raise ChildError(await self._gone()) from None

    async def hear(self) -> dict[str, Any]:
        """The next line. Raises `ChildError`."""
        assert self._process.stdout is not None
        try:
            text = await self._process.stdout.readline()
            answer = json.loads(text) if text else None
        except (ConnectionError, ValueError, RecursionError) as error:
            raise ChildError(f"{self._name} spoke nonsense ({type(error).__name__})") from None
        if answer is None:
            raise ChildError(await self._gone())
        if not isinstance(answer, dict):
            raise ChildError(f"{self._name} answered with no object")
        return answer

    async def _gone(self) -> str:
        assert self._process.stderr is not None
        words = (await self._process.stderr.read(4096)).decode("utf-8", "replace").strip()
        return f"{self._name} ended" + (f": {words.splitlines()[-1][:200]}" if words else "")

    def _kill(self) -> None:
        # The whole group: a child that is killed cannot end what it started.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            elif self._process.returncode is None:
                self._process.kill()
