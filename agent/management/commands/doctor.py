import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agent import doctor


class Command(BaseCommand):
    help = "Is this installation well? A line for each check, with what to do; ends with 1 when one is bad."
    # They are among its own checks, and would end it before the others.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="a list of check, level, says and todo instead")

    def handle(self, *args: Any, **options: Any) -> None:
        found = []
        for check, finding in doctor.examine():
            found.append({"check": check, **finding._asdict()})
            if not options["json"]:
                todo = f" → {finding.todo}" if finding.todo else ""
                self.stdout.write(f"{finding.level:<4} {check}: {finding.says}{todo}")
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2))
        if number := sum(each["level"] == doctor.Level.BAD for each in found):
            raise CommandError(f"{number} of {len(found)} findings are bad.")
