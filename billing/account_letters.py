"""What a person is told of the deletion of their account."""

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.text import get_text_list

from accounts.models import User, Workspace
from billing.deletion_letters import Letter
from billing.moments import exactly


def closed(user: User, gone: Sequence[Workspace]) -> Letter:
    def words(zone: ZoneInfo) -> tuple[str, ...]:
        at = _when(user, zone)
        names = get_text_list([each.name for each in gone], "and")
        said = [
            f"Your account will be erased on {at}",
            "You are signed out everywhere, and your API keys have ended. What you shared in teams stays theirs.",
            f"Until {at} you can keep the account: sign in, and say so. After that nobody can bring it back.",
            "If this was not you, sign in, keep the account and choose a new password.",
        ]
        if names:
            said.insert(2, f"With it {names} will be erased, which nobody else is in, and nothing more is charged.")
        return tuple(said)

    return _letter(words)


def soon(user: User) -> Letter:
    def words(zone: ZoneInfo) -> tuple[str, ...]:
        at = _when(user, zone)
        return (
            f"Last day: your account will be erased on {at}",
            f"You deleted your account. It will be erased on {at}, with the workspaces that nobody else is in.",
            "Until then you can keep it: sign in, and say so.",
        )

    return _letter(words)


def kept(user: User) -> Letter:
    def words(zone: ZoneInfo) -> tuple[str, ...]:
        return (
            "Your account stays",
            "You took its deletion back. Everything in it is as it was; programs and API keys that had ended stay so.",
            "A plan that was paid for lasts until the end of its month and is not charged again unless you resume it.",
        )

    return _letter(words, action="Open the settings", path="/app/settings")


def _letter(
    words: Callable[[ZoneInfo], tuple[str, ...]],
    *,
    action: str = "Sign in to keep it",
    path: str = "/app/account/closing",
) -> Letter:
    return Letter(words, f"{settings.PUBLIC_URL}{path}", action, footnote="You get this for your account.")


def _when(user: User, zone: ZoneInfo) -> str:
    assert user.erases_at is not None
    return exactly(user.erases_at, zone)
