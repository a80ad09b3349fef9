"""The most memory that a sync worker held: after it started, and after a first sync of 1,000 pages and of N (10,000).

Notion's limit is off, for the emulator and for us.
"""

from pathlib import Path

from devkit.notion.process import EmulatorProcess
from tests.benchmarks._workers import begin, of, seconds, until_over, workers
from tests.stack import Program


def main(pages: int = 10_000, few: int = 1_000) -> None:
    for number in (few, pages):
        with EmulatorProcess() as notion, workers(1, notion, per_second=1_000) as (worker,):
            person, _workspace = of(notion, number)
            started = peak(worker)
            begin(person)
            until_over([person])
            print(f"   {number:6} pages in {seconds(person):.0f} s: {started:.0f} MB → {peak(worker):.0f} MB")


def peak(worker: Program) -> float:
    assert worker.process is not None
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
