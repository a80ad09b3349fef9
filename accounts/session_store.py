"""Sessions of browsers in the database, with a longest life: whoever still uses one signs in again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

LONGEST = timedelta(days=30)
# When its user signed in, in seconds since 1970; kept when the session gets another key.
BEGAN = "began"


class SessionStore(DatabaseSessions):
    def get_expiry_date(self, **kwargs: Any) -> datetime:
        ends: datetime = super().get_expiry_date(**kwargs)
        began = self.get(BEGAN)
        return ends if began is None else min(ends, datetime.fromtimestamp(began, UTC) + LONGEST)
