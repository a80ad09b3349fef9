"""What no database can hold is taken out of Notion's answers before anybody sees them."""

import math
import re
from typing import Any

# A half of a character, as an escape in JSON can spell it: UTF-8 has no form for it.
_HALF = re.compile("[\ud800-\udfff]")


def storable(value: Any) -> Any:
    """The same JSON without NUL, half characters and numbers that are none; in keys too."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value).replace("\0", "")
    if isinstance(value, dict):
        return {storable(key): storable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [storable(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
