import ast
import atexit
import hashlib
import json
import marshal
import os
import signal
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import slipcover
from slipcover import branch
from slipcover.importer import SlipcoverLoader, SlipcoverMetaPathFinder

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ["config", "integrations", "accounts", "billing", "usage", "tasks", "agent", "devkit"]
SOURCES = [str(PROJECT / name) for name in PACKAGES]
OMIT = ["*/migrations/*"]
EXCLUDED = ["raise NotImplementedError", r"\.\.\.$"]


def with_branches(module: Path, kept_in: Path) -> CodeType:
    """The module's code with its branches marked, which takes half of the time: done once for all processes."""
    source = module.read_bytes()
    kept = kept_in / f"{hashlib.sha256(bytes(module) + source).hexdigest()}.marked"
    with suppress(FileNotFoundError, PermissionError):
        code: CodeType = marshal.loads(kept.read_bytes())
        return code
    code = compile(branch.preinstrument(ast.parse(source)), str(module), "exec")
    draft = kept.with_suffix(f".{uuid.uuid4().hex}")
    with suppress(PermissionError):
        draft.write_bytes(marshal.dumps(code))
        draft.rename(kept)
    return code


def begin() -> None:
    folder = Path(os.environ["DOCENT_COVERAGE"])
    # One process alone adds the files that nobody loads.
    is_first = os.environ.pop("DOCENT_COVERAGE_ALL", "") == "1"
    counted = slipcover.Slipcover(branch=True, source=SOURCES if is_first else None, omit=OMIT, exclude_also=EXCLUDED)
    exit_at_once = os._exit

    def write() -> None:
        draft = folder / f"{uuid.uuid4().hex}.draft"
        # Who runs as another user may not write here, and is not counted.
        with suppress(PermissionError):
            draft.write_text(json.dumps(counted.get_coverage()))
            draft.rename(draft.with_suffix(".json"))

    def write_and_exit(status: int) -> None:
        write()
        exit_at_once(status)

    def write_and_die(number: int, _: FrameType | None) -> None:
        write()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def load(self: Any, module: ModuleType) -> None:
        counted.register_module(module)
        exec(counted.instrument(with_branches(self.origin, folder)), module.__dict__)

    SlipcoverLoader.exec_module = load
    sys.meta_path.insert(0, SlipcoverMetaPathFinder(counted, slipcover.FileMatcher(sources=SOURCES, omit=OMIT)))
    atexit.register(write)
    os._exit = write_and_exit
    signal.signal(signal.SIGTERM, write_and_die)
