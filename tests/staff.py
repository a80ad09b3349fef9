"""Staff with a second factor, in a browser that the staff's site is open to."""

from dataclasses import dataclass

from accounts import services
from accounts.models import User
from tests.people import Browser, Person, sign_up
from tests.second_factor import Factor, browser_after_password, reauthenticate, signed_in, with_factor


@dataclass
class Staff:
    person: Person
    factor: Factor
    web: Browser

    @property
    def user(self) -> User:
        return self.person.user


def one_of_staff(name: str) -> Person:
    person = sign_up(name)
    services.set_staff(email=person.email, is_staff=True)
    return Person(user=User.objects.get(pk=person.user.pk), membership=person.membership)


def confirmed(person: Person, factor: Factor | None) -> Browser:
    if factor is None:
        browser = browser_after_password(person)
        reauthenticate(browser)
    else:
        browser = signed_in(person, factor.app.code())
        reauthenticate(browser, factor.recovery_codes.pop())
    return browser


def at_work(name: str = "Sam") -> Staff:
    person = one_of_staff(name)
    factor = with_factor(person.user)
    return Staff(person, factor, confirmed(person, factor))


def look(staff: Staff, person: Person, why: str = "They asked us to look") -> Browser:
    """The browser, in which one of staff sees what this person sees from here on."""
    answer = staff.web.post(f"/staff/accounts/membership/{person.membership.pk}/view/", {"why": why})
    assert (answer.status_code, answer["Location"]) == (302, "/app"), answer.content
    staff.web.workspace_id = str(person.workspace.pk)
    return staff.web
