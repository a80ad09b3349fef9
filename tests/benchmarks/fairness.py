"""Small workspaces (20, of 50 pages) at two sync workers as in production, without and beside one of 1000 pages.

Other numbers: `make bench ARGS="fairness 10000 20 50"`.

Notion's limit is raised, for the emulator and for us, to 20 requests a second and connection.
"""

import statistics

from devkit.notion.process import EmulatorProcess
from tests.benchmarks._workers import begin, limit, of, seconds, until_over, workers
from tests.people import Person

PER_SECOND = 20


def main(pages: int = 1_000, how_many: int = 20, small: int = 50) -> None:
    with EmulatorProcess() as notion, workers(2, notion, per_second=PER_SECOND):

        def made(number: int) -> Person:
            person, workspace = of(notion, number)
            limit(notion, workspace, PER_SECOND * 60 + 60)
            return person

        one = made(small)
        begin(one)
        until_over([one])
        print(f"   one of {small} pages, nothing else: {seconds(one):.1f} s")
        without = [made(small) for _ in range(how_many)]
        for each in without:
            begin(each)
        until_over(without)
        big, beside = made(pages), [made(small) for _ in range(how_many)]
        begin(big)
        for each in beside:
            begin(each)
        until_over([big, *beside])
        alone, shared = sorted(map(seconds, without)), sorted(map(seconds, beside))
        for name, taken in (("without the big one", alone), ("beside the big one", shared)):
            print(f"   {how_many} × {small}, {name:<20}", *(f"{each:.0f}" for each in taken), "s")
        print(f"   the big one, {pages} pages: {seconds(big):.0f} s")
        ratio = statistics.median(shared) / statistics.median(alone)
        print(f"   beside against without: median {ratio:.2f} ×, last {shared[-1] / alone[-1]:.2f} ×")
