"""How a session ends from outside: the first Ctrl-C (or SIGTERM) asks, the second does not wait; and a loop that waits for nobody for ever.

A probe may be stuck in a thread, which nothing ends but the end of the process: `run_bounded` leaves it behind, `leave` ends the process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
GRACE_S = 5.0
EXIT_STOPPED = 3


@contextmanager
def stop_signals(stop: Callable[[str], None], hurry: Callable[[], None]) -> Generator[None]:
    """In the block, the first SIGINT or SIGTERM calls *stop* with a reason, the second *hurry*, both in the running loop.

    Where the loop is so stuck that it has not even heard the first, the second ends the process at once: the run file bears that.
    """
    loop = asyncio.get_running_loop()
    heard: list[str] = []
    counted: list[int] = []

    def tell(why: str) -> None:
        heard.append(why)
        stop(why)

    def received(number: int, _frame: FrameType | None) -> None:
        counted.append(number)
        if len(counted) == 1:
            loop.call_soon_threadsafe(tell, f"stopped by {signal.Signals(number).name}")
        elif heard and len(counted) == 2:
            loop.call_soon_threadsafe(hurry)
        else:
            os._exit(EXIT_STOPPED)

    before: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, received)
    except ValueError:
        pass  # not the main thread: KeyboardInterrupt is all there is
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def last_words(over: Callable[[], bool]) -> Generator[None]:
    """In the block, a SIGINT that comes once *over* says so breaks nothing off: what is left is short, and tells where the run file is."""

    def received(number: int, frame: FrameType | None) -> None:
        if not over():
            signal.default_int_handler(number, frame)

    try:
        before = signal.signal(signal.SIGINT, received)
    except ValueError:
        yield  # not the main thread: no signal comes here
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run_bounded(main: Coroutine[Any, Any, T], *, grace_s: float = GRACE_S) -> tuple[T, bool]:
    """`asyncio.run`, but tasks and threads that are left at the end get *grace_s* seconds only. Returns also whether some go on."""
    loop = asyncio.new_event_loop()
    threads = ThreadPoolExecutor(thread_name_prefix="probe")
    loop.set_default_executor(threads)
    try:
        asyncio.set_event_loop(loop)
        try:
            result = loop.run_until_complete(main)
        finally:
            left = _end_tasks(loop, grace_s)
            loop.run_until_complete(loop.shutdown_asyncgens())
            threads.shutdown(wait=False, cancel_futures=True)
        return result, left or _busy(threads, grace_s)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def leave(code: int) -> None:
    """End the process now, whatever its threads do."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_tasks(loop: asyncio.AbstractEventLoop, grace_s: float) -> bool:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if not tasks:
        return False
    _, going_on = loop.run_until_complete(asyncio.wait(tasks, timeout=grace_s))
    return bool(going_on)


def _busy(threads: ThreadPoolExecutor, grace_s: float) -> bool:
    """Idle threads end by themselves once the pool is shut down; is one still at work after *grace_s*?"""
    for thread in set(threads._threads):
        thread.join(grace_s)
    return any(thread.is_alive() for thread in threads._threads)
