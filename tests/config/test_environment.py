import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_every_setting_from_the_environment_is_in_the_example() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (PROJECT / "config" / "settings.py").read_text()))
    example = set(re.findall(r"^#?([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))

    assert len(read) > 20
    assert read <= example
