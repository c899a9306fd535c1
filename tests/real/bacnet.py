"""`python -m tests.real.bacnet ADDRESS/PREFIX`: a building's controller of bacpypes3, which answers Who-Is."""

from __future__ import annotations

import asyncio
import sys


async def main(address: str) -> None:
    from bacpypes3.argparse import SimpleArgumentParser
    from bacpypes3.ipv4.app import Application

    words = ["--name", "AHU-1", "--instance", "4711", "--vendoridentifier", "999"]
    args = SimpleArgumentParser().parse_args([*words, "--address", address])
    app = Application.from_args(args)
    try:
        await asyncio.Future[None]()
    finally:
        app.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
