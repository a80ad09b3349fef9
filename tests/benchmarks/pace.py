"""One connection against the emulator's limit of 180 a minute, as Notion has it, for three whole minutes (N)."""

from collections import Counter

from devkit.notion.process import EmulatorProcess
from integrations.notion.budget import RATE
from tests.benchmarks._workers import begin, limit, of, until_over, workers

PER_MINUTE = 180


def main(minutes: int = 3) -> None:
    with EmulatorProcess() as notion, workers(1, notion, per_second=RATE):
        # Enough to be at it for all of them and the broken minutes around.
        person, workspace = of(notion, PER_MINUTE * (minutes + 1))
        limit(notion, workspace, PER_MINUTE)
        begin(person)
        until_over([person])
        asked = workspace.requests()
        refused = sum(each["status"] == 429 for each in asked)
        by_minute = Counter(int(each["at"] // 60) for each in asked)
        whole = [by_minute[key] for key in sorted(by_minute)][1:-1]
        share = sum(whole) / (PER_MINUTE * len(whole))
        print(f"   {len(asked)} requests; in the whole minutes {whole}: {share:.1%} of what is allowed")
        print(f"   refused with 429: {refused} ({refused / len(asked):.2%})")
