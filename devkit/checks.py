"""All checks, also after one has failed: style, types, imports, migrations."""

import sys
import time

from devkit.testing import call

CHECKS: dict[str, list[str]] = {
    "style": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports"],
    "migrations": ["python", "manage.py", "makemigrations", "--check", "--dry-run"],
}


def check() -> int:
    failed = []
    for name, command in CHECKS.items():
        begun = time.monotonic()
        # Without the roles, which a database that is not prepared lacks: to wait for them would take ten seconds.
        if call(command, {"ALLOW_WEAK_ISOLATION": "1"}):
            failed.append(name)
        print(f"-- {name}: {time.monotonic() - begun:.1f} s", flush=True)
    if failed:
        print(f"Failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(check())
