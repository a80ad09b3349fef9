"""python -m devkit.stripe --port 8091 --webhook-url URL --webhook-secret whsec_… [--state FILE]"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from pathlib import Path

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from devkit.stripe.app import StandIn

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m devkit.stripe", description="A local stand-in for Stripe.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--base-url", help="how a browser reaches this program, for the addresses it hands out")
    parser.add_argument("--webhook-url", help="where events go; on this machine only")
    parser.add_argument("--webhook-secret", default="whsec_stand_in")
    parser.add_argument("--state", type=Path, help="a file that keeps everything over a restart")
    parser.add_argument("--outlive-parent", action="store_true", help="go on when the starting process ends")
    given = parser.parse_args()
    if not given.outlive_parent:
        die_with_parent()
    webhook = (given.webhook_url, given.webhook_secret) if given.webhook_url else None
    base_url = given.base_url or f"http://{HOST}:{given.port}"
    asyncio.run(serve(StandIn(base_url, file=given.state, webhook=webhook), given.port))


def die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def serve(program: StandIn, port: int) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # All that is worth keeping is in the state file already, and requests may be hanging on purpose.
        loop.add_signal_handler(number, os._exit, 0)
    server = Server(
        program,
        address=HOST,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    main()
