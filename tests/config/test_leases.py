from django.conf import settings

from integrations.notion import wire


def test_a_lease_outlives_the_slowest_answer() -> None:
    assert settings.SYNC_LEASE_SECONDS > wire.CONNECT_TIMEOUT + wire.TIMEOUT
