"""Letters: every mail that is no digest says what is so, in plain words, and nothing its reader may not see."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from email.headerregistry import Address
from html.parser import HTMLParser

import pytest

from service import joining_letters, letters, stationery
from service.joining_letters import Applying, Belonging
from service.letters import Frame, Meeting, Party, Replying
from service.sessions import letters as session_letters
from service.stationery import Item, Mail
from service.store.sessions import Session

NASTY = "Eve <b>&</b>\r\nBcc: all@evil.example ring 0113 496 0000"
ALBA = "Alba Community Kitchen"
TO_ANN = Frame("Commonweal", "https://network.example", "Ann Alba")
ITEM = Item(
    partner="Borea Transport",
    fit="a strong fit",
    own_label="Your need",
    own_words="A minibus with a driver on Thursday mornings",
    their_label="They offer",
    their_words="Idle on Thursdays: a 16-seat minibus <with lift> & driver.",
    gain="",
    reasons=("“A minibus with a driver” meets “a 16-seat minibus”.", "Both are in Leeds."),
    mismatches=("The offer opens on 1 December 2026, a week after the need.",),
    cautions=("Home-to-school transport is the council's duty: speak with them first.",),
)
MEETING = Meeting(item=ITEM, organisation=ALBA, due=date(2026, 12, 7), link="https://network.example/reply/token")
BEGAN = replace(MEETING, began=True, needs=True)
ANN = Party(organisation=ALBA, name="Ann Alba", email="ann@alba.example")
BJORN = Party(organisation="Borea Transport", name="Björn Borea", email="bjorn@borea.example")
APPLYING = Applying(
    organisation=ALBA, register="charity", number="1234567", person="Ann Alba", why="We could not find the number."
)
BELONGING = Belonging(
    organisation=ALBA,
    until=date(2027, 11, 30),
    by="Cleo Coordinator",
    expires=date(2026, 12, 23),
    link="https://network.example/invitations/token",
)
SIGNING_IN = replace(BELONGING, link="https://network.example/sign-in/token")
REPLYING = Replying(
    item=ITEM,
    organisation=ALBA,
    answer="interested",
    by="Zoe Alba",
    by_coordinator=False,
    link="https://network.example/suggestions/0123456789",
)
SESSION = Session(
    id="thursdays",
    title="Work after prison",
    themes=("justice", "employment"),
    day=date(2026, 12, 3),
    starts=time(14),
    place="Leeds",
    venue="The Old Mill, Dock Street",
    made_by="cleo",
    made_at=datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
)
INVITING = session_letters.Inviting(
    session=SESSION,
    organisation=ALBA,
    themes=("Justice and rehabilitation", "Employment and skills"),
    by="Cleo Coordinator",
    reply_to=Address("Cleo Coordinator", "cleo", "network.example"),
    link="https://network.example/organisations/alba",
)

EVERY: dict[str, Callable[[], Mail]] = {
    "sign-in": lambda: joining_letters.sign_in(TO_ANN, "https://network.example/sign-in/token"),
    "invitation": lambda: joining_letters.invitation(TO_ANN, BELONGING),
    "applied": lambda: joining_letters.applied(TO_ANN, APPLYING),
    "application": lambda: joining_letters.application(TO_ANN, APPLYING),
    "approved": lambda: joining_letters.approved(TO_ANN, replace(BELONGING, link="")),
    "approved-link": lambda: joining_letters.approved(TO_ANN, SIGNING_IN),
    "refused": lambda: joining_letters.refused(TO_ANN, APPLYING),
    "added": lambda: joining_letters.added(TO_ANN, replace(BELONGING, link="")),
    "colleague": lambda: joining_letters.colleague(
        TO_ANN,
        replace(BELONGING, by_coordinator=True, link="https://network.example/organisations/alba/people"),
        "Zoe Alba",
    ),
    "ending": lambda: joining_letters.ending(TO_ANN, BELONGING, date(2027, 11, 1)),
    "ended": lambda: joining_letters.ending(TO_ANN, BELONGING, date(2027, 12, 1)),
    "asked": lambda: letters.asked(TO_ANN, MEETING),
    "reminder": lambda: letters.reminder(TO_ANN, MEETING),
    "expired": lambda: letters.expired(TO_ANN, BEGAN),
    "expired-asked": lambda: letters.expired(TO_ANN, MEETING),
    "expired-late": lambda: letters.expired(TO_ANN, replace(BEGAN, came_late=True)),
    "declined": lambda: letters.declined(TO_ANN, BEGAN),
    "withdrawn": lambda: letters.withdrawn(
        TO_ANN, replace(MEETING, link="https://network.example/suggestions/0123456789")
    ),
    "replied": lambda: letters.replied(TO_ANN, REPLYING),
    "introduction": lambda: letters.introduction(TO_ANN, BEGAN, ANN, BJORN),
    "left": lambda: letters.left(TO_ANN, BEGAN),
    "follow-up": lambda: letters.follow_up(
        TO_ANN, replace(BEGAN, link="https://network.example/introductions/0123456789")
    ),
    "session": lambda: session_letters.invited(TO_ANN, INVITING),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_letter_is_the_golden_one(name: str, golden: Callable[[str, str], None]) -> None:
    mail = EVERY[name]()
    golden(f"{name}.txt", f"Subject: {mail.subject}\n\n{mail.text}")
    golden(f"{name}.html", mail.html)


@pytest.mark.parametrize("name", EVERY)
def test_every_letter_says_the_same_in_text_and_in_html(name: str) -> None:
    mail = EVERY[name]()

    def words(text: str) -> set[str]:
        return set(re.findall(r"\w+", text.lower()))

    of_links = words(" ".join(re.findall(r"https?:\S+", mail.text)))
    assert words(mail.text) - words(_visible(mail.html)) <= of_links
    assert words(_visible(mail.html)) - words(mail.text) <= words(mail.subject)


@pytest.mark.parametrize("name", EVERY)
def test_every_letter_has_one_thing_to_press_at_most_and_says_why_it_came(name: str) -> None:
    mail = EVERY[name]()
    assert len(re.findall('<a (?!href="mailto:)', mail.html)) <= 1
    assert "You get this because" in mail.text
    assert "You get this because" in mail.html
    assert mail.text.startswith("Dear Ann Alba,\n")
    assert "\n\n\n" not in mail.text
    assert max(len(line) for line in mail.text.splitlines() if not line.startswith("http")) <= 78


def test_whoever_has_no_name_is_greeted_all_the_same() -> None:
    assert joining_letters.sign_in(Frame("Commonweal", "https://network.example"), "link").text.startswith("Hello,\n")


def _nasty() -> dict[str, Mail]:
    frame = Frame("Commonweal", "https://network.example", NASTY)
    item = replace(ITEM, partner=stationery.shown(NASTY))
    meeting = replace(MEETING, item=item, organisation=stationery.shown(NASTY))
    belonging = replace(BELONGING, organisation=NASTY, by=NASTY)
    applying = Applying(organisation=NASTY, register="charity", number=NASTY, person=NASTY, why=NASTY)
    return {
        "invitation": joining_letters.invitation(frame, belonging),
        "applied": joining_letters.applied(frame, applying),
        "application": joining_letters.application(frame, applying),
        "approved": joining_letters.approved(frame, belonging),
        "refused": joining_letters.refused(frame, applying),
        "added": joining_letters.added(frame, belonging),
        "colleague": joining_letters.colleague(frame, belonging, NASTY),
        "ending": joining_letters.ending(frame, belonging, date(2027, 1, 1)),
        "asked": letters.asked(frame, meeting),
        "reminder": letters.reminder(frame, meeting),
        "expired": letters.expired(frame, meeting),
        "expired-late": letters.late(frame, meeting),
        "declined": letters.declined(frame, meeting),
        "withdrawn": letters.withdrawn(frame, meeting),
        "replied": letters.replied(frame, replace(REPLYING, item=item, by=NASTY)),
        "introduction": letters.introduction(frame, meeting, replace(ANN, name=NASTY), replace(BJORN, name=NASTY)),
        "follow-up": letters.follow_up(frame, meeting),
        "session": session_letters.invited(
            frame, replace(INVITING, session=replace(SESSION, title=NASTY), organisation=NASTY, by=NASTY)
        ),
    }


@pytest.mark.parametrize("name", _nasty())
def test_no_name_makes_a_header_a_tag_or_shows_a_contact_detail(name: str) -> None:
    mail = _nasty()[name]
    content = stationery.message(
        mail,
        name=NASTY,
        email="ann@alba.example",
        sender=stationery.sender("suggestions@commonweal.example"),
        at=datetime(2026, 11, 23, tzinfo=UTC),
        key=name,
    )
    assert "Bcc" not in content
    assert "\n" not in content["Subject"]
    assert "<b>" not in mail.html
    if name != "introduction":
        of_others = mail.text.partition("\n")[2] + mail.html.partition("<h1>")[2] + mail.subject
        assert "@evil" not in of_others
        assert "0113 496" not in of_others


@pytest.mark.parametrize("name", [name for name in EVERY if name != "introduction"])
def test_only_an_introduction_holds_an_address(name: str) -> None:
    mail = EVERY[name]()
    assert "@" not in mail.subject + mail.text + _visible(mail.html)


def test_an_introduction_holds_both_people_the_other_side_first_and_the_way_to_write() -> None:
    mail = letters.introduction(TO_ANN, BEGAN, ANN, BJORN)
    assert "You and Björn Borea (Borea Transport) both said yes." in mail.text
    assert f"Borea Transport:\n   Björn Borea\n   bjorn@borea.example\n\n{ALBA} (you):\n   Ann Alba\n" in mail.text
    assert "mailto:" not in mail.text
    assert re.findall('<a href="([^"]+)">([^<]+)', mail.html) == [
        (
            "mailto:bjorn@borea.example?subject=Alba%20Community%20Kitchen%20and%20Borea%20Transport",
            "bjorn@borea.example",
        ),
        ("mailto:ann@alba.example", "ann@alba.example"),
    ]
    for part in (mail.text, mail.html):
        for line in letters.CHECKLIST:
            assert line.split(":")[0] in part


def test_no_address_is_broken_however_long_it_is() -> None:
    long = replace(BJORN, organisation="Borea " * 18, email=f"{'bjorn.' * 10}borea@transport.borea.example")
    assert f"\n   {long.email}\n" in letters.introduction(TO_ANN, BEGAN, ANN, long).text
    address = f"https://borea.example/{'very/' * 20}long"
    item = replace(ITEM, their_words=f"A minibus: see {address} for more.")
    assert f"      {address}\n" in letters.asked(TO_ANN, replace(MEETING, item=item)).text


@pytest.mark.parametrize(
    ("needs", "says"),
    [
        (True, f"{ALBA} has the need, so please write first: propose two times for a call."),
        (False, "Borea Transport has the need, so Björn Borea writes first. You need not do anything yet"),
    ],
)
def test_an_introduction_says_who_writes_first(needs: bool, says: str) -> None:
    mail = letters.introduction(TO_ANN, replace(BEGAN, needs=needs), ANN, BJORN)
    assert says in " ".join(mail.text.split())


def test_a_refusal_without_a_reason_has_no_empty_line_for_it() -> None:
    assert "Why" not in joining_letters.refused(TO_ANN, replace(APPLYING, why=" ")).text


def test_what_a_coordinator_entered_is_said_to_be_entered() -> None:
    mail = letters.replied(TO_ANN, replace(REPLYING, by="Cleo", by_coordinator=True))
    assert f"Cleo, a coordinator, entered for {ALBA}: interested." in " ".join(mail.text.split())


def test_a_decline_and_an_end_quote_nobody_and_say_that_the_listing_is_free() -> None:
    for mail in (letters.declined(TO_ANN, BEGAN), letters.expired(TO_ANN, BEGAN), letters.expired(TO_ANN, MEETING)):
        assert "Your listing is free for another partner" in mail.text


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"style", "title"} & set(self.inside):
            self.said.append(data)


def _visible(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    return " ".join(parser.said)
