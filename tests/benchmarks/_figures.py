"""How figures are taken and printed."""

import statistics
import time
from collections.abc import Callable


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each call."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def show(name: str, milliseconds: list[float]) -> float:
    """Prints median and spread; answers the median."""
    median = statistics.median(milliseconds)
    worst = sorted(milliseconds)[int(len(milliseconds) * 0.95)]
    print(f"   {name:<52} median {median:9.2f} ms   p95 {worst:9.2f} ms   n {len(milliseconds)}")
    return median


def ratio(name: str, ours: float, theirs: float) -> None:
    print(f"   {name:<52} {ours / theirs:9.2f} ×")
