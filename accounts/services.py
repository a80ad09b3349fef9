"""What can be done with accounts that needs no knowledge of plans."""

from datetime import datetime, timedelta

from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts.models import IdempotentAnswer, OAuthState

IDEMPOTENT_ANSWERS_KEPT = timedelta(hours=24)


def forget_expired(*, now: datetime) -> None:
    """Delete what has only a limited life: states, tokens, answers kept for retries."""
    OAuthState.objects.filter(expires_at__lt=now).delete()
    OutstandingToken.objects.filter(expires_at__lt=now).delete()
    IdempotentAnswer.objects.filter(created_at__lt=now - IDEMPOTENT_ANSWERS_KEPT).delete()
