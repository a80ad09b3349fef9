"""What a question turns on besides its words: a deed, a time of the clock, a whole length of time."""

import pytest

from agent import demands, kinds, wording


@pytest.mark.parametrize(
    ("question", "shown", "says"),
    [
        ("How long did the strike last?", "The strike: six days until the first talk.", False),
        ("How long did the strike last?", "The strike lasted six days.", True),
        ("How long did the strike last?", "On Monday, from 07:30 to 16:15, all trams stood still.", True),
        ("How long do we keep logs?", "Logs are kept 90 days after the trip.", True),
        ("How fast is the crane?", "The crane moved 12 % more than last year.", False),
        ("How fast is the crane?", "The crane lifts a box within 4 minutes.", True),
        ("How often are tyres changed?", "Tyres are changed after 24 months.", True),
        ("How much do guides earn?", "One guide is in the hall from Monday to Monday.", False),
        ("How much do guides earn?", "Guides earn $25.", True),
        ("How much time do I have?", "You have two hours.", True),
        ("Where is the Graz shop?", "Name: Bruno, Place: Graz, Ask about: ovens", False),
        ("Where is the shop?", "Name: Bruno, Place: Graz, Ask about: ovens", True),
        ("Where is the Graz office?", "The Graz flat has two rooms; Ada has the keys in the office.", False),
        ("Where is the Graz office?", "Herrengasse 12, 8010 Graz, first floor.", True),
        ("What is the door code?", "The door code changes each month; Ada sends it.", False),
        ("What is the door code?", "Door code: 4711.", True),
        ("What is the password for the till?", "Passwords live in the manager; the till has one too.", False),
        ("What is the password for the till?", "Password: honey.", True),
        ("What did the baker pay us?", "The baker changed the till.", False),
        ("What did the baker pay us?", "The baker paid €40.", True),
        ("What did the baker pay for?", "The baker paid for flour.", True),
        ("Why is the oven cold?", "The oven was cold until Monday.", False),
        ("Who sends the keys?", "Keys change each month; Bruno sends them.", True),
        ("Who bakes this week?", "The shift is long, from Monday to Tuesday in October.", False),
        ("Who bakes this week?", "The shift on Monday has Bruno.", True),
        ("What is the phone number of the mill?", "Number: MC-B-2024-003, Partner: the mill", False),
        ("What is the phone number of the mill?", "The mill, 1300-149 Lisboa, opened on 2024-03-09.", False),
        ("What is the phone number of the mill?", "The mill: 0316 5550 120.", True),
        ("What is the phone number of the mill?", "Phone: 5550-12", True),
        ("When is the lease over?", "Ada prefers a call, before nine in the morning.", False),
        ("When is the lease over?", "The lease is over before the summer.", True),
        ("How long does a bun keep?", "The till takes 300 buns a minute for each shop.", False),
        ("How long may I rest?", "You may rest 20 minutes a day.", True),
        ("How long does the baking take?", "Baking runs between 09:30 and 16:00.", False),
        ("How long does the baking take?", "Baking takes 11 minutes.", True),
        ("How long was the strike?", "The strike: forty minutes until the first talk.", False),
        ("How long was the strike?", "The strike went on for forty minutes.", True),
        ("Why was the fair moved?", "Moves: the fair (Ada, since October, nearly done).", False),
        ("Why was the fair moved?", "The fair was moved, since it rained.", True),
        ("Why is the fair in May?", "Ada decides whether the fair could be without buns.", False),
        ("What caused the fire?", "The fire: six alarms.", False),
        ("What caused the fire?", "The fire began because the oven was open.", True),
    ],
)
def test_the_kind_of_thing_is_looked_for(question: str, shown: str, says: bool) -> None:
    assert kinds.has_what_is_asked(question, shown) == says


