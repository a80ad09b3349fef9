"""python -m devkit.notion --port 8089 --seed FILE.yaml"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import signal
import sys
from pathlib import Path

import yaml
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from devkit.notion import seed
from devkit.notion.app import Emulator

PR_SET_PDEATHSIG = 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m devkit.notion", description="A local stand-in for Notion.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--base-url", help="how others reach this program, for the addresses it hands out")
    parser.add_argument("--seed", type=Path, action="append", default=[], help="YAML file; may be repeated")
    parser.add_argument("--webhook-url", help="told of what changes in the seeds; signed with EMULATOR_WEBHOOK_TOKEN")
    parser.add_argument("--outlive-parent", action="store_true", help="go on when the starting process ends")
    given = parser.parse_args()
    if not given.outlive_parent:
        die_with_parent()
    emulator = Emulator(given.base_url or f"http://{given.host}:{given.port}")
    for file in given.seed:
        seed.load(emulator.state, yaml.safe_load(file.read_text()))
    gc.freeze()
    asyncio.run(serve(emulator, given.host, given.port, given.webhook_url))


def die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def serve(emulator: Emulator, host: str, port: int, webhook_url: str | None) -> None:
    if webhook_url is not None:
        for integration in emulator.state.integrations.values():
            emulator.webhooks.stand(integration, url=webhook_url, token=os.environ["EMULATOR_WEBHOOK_TOKEN"])
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Nothing here is worth keeping, and requests may be hanging on purpose.
        loop.add_signal_handler(number, os._exit, 0)
    server = Server(
        emulator,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    main()
