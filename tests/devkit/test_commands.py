import pytest

from devkit import commands


@pytest.mark.parametrize(("said", "code"), [(["--help"], 0), (["run", "--help"], 0), (["run", "8001"], 2), (["x"], 2)])
def test_what_is_no_command_starts_nothing_and_names_those_there_are(
    said: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(said) == code
    assert "start everything" in capsys.readouterr().out
