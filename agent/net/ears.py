"""Our end of the listening helper: what the link says of its own accord, from the first second of the run to its end.

Each different frame is handed on once, within bounds; a frame that came again says nothing new. Nothing is ever sent.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Self

from agent.contract import Heard, RawError
from agent.net.json_child import ChildError, JsonChild

_START_S = 15.0
MOST = 20_000
"""Different frames that are taken."""


class Ears:
    """`contract.Ears` over the helper process."""

    def __init__(self, child: JsonChild) -> None:
        self._child = child
        self._task: asyncio.Task[None] | None = None
        self._known: set[bytes] = set()
        self._new: list[Heard] = []
        self._stirred = asyncio.Event()
        self._last = False
        self._over = False
        self._ended = ""

    @classmethod
    async def start(cls, interface: str) -> Self:
        """Raises `RawError` with the helper's words when it cannot begin."""
        try:
            ears = cls(await JsonChild.start("scanners.raw_helper.listen"))
        except OSError as error:
            raise RawError(f"the listener did not start ({type(error).__name__})") from None
        try:
            await ears._begin(interface)
        except BaseException:
            await ears.close()
            raise
        return ears

    async def more(self) -> tuple[Heard, ...]:
        while not self._new and not self._last and not self._ended:
            self._stirred.clear()
            await self._stirred.wait()
        new, self._new = tuple(self._new), []
        return new

    def last_call(self) -> None:
        """The run is over: `more` waits no longer."""
        self._last = True
        self._stirred.set()

    @property
    def trouble(self) -> str:
        if self._over:
            return f"more than {MOST} different frames: the rest was not kept"
        return self._ended

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._child.__aexit__()

    async def _begin(self, interface: str) -> None:
        try:
            async with asyncio.timeout(_START_S):
                await self._child.tell({"interface": interface})
                answer = await self._child.hear()
        except (TimeoutError, ChildError) as error:
            raise RawError(f"the listener did not start: {error}") from None
        if not answer.get("ready"):
            raise RawError(str(answer.get("error", "the listener did not start")))
        self._task = asyncio.create_task(self._take())

    async def _take(self) -> None:
        while True:
            try:
                told = await self._child.hear()
                at, frame = int(told["at"]), bytes.fromhex(told["frame"])
            except ChildError as error:
                self._ended = f"the listener ended before the run: {error}"
                self._stirred.set()
                return
            except (ValueError, KeyError, TypeError):
                continue
            self._take_one(Heard(at, frame))

    def _take_one(self, one: Heard) -> None:
        digest = hashlib.sha256(one.frame).digest()
        if digest in self._known:
            return
        if len(self._known) >= MOST:
            self._over = True
            return
        self._known.add(digest)
        self._new.append(one)
        self._stirred.set()
