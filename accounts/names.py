"""Names of people and workspaces: what can be seen of them, and nothing that turns or hides what stands around."""

import re
import unicodedata

# Control characters, what turns the direction of writing (U+202E and its like) and what cannot be seen.
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Persian and Indic words and joined emoji need them between two others.
JOINERS = "\u200c\u200d"


def cleaned(name: str) -> str:
    """In mails and pages a name stands in our own sentences, so it is kept without what could forge them."""
    spaced = re.sub(r"\s+", " ", name)
    return "".join(each for each in spaced if each in JOINERS or unicodedata.category(each) not in UNSEEN).strip(
        f" {JOINERS}"
    )
