"""Counts which of our lines and branches a process executes. Every Python process of a whole test run loads this.

coverage.py would trace every call of every library on Python 3.11, which takes half as long again; SlipCover counts
without slowing the tests down, but takes seconds to load the whole product.
"""

import os
import sys


def is_counted() -> bool:
    """The tests' own processes, and what they start of devkit. The product's programs start often, and what they do the
    tests do in their own processes too."""
    words = ("pytest", "devkit", "sys.stdin.readline")  # the last: a process of pytest-xdist
    return "DOCENT_COVERAGE" in os.environ and any(word in each for each in sys.orig_argv for word in words)


if is_counted():
    import counting

    counting.begin()
