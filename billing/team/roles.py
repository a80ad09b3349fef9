"""The table of what each role may do, as people read it."""

from dataclasses import dataclass

from accounts.models.invitation import INVITABLE
from accounts.roles import MAY, Action, Role


@dataclass(frozen=True)
class Row:
    words: str
    # For each role, from owner to viewer.
    may: tuple[bool, ...]


def rows() -> list[Row]:
    return [Row(action.label, tuple(role in MAY[action] for role in Role)) for action in Action]


def of_owners_alone() -> list[str]:
    return [_within(action) for action in Action if MAY[action] == {Role.OWNER}]


def invitable_in_words() -> list[str]:
    """A sentence for each role that people are invited as, from the least on: what it may do beyond the one before."""
    sentences: list[str] = []
    told: set[Action] = set()
    for value, label in reversed(INVITABLE):
        more = [action for action in Action if Role(value) in MAY[action] and action not in told]
        told |= set(more)
        sentences.append(f"{label}: {'also ' if sentences else ''}{', '.join(map(_within, more))}.")
    return sentences


def _within(action: Action) -> str:
    """Its words within a sentence."""
    words = str(action.label)
    return words[0].lower() + words[1:]
