"""What holds when many press at the same moment. Each thread has its own connection to the database."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connections
from django.test import Client

from accounts import schemas
from accounts.models import Invitation, Membership, Role, User
from billing import changes
from billing.models import Subscription
from billing.plans import Tier
from billing.team import invitations, members
from config.errors import AppError
from tests.billing import team
from tests.people import PASSWORD, Person, join, put_on_plan, sign_up


def all_at_once(works: Sequence[Callable[[], object]]) -> Counter[str]:
    """How often each ended well, or with which refusal."""
    together = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> str:
        together.wait()
        try:
            work()
        except AppError as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(works)) as threads:
        return Counter(threads.map(run, works))


@pytest.fixture
def owner() -> Person:
    person = sign_up("Alice")
    put_on_plan(person, "teams", seats=1)
    return person


def check_seats(owner: Person) -> None:
    subscription = owner.subscription
    assert subscription.seats == (subscription.fixed_seats or team.members(owner))


def test_of_sixteen_people_on_one_link_one_joins(owner: Person, now: datetime) -> None:
    nora, token = team.invited(owner, "Nora", now)
    # Eight tabs of the invited person, and eight others who got hold of the link.
    people = [nora.user] * 8 + [sign_up("Charlie").user for _ in range(8)]

    def accepting(user: User) -> Callable[[], object]:
        return lambda: invitations.accept(token=token, user=user, now=now)

    ended = all_at_once([accepting(user) for user in people])

    assert ended["done"] == 1
    assert ended["invitation-over"] + ended["invitation-for-another"] == 15
    assert team.members(owner) == 2
    check_seats(owner)


def test_one_link_accepted_twice_at_once_takes_the_last_seat(owner: Person, now: datetime) -> None:
    team.fix_seats(owner, 2)
    nora, token = team.invited(owner, "Nora", now)

    ended = all_at_once([lambda: invitations.accept(token=token, user=nora.user, now=now)] * 8)

    assert ended == {"done": 1, "invitation-over": 7}
    check_seats(owner)


def test_of_fifteen_links_for_three_seats_three_are_taken(owner: Person, now: datetime) -> None:
    team.fix_seats(owner, 4)
    waiting = [team.invited(owner, "Nora", now) for _ in range(15)]

    def accepting(person: Person, token: str) -> Callable[[], object]:
        return lambda: invitations.accept(token=token, user=person.user, now=now)

    ended = all_at_once([accepting(person, token) for person, token in waiting])

    assert ended == {"done": 3, "seats-full": 12}
    assert team.members(owner) == 4
    assert Invitation.objects.filter(workspace=owner.workspace, accepted_at=None).count() == 12
    check_seats(owner)


def test_seats_that_follow_count_everybody_who_joins_at_once(owner: Person, now: datetime) -> None:
    waiting = [team.invited(owner, "Nora", now) for _ in range(12)]

    def accepting(person: Person, token: str) -> Callable[[], object]:
        return lambda: invitations.accept(token=token, user=person.user, now=now)

    assert all_at_once([accepting(person, token) for person, token in waiting]) == {"done": 12}
    assert (team.members(owner), owner.subscription.seats) == (13, 13)


def test_accepted_and_revoked_at_once_is_one_of_both(owner: Person, now: datetime) -> None:
    for _ in range(8):
        nora, token = team.invited(owner, "Nora", now)
        invitation = Invitation.objects.get(email=nora.email)

        def accepting(person: Person = nora, token: str = token) -> object:
            return invitations.accept(token=token, user=person.user, now=now)

        def revoking(row: Invitation = invitation) -> None:
            invitations.revoke(by=owner.membership, invitation_id=row.pk, now=now)

        ended = all_at_once([accepting, revoking])

        invitation.refresh_from_db()
        is_member = Membership.objects.filter(workspace=owner.workspace, user=nora.user).exists()
        assert (invitation.accepted_at is not None, invitation.revoked_at is None) == (is_member, is_member)
        assert ended == ({"done": 1, "already-member": 1} if is_member else {"done": 1, "invitation-over": 1})
    check_seats(owner)


def test_invited_twice_at_once_one_link_is_open(owner: Person, now: datetime) -> None:
    ended = all_at_once([lambda: team.link_for(owner, "n@example.com", now)] * 8)

    assert ended == {"done": 8}
    assert Invitation.objects.filter(workspace=owner.workspace).filter(accepted_at=None, revoked_at=None).count() == 1


def test_accepting_while_the_plan_goes_down_pays_for_who_is_in(owner: Person, now: datetime) -> None:
    for _ in range(6):
        nora, token = team.invited(owner, "Nora", now)

        def accepting(person: Person = nora, token: str = token) -> object:
            return invitations.accept(token=token, user=person.user, now=now)

        ended = all_at_once(
            [accepting, lambda: changes.downgrade(membership=owner.membership, tier=Tier.PLUS, now=now)]
        )

        assert ended == {"done": 2}
        subscription = owner.subscription
        assert (subscription.pending_tier, subscription.seats) == ("plus", team.members(owner))
        changes.resume(membership=owner.membership, now=now)


def test_who_accepts_as_the_smaller_plan_begins_is_refused_or_paid_for(owner: Person, now: datetime) -> None:
    changes.downgrade(membership=owner.membership, tier=Tier.PLUS, now=now)
    end = owner.subscription.pending_at
    assert end is not None
    people = [team.invited(owner, "Nora", end - timedelta(days=1)) for _ in range(8)]

    def accepting(person: Person, token: str, at: datetime) -> Callable[[], object]:
        return lambda: invitations.accept(token=token, user=person.user, now=at)

    moments = [end - timedelta(seconds=1), end] * 4
    ended = all_at_once([accepting(*each, at) for each, at in zip(people, moments, strict=True)])

    assert ended["done"] + ended["workspace-closed"] == 8
    assert ended["workspace-closed"] >= 4
    assert team.members(owner) == 1 + ended["done"]


def test_two_owners_who_leave_at_once_leave_one(owner: Person, now: datetime) -> None:
    second = join(owner, "Olga", Role.OWNER)

    def leaving(person: Person) -> Callable[[], object]:
        return lambda: members.remove(by=person.membership, user_id=person.user.pk, now=now)

    ended = all_at_once([leaving(owner), leaving(second)])

    assert ended == {"done": 1, "last-owner": 1}
    assert Membership.objects.filter(workspace=owner.workspace, role=Role.OWNER).count() == 1


def test_two_owners_who_remove_each_other_leave_one(owner: Person, now: datetime) -> None:
    second = join(owner, "Olga", Role.OWNER)

    def removing(by: Person, other: Person) -> Callable[[], object]:
        return lambda: members.remove(by=by.membership, user_id=other.user.pk, now=now)

    ended = all_at_once([removing(owner, second), removing(second, owner)])

    assert ended == {"done": 1, "not-found": 1}
    assert Membership.objects.filter(workspace=owner.workspace, role=Role.OWNER).count() == 1


def test_two_owners_who_step_down_at_once_leave_one(owner: Person, now: datetime) -> None:
    second = join(owner, "Olga", Role.OWNER)

    def stepping_down(person: Person) -> Callable[[], object]:
        return lambda: members.change(by=person.membership, user_id=person.user.pk, role=Role.ADMIN, now=now)

    ended = all_at_once([stepping_down(owner), stepping_down(second)])

    assert ended == {"done": 1, "last-owner": 1}
    assert Membership.objects.filter(workspace=owner.workspace, role=Role.OWNER).count() == 1


def test_two_owners_who_demote_each_other_leave_one(owner: Person, now: datetime) -> None:
    second = join(owner, "Olga", Role.OWNER)

    def demoting(by: Person, other: Person) -> Callable[[], object]:
        return lambda: members.change(by=by.membership, user_id=other.user.pk, role=Role.MEMBER, now=now)

    ended = all_at_once([demoting(owner, second), demoting(second, owner)])

    assert ended == {"done": 1, "forbidden": 1}
    assert Membership.objects.filter(workspace=owner.workspace, role=Role.OWNER).count() == 1


def test_of_owners_who_leave_and_step_down_at_once_one_stays(owner: Person, now: datetime) -> None:
    others = [join(owner, name, Role.OWNER) for name in ("Olga", "Omar", "Otto")]

    def leaving(person: Person) -> Callable[[], object]:
        return lambda: members.remove(by=person.membership, user_id=person.user.pk, now=now)

    def stepping_down(person: Person) -> Callable[[], object]:
        return lambda: members.change(by=person.membership, user_id=person.user.pk, role=Role.VIEWER, now=now)

    works = [leaving(owner), leaving(others[0]), stepping_down(others[1]), stepping_down(others[2])]

    assert all_at_once(works) == {"done": 3, "last-owner": 1}
    assert Membership.objects.filter(workspace=owner.workspace, role=Role.OWNER).count() == 1
    check_seats(owner)


def test_one_person_who_signs_up_in_eight_tabs_joins_once(owner: Person, now: datetime) -> None:
    address = "tabs-" + owner.email
    path = f"/app/invitations/{team.link_for(owner, address, now)}"
    form = {"email": address, "password1": PASSWORD, "next": path}

    def sign_up_in(tab: int) -> Callable[[], object]:
        return lambda: Client(REMOTE_ADDR=f"10.7.7.{tab}").post("/accounts/signup/", form)

    # A tab that meets an empty pool is told to come again, which is not what this is about.
    schemas.fill(8)

    all_at_once([sign_up_in(tab) for tab in range(8)])

    assert User.objects.filter(email=address).count() == 1
    assert team.members(owner) == 2
    assert Subscription.objects.get(workspace=owner.workspace).seats == 2
