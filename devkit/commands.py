"""The commands of `python3 -m devkit`. Imports packages only after bootstrap has put them there."""

import sys
from collections.abc import Callable

from devkit import bootstrap
from devkit.home import Trouble

Command = Callable[[list[str]], int]


def run(arguments: list[str]) -> int:
    """start everything, show one log; PORT and DOCENT_HOME choose where"""
    from devkit import supervisor

    return supervisor.run()


def test(arguments: list[str]) -> int:
    """check style, types and imports, then run all tests; with arguments: only pytest with these"""
    from devkit import testing

    return testing.test(arguments)


def lint(arguments: list[str]) -> int:
    """check style, types, imports and migrations"""
    from devkit import testing

    return testing.lint()


def bench(arguments: list[str]) -> int:
    """measure the installation and print figures"""
    from devkit import testing

    return testing.measure("tests.benchmarks", arguments)


def soak(arguments: list[str]) -> int:
    """keep an installation under load and failures for long"""
    from devkit import testing

    return testing.measure("tests.soak", arguments)


def services(arguments: list[str]) -> int:
    """start only Postgres, Valkey, Chroma and the Notion emulator; print their addresses"""
    from devkit import supervisor

    return supervisor.serve()


def manage(arguments: list[str]) -> int:
    """run manage.py with the environment of the running installation"""
    from devkit import supervisor

    return supervisor.manage(arguments)


def clean(arguments: list[str]) -> int:
    """remove what was installed and all local data"""
    return bootstrap.clean()


# What each command needs installed besides the application itself.
COMMANDS: dict[str, tuple[Command, frozenset[str]]] = {
    "run": (run, frozenset({"embedded"})),
    "test": (test, frozenset({"embedded", "dev", "browser"})),
    "lint": (lint, frozenset({"embedded", "dev"})),
    "bench": (bench, frozenset({"embedded", "dev"})),
    "soak": (soak, frozenset({"embedded", "dev"})),
    "services": (services, frozenset({"embedded"})),
    "manage": (manage, frozenset({"embedded"})),
    "clean": (clean, frozenset()),
}
WITH_ARGUMENTS = {"test", "bench", "soak", "manage"}


def usage() -> str:
    lines = [f"  {name:<10}{command.__doc__}" for name, (command, _) in COMMANDS.items()]
    return "\n".join(["python3 -m devkit COMMAND", "", *lines])


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        print(usage())
        return 0 if not arguments or arguments[0] in {"help", "-h", "--help"} else 2
    name, *rest = arguments
    if rest and name not in WITH_ARGUMENTS:
        print(usage())
        return 0 if rest[0] in {"-h", "--help"} else 2
    command, needs = COMMANDS[name]
    try:
        if needs:
            bootstrap.prepare(needs, arguments)
        return command(rest)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
