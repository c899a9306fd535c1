"""A run in a process of its own, to be killed: `python -m tests.agent.store.child RUN WIRE [CHECKPOINT_S]`.

What "leaves" is appended to WIRE, so that the ledger can be held against it. Started again it resumes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from agent.store import log
from agent.store.failpoint import hit
from agent.store.writer import RunStore
from tests.agent.store.sample import end, header, ledger, observations, status, units

UNITS = 12
EACH = 15
RESERVED = 20
SENT = 13


async def main(path: Path, wire: Path) -> None:
    store = RunStore.resume(path) if path.exists() else RunStore.create(path, header())
    print("open", *store.recovered, flush=True)
    planned = units(UNITS)
    await store.plan(planned[: UNITS // 2])
    finished = store.finished()
    room = asyncio.Semaphore(3)
    out = os.open(wire, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def unit(n: int) -> None:
        async with room:
            if ("banners", f"u{n}") in finished:
                return
            await store.reserve([ledger(n, RESERVED)])
            os.write(out, f"u{n} {SENT}\n".encode())
            hit("after-send")
            for item, raw in observations(n, EACH):
                await store.add(item, raw)
                await asyncio.sleep(0.0005)
            await store.settle(status(n, store.session), [ledger(n, SENT, settle=True)])

    await asyncio.gather(*(unit(n) for n in range(UNITS // 2)))
    # The second half is planned on what the first has seen.
    assert len({o.unit for o in store.seen("host.name")}) >= UNITS // 2
    await store.plan(planned[UNITS // 2 :])
    await asyncio.gather(*(unit(n) for n in range(UNITS // 2, UNITS)))
    await store.end(end(store.session))


if __name__ == "__main__":
    if len(sys.argv) > 3:
        log.CHECKPOINT_S = float(sys.argv[3])
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
