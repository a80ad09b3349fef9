"""python3 -m devkit COMMAND. This file is read by whatever Python there is, so it keeps to what old ones understand."""

import os
import shutil
import sys

OLDEST, NEWEST = (3, 11), (3, 13)


def use_fitting_python():
    # type: () -> None
    version = tuple(sys.version_info[:2])
    if OLDEST <= version <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other:
            os.execv(other, [other, "-m", "devkit", *sys.argv[1:]])
    sys.exit("Docent needs Python 3.11, 3.12 or 3.13; this is {}.{} ({}).".format(*version, sys.executable))


if __name__ == "__main__":
    use_fitting_python()
    from devkit import commands

    sys.exit(commands.main(sys.argv[1:]))
