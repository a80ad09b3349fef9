"""python -m devkit.models --port 8092: answers are scripted by POST /__stand-in/say {"turns": [{"text": "…"}]}."""

import argparse
import contextlib

from devkit.models.server import ModelServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m devkit.models", description="A local stand-in for models.")
    parser.add_argument("--port", type=int, required=True)
    with contextlib.suppress(KeyboardInterrupt):
        ModelServer(parser.parse_args().port).serve()


if __name__ == "__main__":
    main()
