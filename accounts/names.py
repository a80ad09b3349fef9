"""Names of people and workspaces: what can be seen of them, and nothing that turns or hides what stands around."""

import re
import unicodedata

# Control characters, what turns the direction of writing (U+202E and its like) and what cannot be seen.
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Persian and Indic words and joined emoji need them between two others.
JOINERS = "\u200c\u200d"
# Letters and signs that are drawn as nothing: fillers of Hangul, the empty pattern of Braille and their like.
BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U00016fe4\U0001d159\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)
# They choose how the sign before them is drawn, and alone they are drawn as nothing.
NOTHING_ALONE = re.compile(f"[ {JOINERS}\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]*")


def cleaned(name: str) -> str:
    """In mails and pages a name stands in our own sentences, so it is kept without what could forge them."""
    seen = BLANK.sub("", name)
    spaced = "".join(each for each in re.sub(r"\s+", " ", seen) if each in JOINERS or _is_seen(each))
    return "" if NOTHING_ALONE.fullmatch(spaced) else spaced.strip(f" {JOINERS}")


def _is_seen(letter: str) -> bool:
    return unicodedata.category(letter) not in UNSEEN
