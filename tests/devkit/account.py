"""Somebody who is not root: whoever runs the tests, or `nobody` in root's place.

What root keeps to itself, such as a Python below /root, is copied to where that account may read it. Everything else
is used where it stands.
"""

import os
import pwd
import shutil
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devkit.home import PROJECT

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
NOT_NEEDED = shutil.ignore_patterns("site-packages", "test", "config-*")
ADDRESSES = ("DATABASE_URL", "REDIS_URL", "CHROMA_URL", "NOTION_API_URL", "NOTION_CLIENT_ID")


@dataclass
class Account:
    """`home` is a folder of theirs; `project` is where `devkit` is imported from."""

    uid: int
    home: Path
    python: Path
    project: Path
    environment: Mapping[str, str]
    identity: Mapping[str, Any]


def ordinary(folder: Path) -> Account:
    """`folder` is empty and everybody may pass through it."""
    home = folder / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in ADDRESSES}
    if os.geteuid() != 0:
        return Account(os.geteuid(), home, Path(sys.executable), PROJECT, environment, {})
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    # Root's measuring of coverage would write into a folder of root's.
    environment = {name: value for name, value in environment.items() if not name.startswith("DOCENT_COVERAGE")}
    return Account(
        uid=nobody.pw_uid,
        home=home,
        python=readable_environment(folder / "environment", readable_base(folder / "base")),
        project=readable_project(folder / "project"),
        # A Python that has moved would look for its own shared library where it was.
        environment={**environment, "HOME": nobody.pw_dir, "LD_LIBRARY_PATH": str(folder / "base" / "lib")},
        identity={"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []},
    )


def readable_project(folder: Path) -> Path:
    folder.mkdir()
    for name in ("devkit", "config"):
        lend(PROJECT / name, folder / name)
    return folder


def readable_base(folder: Path) -> Path:
    """The Python below the virtual environment: program, libraries, nothing that was installed."""
    base = Path(sys.base_prefix).resolve()
    if is_readable_by_all(base / "lib" / PYTHON):
        return base
    for name in ("bin", "lib"):
        (folder / name).mkdir(parents=True)
    copy(str(base / "bin" / PYTHON), str(folder / "bin" / PYTHON))
    for library in (base / "lib").glob("libpython*"):
        copy(str(library), str(folder / "lib" / library.name))
    copy_tree(base / "lib" / PYTHON, folder / "lib" / PYTHON, ignore=NOT_NEEDED)
    return folder


def readable_environment(folder: Path, base: Path) -> Path:
    """A virtual environment with the packages of the one in use."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(base / "bin" / PYTHON)
    (folder / "pyvenv.cfg").write_text(f"home = {base / 'bin'}\n")
    for name in ("lib", "chroma-server"):
        lend(Path(sys.prefix, name), folder / name)
    return python


def lend(source: Path, target: Path) -> None:
    if is_readable_by_all(source):
        target.symlink_to(source)
    else:
        copy_tree(source, target)


def copy_tree(source: Path, target: Path, *, ignore: Any = None) -> None:
    shutil.copytree(source, target, ignore=ignore, copy_function=copy)
    for path in (target, *target.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


def copy(source: str, target: str) -> None:
    """Another name for the same file where that is enough: it costs no time."""
    mode = os.stat(source).st_mode
    with suppress(OSError):  # on another file system
        if mode & stat.S_IROTH:
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    os.chmod(target, 0o755 if mode & stat.S_IXUSR else 0o644)


def is_readable_by_all(folder: Path) -> bool:
    folder = folder.resolve()
    if not all(above.stat().st_mode & stat.S_IXOTH for above in folder.parents):
        return False
    for path, folders, files in os.walk(folder):
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        modes = (os.lstat(os.path.join(path, name)).st_mode for name in (*folders, *files))
        if not all(mode & stat.S_IROTH for mode in modes):
            return False
    return True
