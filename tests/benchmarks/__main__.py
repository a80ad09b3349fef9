"""`make bench` runs all benchmarks; `make bench ARGS="registration roles"` only these.

Numbers after a name are given to it: `make bench ARGS="fairness 10000"`.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def main(chosen: list[str]) -> int:
    given: dict[str, list[int]] = {}
    for word in chosen:
        if word.isdecimal() and given:
            given[next(reversed(given))].append(int(word))
        else:
            given[word] = []
    unknown = set(given) - set(NAMES)
    if unknown:
        print(f"There is no benchmark named {', '.join(sorted(unknown))}. There are: {', '.join(NAMES)}.")
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    os.environ["LIMIT_SIGNUP"] = "100000/m/ip"
    os.environ["DATABASE_URL"] = (
        urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/docent_bench_{os.getpid()}").geturl()
    )

    import django

    django.setup()

    from tests.database import prepared

    with prepared():
        for name in given or NAMES:
            print(f"\n== {name}: {(import_module(f'tests.benchmarks.{name}').__doc__ or '').splitlines()[0]}")
            import_module(f"tests.benchmarks.{name}").main(*given.get(name, []))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