@pytest.mark.parametrize(
    ("question", "shown", "says"),
    [
        ("Has Ada finished the cake?", "Cake, website: Ada Wong", False),
        ("Has Ada finished the cake?", "Ada finished the cake on Monday.", True),
        ("Has Ada finished the cake?", "Ada: bake the cake (open)", True),
        ("Has Bruno painted the van?", "The van belongs to Bruno.", False),
        ("Who visited Graz?", "Ada wants to visit Graz.", False),
        ("Who visited Graz?", "Graz: Bruno visited it, Ada will visit it.", True),
        ("Who visits Graz?", "Ada wants to visit Graz.", True),
        ("Has Ada sent the bill?", "The bill should be sent by Ada.", False),
        ("Does the fair open at 09:30?", "Fixed dates: bakery at 09:30, fair at 15:00.", False),
        ("Does the fair open at 15:00?", "Fixed dates: bakery at 09:30, fair opens at 15:00.", True),
        ("Who is Ada?", "Ada wants to visit the fair in spring.", False),
        ("Who is Ada?", "Ask Ada Wong, the chief baker.", True),
        ("What was decided about buns?", "Buns: to be decided on Monday.", False),
        ("What was decided about buns?", "Decided: buns are baked twice.", True),
        ("Why is the oven blocked?", "The oven is not blocked yet, there is a day left.", False),
        ("Why is the oven blocked?", "The oven is blocked since gas is missing.", True),
        ("Why is the oven not blocked?", "The oven is not blocked, as gas came.", True),
        ("What does Ada do?", "Ada leads the bakery.", True),
        ("Is 1 May a holiday?", "Note: 1 June is a holiday in Graz.", False),
        ("Is 1 May a holiday?", "A holiday is on Thursday, 1 May, in Graz.", True),
        ("Is 24 December a working day?", "Those who work that day take another day.", False),
        ("Did the mill renew?", "The role depends on whether the bakery and the mill renew.", False),
        ("Did the mill renew?", "The mill and the bakery renewed.", True),
        ("Did the lawyer answer?", "Ada asks the lawyer; she expects an answer on Monday.", False),
        ("Did the lawyer answer?", "The lawyer answered on Monday.", True),
    ],
)
def test_what_a_question_turns_on_must_be_said(question: str, shown: str, says: bool) -> None:
    assert demands.says_what_is_asked(question, shown, wording.words_of(f"{question} {shown}")) == says


@pytest.mark.parametrize(
    ("question", "shown", "says"),
    [
        ("Target for burnt buns", "Burnt buns rose to 3.6 %.", False),
        ("Target for burnt buns", "Burnt buns, target: 1 %", True),
        ("Who is the owner of the company?", "Owner: Ada, cakes by Bruno.", False),
        ("Who is the owner of the company?", "Ada is the owner of the company.", True),
        ("How many sick days may I take?", "A child’s sick days count like yours, up to 10 days.", False),
        ("How many sick days may I take?", "You may take 10 sick days.", True),
        ("How many days may I work outside the EU?", "Inside the EU you may work 30 days.", False),
        ("How many days may I work outside the EU?", "You may work 10 days outside the EU.", True),
        ("Is jam part of Bun 6?", "Jam is promised to the mill; honey arrives with Bun 6.", False),
        ("Is jam part of Bun 6?", "Jam is part of Bun 6; honey is not.", True),
    ],
)
def test_it_is_said_of_what_is_asked(question: str, shown: str, says: bool) -> None:
    assert demands.says_what_is_asked(question, shown, wording.words_of(shown)) == says


@pytest.mark.parametrize(
    ("shown", "word", "has"),
    [
        ("Five bought a bun, two after lunch, one left.", "left", True),
        ("Five bought a bun, two after lunch, one left.", "bought", True),
        ("The left oven is hot.", "left", False),
    ],
)
def test_each_number_is_read_with_what_follows_it(shown: str, word: str, has: bool) -> None:
    assert kinds.counts(shown, "", {wording.stem(word)}) == has


@pytest.mark.parametrize(
    ("question", "shown", "has"),
    [
        ("How many leave days do fathers get?", "The first 16 weeks of leave are paid.", False),
        ("How many leave days do fathers get?", "Fathers get ten days of leave.", True),
        ("How many days are paid?", "Paid days of leave: 28", True),
        ("How many buns a day are baked?", "300 buns are baked.", True),
    ],
)
def test_days_are_no_weeks(question: str, shown: str, has: bool) -> None:
    assert kinds.has_unit(question, shown) == has


@pytest.mark.parametrize(
    ("question", "shown", "is_said"),
    [
        ("How long is leave for adopted children?", "Leave is 120 days.", False),
        ("How long is leave for adopted children?", "For children it is 120 days.", True),
        ("How long is leave for employees?", "Leave is 120 days.", True),
        ("How long is leave?", "Leave is 120 days.", True),
    ],
)
def test_whom_it_is_for_must_be_said(question: str, shown: str, is_said: bool) -> None:
    assert demands.is_for_whom(question, wording.words_of(shown)) == is_said


def test_forms_of_one_word_are_one() -> None:
    assert wording.words_of("Paid, sold and sent") == wording.words_of("pays, sells and sends")
    assert wording.words_of("daily pay") == wording.words_of("pay a day")
