"""Every address of the staff's site × who might come by: it opens to staff with a second factor, and to them alone."""

from dataclasses import dataclass

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from accounts.models import Connection, Mail
from billing.models import PlanRequest
from devkit.notion.process import EmulatorProcess
from tests.isolation import inventory
from tests.isolation.world import SECRET, World, build, shown
from tests.second_factor import with_factor
from tests.staff import confirmed, one_of_staff

ROUTES = [route for route in inventory.addresses() if route.startswith("staff/")]
CASES = [(route, method) for route in ROUTES for method in inventory.METHODS]
# What there is for them to see; the framework's other addresses have nothing for anybody.
LISTS = (
    "staff/",
    "staff/accounts/connection/",
    "staff/accounts/erasurecertificate/",
    "staff/accounts/mail/",
    "staff/accounts/membership/",
    "staff/accounts/user/",
    "staff/accounts/workspace/",
    "staff/billing/planrequest/",
)


@dataclass
class Visitors:
    world: World
    refused: dict[str, Client]
    staff: Client


@pytest.fixture(scope="module")
def visitors(_database: None, emulator: EmulatorProcess) -> Visitors:
    world, sam, kim = build(), one_of_staff("Sam"), one_of_staff("Kim")
    PlanRequest.objects.create(workspace=world.alice.workspace, tier="pro", requested_by=world.alice.user)
    return Visitors(
        world=world,
        refused={
            "nobody": Client(),
            "customer": confirmed(world.charlie, with_factor(world.charlie.user)),
            "staff without a factor": confirmed(kim, None),
        },
        staff=confirmed(sam, with_factor(sam.user)),
    )


def address(route: str, world: World) -> str:
    kind = ContentType.objects.get_for_model(Connection).pk
    ids = {"<path:object_id>": str(world.ids["connection"]), "<path:content_type_id>": str(kind)}
    ids |= {"<uuid:workspace_id>": str(world.alice.workspace.pk), "<slug:deed>": "suspend"}
    ids["<int:membership_id>"] = str(world.alice.membership.pk)
    ids["<uuid:mail_id>"] = str(Mail.objects.filter(workspace=world.alice.workspace).values_list("pk", flat=True)[0])
    for name, value in ids.items():
        route = route.replace(name, value)
    return "/" + route.replace(r"^(?P<app_label>accounts|billing)/$", "accounts/").replace("(?P<url>.*)$", "nowhere")


@pytest.mark.parametrize(("route", "method"), CASES)
def test_it_is_closed_to_all_others(visitors: Visitors, route: str, method: str) -> None:
    before = visitors.world.of_alice()

    answers = {who: each.generic(method, address(route, visitors.world)) for who, each in visitors.refused.items()}

    assert {who: answer.status_code for who, answer in answers.items()} == dict.fromkeys(answers, 403)
    assert not [who for who, answer in answers.items() if SECRET in shown(answer)]
    assert visitors.world.of_alice() == before


@pytest.mark.parametrize(("route", "method"), CASES)
def test_staff_with_a_factor_see_the_lists_and_no_content(visitors: Visitors, route: str, method: str) -> None:
    before = visitors.world.of_alice()

    answer = visitors.staff.generic(method, address(route, visitors.world))

    if route in LISTS and method == "GET":
        assert answer.status_code == 200
    assert answer.status_code in {200, 302, 400, 403, 404, 405}, shown(answer)
    assert SECRET not in shown(answer)
    assert visitors.world.of_alice() == before


def test_the_addresses_above_are_good_ones(visitors: Visitors) -> None:
    assert not [route for route in ROUTES if set("<>?\\^$") & set(address(route, visitors.world))]
    assert set(LISTS) <= set(ROUTES)
