"""`python -m tests.real.bacnet ADDRESS/PREFIX`: a building's controller of bacpypes3, which answers Who-Is."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module


async def main(address: str) -> None:
    # The library brings no types.
    parser = import_module("bacpypes3.argparse").SimpleArgumentParser()
    words = ["--name", "AHU-1", "--instance", "4711", "--vendoridentifier", "999"]
    args = parser.parse_args([*words, "--address", address])
    app = import_module("bacpypes3.ipv4.app").Application.from_args(args)
    try:
        await asyncio.Future[None]()
    finally:
        app.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
