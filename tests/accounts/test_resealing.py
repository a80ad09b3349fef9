import logging
import os
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts import connections, sealed
from accounts.models import Connection
from tests.people import Person
from tests.second_factor import signed_in, with_factor

TOKEN, REFRESH = "ntn_of_the_tests_0123456789", "refresh_of_the_tests_0123456789"
OLD, NEW = {"1": b"o" * 32}, {"2": b"n" * 32}


@pytest.fixture
def held(alice: Person, settings: Settings) -> Connection:
    """A connection whose tokens were sealed with the old key. No other row is in the way."""
    Connection.objects.all().delete()
    settings.SEAL_KEYS = OLD
    connection = Connection(workspace=alice.workspace, owner=alice.user, kind="oauth", bot_id=os.urandom(8).hex())
    for column, text in (("access_token", TOKEN), ("refresh_token", REFRESH)):
        place = connection.place(column)
        setattr(connection, f"sealed_{column}", sealed.seal(text, workspace_id=alice.workspace.pk, place=place))
    connection.save()
    return connection


def reseal(*arguments: str) -> str:
    said = StringIO()
    call_command("reseal", *arguments, stdout=said, stderr=said)
    return said.getvalue()


def test_after_resealing_the_old_key_can_go(held: Connection, settings: Settings) -> None:
    settings.SEAL_KEYS = NEW | OLD

    said = reseal()
    settings.SEAL_KEYS = NEW
    held.refresh_from_db()

    assert connections.access_token(held) == TOKEN
    opened = sealed.unseal(held.sealed_refresh_token, workspace_id=held.workspace_id, place=held.place("refresh_token"))
    assert opened == REFRESH
    assert said.startswith("1 rows were sealed anew")


def test_before_resealing_it_cannot(held: Connection, settings: Settings) -> None:
    settings.SEAL_KEYS = NEW

    with pytest.raises(sealed.Unreadable):
        connections.access_token(held)
    with pytest.raises(CommandError, match=str(held.pk)):
        reseal()


def test_a_second_time_there_is_nothing_to_do(held: Connection, settings: Settings) -> None:
    settings.SEAL_KEYS = NEW | OLD

    assert reseal("--check").startswith("1 rows")
    reseal()

    assert reseal("--check").startswith("0 rows")
    assert reseal().startswith("0 rows were sealed anew, 1 had")


def test_an_ended_connection_has_nothing_to_seal(held: Connection, settings: Settings) -> None:
    Connection.objects.filter(pk=held.pk).update(sealed_access_token="", sealed_refresh_token="")
    settings.SEAL_KEYS = NEW

    assert reseal().startswith("0 rows were sealed anew, 1 had")


def test_no_secret_is_said(held: Connection, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings.SEAL_KEYS = NEW | OLD
    before = held.sealed_access_token

    said = reseal() + caplog.text

    for secret in (TOKEN, REFRESH, before, "nnnnnnnn"):
        assert secret not in said


def test_second_factors_are_sealed_anew_too(alice: Person, settings: Settings) -> None:
    Connection.objects.all().delete()
    Authenticator.objects.all().delete()
    settings.SEAL_KEYS = OLD
    factor = with_factor(alice.user)
    settings.SEAL_KEYS = NEW | OLD

    left = reseal("--check")
    reseal()
    settings.SEAL_KEYS = NEW

    assert left.startswith("2 rows")
    assert reseal("--check").startswith("0 rows")
    for code in (factor.app.code(), factor.recovery_codes[0]):
        assert signed_in(alice, code).get("/app/settings").status_code == 200
