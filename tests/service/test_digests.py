"""Digests: a mail for each member with a suggestion or a hint, nothing in it that its reader may not see."""

import email
import email.policy
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matcher.proposing import Proposal
from matcher.records import (
    About,
    Contact,
    Decline,
    Kind,
    LeftOut,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Reason,
    Standing,
    Strength,
    Suggestion,
    profile,
)
from service import digests, stationery
from service.digests import Contents, Links, NotReleasedError, Promises
from service.signing import LinkError
from service.stationery import Mail, UnaddressableError
from service.store import confirmations, decisions, introductions, mails, members, people, rounds
from service.store.database import Connection, Database
from service.store.people import Person
from service.wiring import Commonweal

WEEK = "2026-W48"
ALBA, BOREA, CIANO = OrganisationId("alba"), OrganisationId("borea"), OrganisationId("ciano")
DELOS = OrganisationId("delos")
NAMES = {ALBA: "Alba Community Kitchen", BOREA: "Borea Transport", DELOS: "Delos Night Shelter"}
ANN = Person(id="ann", name="Ann Alba", email="ann@alba.example")
KITCHEN = Organisation(id=ALBA, name=NAMES[ALBA], standing=Standing.MEMBER)
VANS = Organisation(id=BOREA, name=NAMES[BOREA], standing=Standing.MEMBER, description="Vans and minibuses.")

MINIBUS = Suggestion(
    need=Listing(
        id=ListingId("alba-n1"),
        organisation=ALBA,
        kind=Kind.NEED,
        text="A minibus with a driver on Thursday mornings, for twelve older people who come to our lunch club and can "
        "no longer manage the bus since the stop was moved. Ring Ann on 0113 496 0000 or write to ann@alba.example.",
        gain="Lunch, and a mention in the newsletter; details from ann@alba.example",
    ),
    offer=Listing(
        id=ListingId("borea-o1"),
        organisation=BOREA,
        kind=Kind.OFFER,
        text="Idle on Thursdays: a 16-seat minibus <with lift> & driver.\n"
        "Book with dispatch@borea.example, +44 113 496 0001.",
    ),
    fit=0.91,
    strength=Strength.STRONG,
    score=3.2,
    reasons=(
        Reason(About.CLAUSES, "“A minibus with a driver” meets “a 16-seat minibus”.", "A minibus", "a 16-seat minibus"),
        Reason(About.PLACE, "Both are in Leeds."),
        Reason(About.EVIDENCE, "Track record: “40 trips, ask jo@borea.example”."),
    ),
    mismatches=(Reason(About.TIMING, "The offer opens on 1 December 2026, a week after the need."),),
    cautions=(Reason(About.DUTY, "Home-to-school transport is the council's duty: speak with them first."),),
)
UNASKED = Reason(About.PROFILE, "Borea Transport has not offered this: it was read from its description. Ask.")
CHAIRS = Suggestion(
    need=Listing(id=ListingId("alba-n2"), organisation=ALBA, kind=Kind.NEED, text="Forty chairs: 0113 496 0002"),
    offer=profile(VANS),
    fit=0.55,
    strength=Strength.POSSIBLE,
    score=0.4,
    reasons=(Reason(About.CLAUSES, "“Forty chairs” meets “Vans and minibuses”."),),
    mismatches=(UNASKED,),
)
OVEN = Suggestion(
    need=Listing(id=ListingId("delos-n1"), organisation=DELOS, kind=Kind.NEED, text="Meals for a shelter, February"),
    offer=Listing(id=ListingId("alba-o1"), organisation=ALBA, kind=Kind.OFFER, text="Sixty hot meals on Fridays"),
    fit=0.7,
    strength=Strength.GOOD,
    score=1.0,
    reasons=(Reason(About.CLAUSES, "“Meals for a shelter” meets “Sixty hot meals”."),),
)
ROUND = (MINIBUS, CHAIRS, OVEN)
NO = Decline(MINIBUS.need.text, MINIBUS.offer.text, "have one")
AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


def links(contents: Contents) -> Links:
    return Links(
        replies={one.pair: f"https://network.example/reply/{'-'.join(one.pair)}" for one in contents.suggestions},
        confirmations={one.id: f"https://network.example/confirm/{one.id}" for one in contents.unconfirmed},
        unsubscribe="https://network.example/unsubscribe/ann",
        pages="https://network.example/suggestions",
        reply_by=date(2026, 12, 7),
    )


def composed(contents: Contents, reader: Person = ANN, **names: str) -> Mail:
    return digests.compose(contents, reader, {**NAMES, **names}, links(contents), week=WEEK, network_name="Commonweal")


def compose(*suggestions: Suggestion, organisation: Organisation = KITCHEN, reader: Person = ANN, **names: str) -> Mail:
    own = tuple(s for s in suggestions if organisation.id in (s.need.organisation, s.offer.organisation))
    return composed(Contents(organisation, own), reader, **names)


HINT = LeftOut(
    False,
    (
        "There is something further away for “A minibus with a driver on Thursday mornings, for twelve …”: a wider "
        "area would help.",
        "“Forty chairs <now>” is short: say how many, where, and by when.",
    ),
)
FULL = LeftOut(True, ("Another need or offer of yours would give us more to go by.",))


def advise(left_out: LeftOut, *, organisation: Organisation = KITCHEN, reader: Person = ANN) -> Mail:
    return composed(Contents(organisation, left_out=left_out), reader)


def mail(
    digest: Mail, reader: Person = ANN, sender: str = "Commonweal <suggestions@commonweal.example>"
) -> EmailMessage:
    return stationery.message(
        digest,
        name=reader.name,
        email=reader.email,
        sender=stationery.sender(sender),
        at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        key="digest:2026-W48:alba:ann",
        whose="alba",
    )


def parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


def test_the_mail_in_text_is_the_golden_one(golden: Callable[[str, str], None]) -> None:
    golden("digest.txt", compose(*ROUND).text)


def test_the_mail_in_html_is_the_golden_one(golden: Callable[[str, str], None]) -> None:
    golden("digest.html", compose(*ROUND).html)


def test_the_whole_mail_is_the_golden_one(golden: Callable[[str, bytes], None]) -> None:
    golden("digest.eml", mail(compose(*ROUND)).as_bytes())


def test_composing_again_gives_the_same_mail_to_the_byte() -> None:
    assert mail(compose(*ROUND)).as_bytes() == mail(compose(*ROUND)).as_bytes()


@pytest.mark.parametrize("part", ["text", "html"])
def test_no_contact_detail_inside_free_text_reaches_a_mail(part: str) -> None:
    shown = getattr(compose(*ROUND), part)
    assert "[hidden until you are introduced]" in shown
    for secret in ("@alba.example", "@borea.example", "0113 496", "496 0001", "jo@"):
        assert secret not in shown


def test_a_name_that_holds_a_contact_detail_is_masked() -> None:
    digest = compose(MINIBUS, borea="Borea (dispatch@borea.example)")
    assert digest.subject == "1 suggestion this week: Borea ([hidden until you are introduced])"
    assert "dispatch@" not in digest.text + digest.html


def test_no_line_in_text_is_longer_than_a_mail_is_wide() -> None:
    wide = replace(MINIBUS, reasons=(Reason(About.PLACE, "Long " * 40 + "x" * 200),))
    text = compose(wide, organisation=replace(KITCHEN, name="A very long name " * 8)).text
    assert max(map(len, text.splitlines())) <= 78
    assert max(map(len, compose(*ROUND).text.splitlines())) <= 78


def test_what_is_said_in_several_lines_hangs_under_its_first_word() -> None:
    lines = compose(replace(MINIBUS, reasons=(Reason(About.PLACE, "word " * 30),))).text.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("      - word"))
    assert lines[first + 1].startswith("        word")
    assert not lines[first].endswith(" ")


def test_html_holds_what_people_wrote_escaped() -> None:
    html = compose(MINIBUS, borea="Borea <script>alert(1)</script>").html
    assert "a 16-seat minibus &lt;with lift&gt; &amp; driver" in html
    assert "<script" not in html
    assert set(re.findall(r'http[^"<]*', html)) == {
        "https://network.example/reply/alba-n1-borea-o1",
        "https://network.example/suggestions",
        "https://network.example/unsubscribe/ann",
    }
    assert "<img" not in html


@pytest.mark.parametrize(
    ("suggestions", "subject"),
    [
        ((MINIBUS,), "1 suggestion this week: Borea Transport"),
        ((MINIBUS, CHAIRS), "2 suggestions this week: Borea Transport"),
        ((MINIBUS, OVEN), "2 suggestions this week: Borea Transport and 1 more"),
        (ROUND, "3 suggestions this week: Borea Transport and 1 more"),
    ],
)
def test_the_subject_says_how_many_and_with_whom(suggestions: tuple[Suggestion, ...], subject: str) -> None:
    assert compose(*suggestions).subject == subject


def test_one_suggestion_is_announced_as_one_and_many_as_many() -> None:
    assert "Commonweal found this suggestion for Alba" in compose(MINIBUS).text
    assert "Commonweal found this suggestion for Alba" in compose(MINIBUS).html
    assert "found these suggestions for Alba" in compose(*ROUND).text
    assert "found these suggestions for Alba" in compose(*ROUND).html


def test_only_a_readers_own_suggestions_are_in_the_mail() -> None:
    shown = compose(*ROUND, organisation=VANS).text
    assert "Meals for a shelter" not in shown
    assert "FOR WHAT YOU NEED" not in shown
    assert "1. Alba Community Kitchen - a strong fit\n" in shown


def test_a_profile_is_something_to_ask_about_and_ones_own_is_said_to_be_read_from_the_description() -> None:
    asking = compose(CHAIRS).text
    assert "1. Borea Transport - a possible fit, not offered: ask\n" in asking
    assert "   From their description:\n      Borea Transport. Vans and minibuses.\n" in asking
    assert UNASKED.says in " ".join(asking.split())
    own = compose(CHAIRS, organisation=VANS).text
    assert "1. Alba Community Kitchen - a possible fit, read from your description\n" in own
    assert "   From your description:\n      Borea Transport. Vans and minibuses.\n" in own
    assert "Ask." not in own
    assert "not offered" not in own


def test_without_reasons_there_is_no_heading_for_them() -> None:
    bare = replace(OVEN, reasons=())
    assert "Why" not in compose(bare).text
    assert "Why" not in compose(bare).html


def test_a_contact_without_a_name_is_addressed_as_colleagues() -> None:
    digest = compose(MINIBUS, reader=replace(ANN, name=""))
    assert digest.text.startswith("Dear colleagues at Alba Community Kitchen,\n")
    assert mail(digest, replace(ANN, name=""))["To"] == "ann@alba.example"


NASTY = "Ann\r\nBcc: eve@evil.example\r\n\r\nHello"


@example(name=NASTY)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_no_name_makes_a_header_of_its_own(name: str) -> None:
    digest = compose(MINIBUS, borea=name, reader=replace(ANN, name=name))
    content = mail(digest, replace(ANN, name=name)).as_bytes()
    headers = parsed(content)
    assert list(headers.keys()) == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post"),
        *("MIME-Version", "Content-Type"),
    ]
    assert [address.addr_spec for address in headers["To"].addresses] == ["ann@alba.example"]
    assert [part.get_content_type() for part in headers.iter_parts()] == ["text/plain", "text/html"]


def test_names_outside_ascii_arrive_as_they_were_written() -> None:
    reader = replace(ANN, name="Zoë Ó Dálaigh-Łukasz")
    digest = compose(MINIBUS, reader=reader, borea="Börse für alle – 協会")
    found = parsed(mail(digest, reader).as_bytes())
    assert found["Subject"] == "1 suggestion this week: Börse für alle – 協会"
    assert found["To"].addresses[0].display_name == "Zoë Ó Dálaigh-Łukasz"
    text, html = (part.get_content() for part in found.iter_parts())
    assert (text, html) == (digest.text, digest.html)


def test_an_address_with_a_domain_outside_ascii_is_written_so_that_servers_take_it() -> None:
    reader = replace(ANN, email="ann@müller.example")
    assert "To: Ann Alba <ann@xn--mller-kva.example>\n" in mail(compose(MINIBUS), reader).as_bytes().decode()


@pytest.mark.parametrize(
    "address", ["ann", "änn@alba.example", "a..b@alba.example", "ann@alba\r\nBcc: x@y", "@", "a@.b"]
)
def test_an_address_no_mail_could_carry_names_its_organisation_and_not_itself(address: str) -> None:
    with pytest.raises(UnaddressableError) as raised:
        mail(compose(MINIBUS), replace(ANN, email=address))
    assert str(raised.value) == "the email address of alba is none that an email can carry: enter a corrected one"


def test_a_message_id_is_the_mails_own_at_the_senders_domain() -> None:
    for sender in ("a@commonweal.example", "Commonweal <a@commonweal.example>"):
        found = mail(compose(MINIBUS), sender=sender)["Message-ID"]
        assert found == mail(compose(CHAIRS), sender=sender)["Message-ID"]
        assert re.fullmatch(r"<[0-9a-f]{32}@commonweal\.example>", found)


@pytest.mark.parametrize("setting", ["", "nobody", "a@", "a b@c.example", "a@b.example\nBcc: eve@evil.example", "a@.b"])
def test_a_sender_no_mail_could_carry_names_its_setting(setting: str) -> None:
    with pytest.raises(UnaddressableError) as raised:
        stationery.sender(setting)
    assert str(raised.value) == (
        f"COMMONWEAL_MAIL_FROM is {setting!r}, no address that a mail can carry; e.g. suggestions@example.org"
    )


def test_a_sender_may_have_a_name_and_a_domain_outside_ascii() -> None:
    content = mail(compose(MINIBUS), sender="Köln hilft <a@müller.example>").as_bytes().decode()
    assert re.search(r"\nMessage-ID: <\w+@xn--mller-kva\.example>\n", content)
    found = parsed(content.encode())["From"].addresses[0]
    assert (found.display_name, found.addr_spec) == ("Köln hilft", "a@xn--mller-kva.example")


def test_the_date_is_the_day_of_release_and_machines_do_not_answer() -> None:
    found = mail(compose(MINIBUS))
    assert found["Date"] == "Mon, 23 Nov 2026 09:30:00 +0000"
    assert found["Auto-Submitted"] == "auto-generated"


def test_mail_programs_find_the_link_to_unsubscribe_whole_however_long_it_is() -> None:
    link = f"https://network.example/unsubscribe/{'WyJhbm4iLCJhbGJhIl0.' * 12}"
    digest = replace(compose(MINIBUS), headers={**compose(MINIBUS).headers, "List-Unsubscribe": f"<{link}>"})
    for content in (mail(digest).as_bytes(), mail(digest).as_bytes(policy=email.policy.SMTP)):
        assert f"List-Unsubscribe: <{link}>" in content.decode().splitlines()
        assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in content.decode().splitlines()


# Where a round has nothing


def test_what_would_help_in_text_is_the_golden_mail(golden: Callable[[str, str], None]) -> None:
    golden("advice.txt", advise(HINT).text)


def test_what_would_help_in_html_is_the_golden_mail(golden: Callable[[str, str], None]) -> None:
    golden("advice.html", advise(HINT).html)


def test_the_whole_mail_of_what_would_help_is_the_golden_one(golden: Callable[[str, bytes], None]) -> None:
    golden("advice.eml", mail(advise(HINT)).as_bytes())


def test_where_something_fitted_the_mail_says_that_it_was_at_its_limit() -> None:
    assert advise(FULL).subject == "Nothing for you this week, and what would help"
    assert advise(FULL).text == (
        "Dear Ann Alba,\n"
        "\n"
        "What Commonweal found for Alba Community Kitchen in the week of 23 November\n"
        "2026 was at its limit. Nothing is sent for the sake of sending.\n"
        "\n"
        "WHAT WOULD HELP\n"
        "\n"
        "- Another need or offer of yours would give us more to go by.\n"
        "\n"
        "What would help is said once in four weeks at most; a suggestion reaches you\n"
        "in the week there is one. You can change what is listed for you on your pages:\n"
        "https://network.example/suggestions\n"
        "\n"
        "You get this because you act for Alba Community Kitchen. No digests, or none\n"
        "for a while:\n"
        "https://network.example/unsubscribe/ann\n"
        "\n"
        "Commonweal\n"
    )
    html = advise(FULL).html
    assert (
        "<p>What Commonweal found for Alba Community Kitchen in the week of 23 November 2026 was at its limit." in html
    )
    assert "that fits well enough" not in html


def test_what_would_help_is_masked_and_escaped() -> None:
    quoting = LeftOut(False, ("“<b>Ring</b> 0113 496 0000 or ann@alba.example” is short.",))
    digest = advise(quoting, organisation=replace(KITCHEN, name="Alba <i>Kitchen</i>"))
    assert "- “<b>Ring</b> [hidden until you are introduced] or [hidden until you are" in digest.text
    assert "<li>“&lt;b&gt;Ring&lt;/b&gt; [hidden until you are introduced] or [hidden" in digest.html
    assert "Alba &lt;i&gt;Kitchen&lt;/i&gt;" in digest.html
    for secret in ("0113 496", "ann@"):
        assert secret not in digest.text + digest.html


def test_no_line_of_what_would_help_is_longer_than_a_mail_is_wide() -> None:
    text = advise(LeftOut(False, ("word " * 40 + "x" * 200,)), organisation=replace(KITCHEN, name="Long " * 40)).text
    assert max(map(len, text.splitlines())) <= 78


# Writing a stored round


@pytest.fixture
def released(commonweal: Commonweal) -> Commonweal:
    """The cast, with a released round. Ciano has a contact and was in the round, but is no member any more."""
    store_round(commonweal, MINIBUS, replace(OVEN, need=replace(OVEN.need, organisation=CIANO)))
    return commonweal


def store_round(commonweal: Commonweal, *suggestions: Suggestion, release: bool = True, **left_out: LeftOut) -> None:
    proposal = Proposal(suggestions, {OrganisationId(id_): one for id_, one in left_out.items()})
    shown = {one.id: one for suggestion in suggestions for one in (suggestion.need, suggestion.offer)}
    with commonweal.database.write() as connection:
        known, there = members.listings(connection), members.organisations(connection)
        wanting = {id_: one for id_, one in shown.items() if id_ not in known and one.organisation in there}
        members.save(connection, listings={id_: one for id_, one in wanting.items() if one.kind is not Kind.PROFILE})
        rounds.propose(connection, WEEK, proposal, versions={}, at=commonweal.now())
        if release:
            rounds.release(connection, WEEK, commonweal.now())


def gone(connection: Connection, email: str, organisation: OrganisationId) -> None:
    person = people.by_email(connection, email)
    assert person is not None
    assert people.leave(connection, person.id, organisation, AT)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_each_member_with_a_suggestion_gets_a_mail_and_ciano_gets_none(released: Commonweal, tmp_path: Path) -> None:
    written = digests.write(released, WEEK, tmp_path / "mails")
    assert [path.name for path in written] == ["alba.eml", "borea.eml"]
    assert list(contents(tmp_path / "mails")) == ["alba.eml", "alba.html", "borea.eml", "borea.html"]
    for path, to in zip(written, ("ann@alba.example", "bjorn@borea.example"), strict=True):
        found = parsed(path.read_bytes())
        assert [address.addr_spec for address in found["To"].addresses] == [to]
        html = found.get_body(("html",))
        assert html is not None
        assert html.get_content().encode() == path.with_suffix(".html").read_bytes()
        body = path.read_bytes() + path.with_suffix(".html").read_bytes()
        for other in {b"ann@alba.example", b"bjorn@borea.example", b"cia@ciano.example"} - {to.encode()}:
            assert other not in body


def test_a_member_without_a_contact_or_a_suggestion_gets_none(released: Commonweal, tmp_path: Path) -> None:
    with released.database.write() as connection:
        members.edit(connection, "ciano", {"standing": Standing.MEMBER})
        gone(connection, "bjorn@borea.example", BOREA)
        gone(connection, "cia@ciano.example", CIANO)
        members.save(
            connection,
            organisations={DELOS: Organisation(id=DELOS, name="Delos", standing=Standing.MEMBER)},
            contacts=[Contact(organisation=DELOS, email="d@delos.example")],
        )
    assert [path.name for path in digests.write(released, WEEK, tmp_path / "mails")] == ["alba.eml"]


def test_writing_again_gives_the_very_same_files(
    released: Commonweal, tmp_path: Path, make: Callable[[Database], Commonweal]
) -> None:
    digests.write(released, WEEK, tmp_path / "one")
    digests.write(released, WEEK, tmp_path / "one")
    digests.write(make(released.database), WEEK, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_before_the_release_nothing_is_written(commonweal: Commonweal, tmp_path: Path) -> None:
    with pytest.raises(NotReleasedError) as none:
        digests.write(commonweal, WEEK, tmp_path / "mails")
    assert str(none.value) == (
        "week 2026-W48 has no round: nothing is mailed. Run: commonweal round --week 2026-W48 --release"
    )
    store_round(commonweal, MINIBUS, release=False)
    with pytest.raises(NotReleasedError, match="is proposed, not released: nothing is mailed"):
        digests.write(commonweal, WEEK, tmp_path / "mails")
    assert not (tmp_path / "mails").exists()


def test_one_bad_address_keeps_nobody_else_from_a_mail(released: Commonweal, tmp_path: Path) -> None:
    with released.database.write() as connection:
        members.save(connection, contacts=[Contact(organisation=ALBA, name="Ann", email="änn@alba.example")])
    with pytest.raises(UnaddressableError) as raised:
        digests.write(released, WEEK, tmp_path / "mails")
    assert str(raised.value) == (
        "the email address of alba is none that an email can carry: enter a corrected one; "
        "the other 1 digests are written"
    )
    assert list(contents(tmp_path / "mails")) == ["borea.eml", "borea.html"]


@pytest.mark.parametrize(
    "happens",
    [
        lambda connection: decisions.decline(connection, *MINIBUS.pair, NO),
        lambda connection: decisions.forbid(connection, *MINIBUS.pair, "the van is sold", AT),
    ],
    ids=["declined", "forbidden"],
)
def test_a_suggestion_ruled_out_after_the_release_is_left_out_and_the_others_are_mailed(
    commonweal: Commonweal, tmp_path: Path, happens: Callable[[Connection], None]
) -> None:
    store_round(commonweal, MINIBUS, CHAIRS)
    with commonweal.database.write() as connection:
        happens(connection)
    for path in digests.write(commonweal, WEEK, tmp_path / "mails"):
        body = parsed(path.read_bytes()).get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert ("Forty chairs" in text, "minibus with a driver" in text) == (True, False)
    assert list(contents(tmp_path / "mails")) == ["alba.eml", "alba.html", "borea.eml", "borea.html"]


@pytest.mark.parametrize(
    "happens",
    [
        lambda connection: decisions.block(connection, BOREA, ALBA, "rivals"),
        lambda connection: decisions.pause(connection, ALBA, "moving house", AT),
        lambda connection: decisions.pause(connection, BOREA, "audit", AT, until=date(2026, 11, 23)),
        lambda connection: members.edit(connection, "borea", {"standing": Standing.INVITED}),
        lambda connection: members.edit(connection, "alba", {"standing": Standing.LISTED}),
    ],
    ids=["blocked", "alba paused", "borea paused", "borea left", "alba left"],
)
def test_neither_side_is_mailed_once_the_two_are_blocked_or_one_is_paused_or_no_member_any_more(
    commonweal: Commonweal, tmp_path: Path, happens: Callable[[Connection], None]
) -> None:
    store_round(commonweal, MINIBUS, CHAIRS)
    assert len(digests.write(commonweal, WEEK, tmp_path / "before")) == 2
    with commonweal.database.write() as connection:
        happens(connection)
    assert digests.write(commonweal, WEEK, tmp_path / "after") == []
    assert contents(tmp_path / "after") == {}


@pytest.mark.parametrize(
    ("until", "written"),
    [
        (date(2026, 11, 29), ["alba.eml", "borea.eml"]),
        (date(2026, 11, 30), []),
    ],
)
def test_a_mail_of_next_week_minds_who_is_paused_on_its_monday(
    commonweal: Commonweal, tmp_path: Path, until: date, written: list[str]
) -> None:
    with commonweal.database.write() as connection:
        rounds.propose(connection, "2026-W49", Proposal(ROUND), versions={}, at=AT)
        rounds.release(connection, "2026-W49", AT)
        decisions.pause(connection, ALBA, "moving house", AT, until)
    assert [path.name for path in digests.write(commonweal, "2026-W49", tmp_path / "mails")] == written


def test_a_mail_written_late_minds_who_is_paused_on_that_day(commonweal: Commonweal, tmp_path: Path) -> None:
    store_round(commonweal, MINIBUS)
    with commonweal.database.write() as connection:
        decisions.pause(connection, ALBA, "moving house", AT, until=date(2026, 11, 24))
    found = []
    for days in range(3):
        commonweal.now = partial(lambda days: AT + timedelta(days=days), days)
        found.append(len(digests.write(commonweal, WEEK, tmp_path / str(days))))
    assert found == [0, 0, 2]


def test_ids_that_look_alike_have_files_of_their_own_inside_the_folder(commonweal: Commonweal, tmp_path: Path) -> None:
    ids = [OrganisationId(id_) for id_ in ("a:b", "a_b", "a-b", "..", "a/b")]
    suggestions = [
        replace(MINIBUS, need=replace(MINIBUS.need, id=ListingId(f"n{n}"), organisation=id_))
        for n, id_ in enumerate(ids)
    ]
    with commonweal.database.write() as connection:
        members.save(
            connection,
            organisations={id_: Organisation(id=id_, name=f"Called {id_}", standing=Standing.MEMBER) for id_ in ids},
            contacts=[Contact(organisation=id_, email=f"{n}@x.example") for n, id_ in enumerate(ids)],
        )
    store_round(commonweal, *suggestions)
    folder = tmp_path / "deep" / "mails"
    written = digests.write(commonweal, WEEK, folder)
    assert len(written) == len(set(written)) == 6
    assert {path.parent for path in written} == {folder}
    assert len(contents(folder)) == 12
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["mails"]


def test_the_week_is_named_by_its_monday() -> None:
    assert rounds.monday(WEEK) == date(2026, 11, 23)
    assert re.search(r"in the week of 23\s+November 2026", compose(MINIBUS).text)


# Writing what would help


DAFNE = Organisation(id=OrganisationId("dafne"), name="Dafne Garden", standing=Standing.MEMBER)


@pytest.fixture
def helped(commonweal: Commonweal) -> Commonweal:
    """Alba and Borea are suggested to each other; of the others Dafne is a member, Ciano is none."""
    with commonweal.database.write() as connection:
        contact = Contact(organisation=DAFNE.id, name="Dan", email="dan@dafne.example")
        members.save(connection, organisations={DAFNE.id: DAFNE}, contacts=[contact])
    store_round(commonweal, MINIBUS, dafne=HINT, ciano=FULL)
    return commonweal


def test_a_member_with_nothing_is_mailed_what_would_help_beside_the_others(helped: Commonweal, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    helped.progress = lambda what, done, total: told.append((what, done, total))
    written = digests.write(helped, WEEK, tmp_path / "mails")
    assert [path.name for path in written] == ["alba.eml", "borea.eml", "dafne.eml"]
    assert told == [("writing digests", done, 3) for done in (1, 2, 3)]
    with helped.database.read() as connection:
        dan = people.by_email(connection, "dan@dafne.example")
    assert dan is not None
    contents = Contents(DAFNE, left_out=HINT)
    digest = digests.compose(
        contents, dan, {}, digests.links_for(helped, contents, dan, WEEK), week=WEEK, network_name="Commonweal"
    )
    html = written[-1].with_suffix(".html").read_bytes()
    assert html == digest.html.encode()
    body = parsed(written[-1].read_bytes()).get_body(("plain",))
    assert body is not None
    assert body.get_content() == digest.text
    for other in (b"Alba", b"Borea", b"minibus stands", b"@alba", b"@borea"):
        assert other not in written[-1].read_bytes()


def test_whoever_was_told_lately_or_has_suggestions_is_told_nothing_more(
    commonweal: Commonweal, tmp_path: Path
) -> None:
    store_round(commonweal, alba=LeftOut(True), borea=LeftOut(False))
    assert digests.write(commonweal, WEEK, tmp_path / "mails") == []


@pytest.mark.parametrize(
    "happens",
    [
        lambda connection: decisions.pause(connection, DAFNE.id, "moving house", AT),
        lambda connection: members.edit(connection, "dafne", {"standing": Standing.LISTED}),
        lambda connection: gone(connection, "dan@dafne.example", DAFNE.id),
    ],
    ids=["paused", "left", "nobody acts for it"],
)
def test_what_would_help_is_mailed_to_nobody_who_paused_or_left_or_for_whom_nobody_acts(
    helped: Commonweal, tmp_path: Path, happens: Callable[[Connection], None]
) -> None:
    with helped.database.write() as connection:
        happens(connection)
    assert [path.name for path in digests.write(helped, WEEK, tmp_path / "mails")] == ["alba.eml", "borea.eml"]


def test_a_suggestion_ruled_out_since_is_not_replaced_by_anything(helped: Commonweal, tmp_path: Path) -> None:
    with helped.database.write() as connection:
        decisions.forbid(connection, *MINIBUS.pair, "the van is sold", AT)
    assert [path.name for path in digests.write(helped, WEEK, tmp_path / "mails")] == ["dafne.eml"]


# Still true?


OLD = Listing(id=ListingId("alba-n9"), organisation=ALBA, kind=Kind.NEED, text="A van on Mondays: ring 0113 496 0009")
OLDER = replace(OLD, id=ListingId("alba-o9"), kind=Kind.OFFER, text="Ten <good> chairs")


def test_what_nobody_has_confirmed_for_long_is_asked_about_in_the_golden_mail(
    golden: Callable[[str, str], None],
) -> None:
    digest = composed(Contents(KITCHEN, unconfirmed=(OLD, OLDER)))
    golden("still-true.txt", digest.text)
    golden("still-true.html", digest.html)


@pytest.mark.parametrize(
    ("contents", "subject"),
    [
        (Contents(KITCHEN, unconfirmed=(OLD,)), "Still true? One of your listings"),
        (Contents(KITCHEN, unconfirmed=(OLD, OLDER)), "Still true? 2 of your listings"),
        (Contents(KITCHEN, (MINIBUS,), unconfirmed=(OLD,)), "1 suggestion this week: Borea Transport"),
        (
            Contents(KITCHEN, left_out=HINT, unconfirmed=(OLD,)),
            "Nothing for you this week, and what would help",
        ),
    ],
)
def test_the_subject_asks_only_where_there_is_nothing_else(contents: Contents, subject: str) -> None:
    digest = composed(contents)
    assert digest.subject == subject
    for part in (digest.text, digest.html):
        assert "https://network.example/confirm/alba-n9" in part
        assert "0113 496" not in part


def unconfirmed(commonweal: Commonweal) -> None:
    with commonweal.database.write() as connection:
        confirmations.confirm(connection, ListingId("alba-n1"), date(2026, 8, 1), "ann")


def test_an_organisation_with_nothing_but_an_unconfirmed_listing_gets_a_digest_of_its_own(
    commonweal: Commonweal, tmp_path: Path
) -> None:
    store_round(commonweal)
    assert digests.write(commonweal, WEEK, tmp_path / "before") == []
    unconfirmed(commonweal)
    (path,) = digests.write(commonweal, WEEK, tmp_path / "after")
    found = parsed(path.read_bytes())
    assert (path.name, found["Subject"]) == ("alba.eml", "Still true? One of your listings")
    with commonweal.database.read() as connection:  # writing asks nobody
        assert confirmations.every(connection)[ListingId("alba-n1")].asked_on is None


# As long as a mail may be


@pytest.mark.parametrize("letter", ["w", "Łukasz ", "<&>"])
def test_the_largest_digest_is_cut_to_what_a_mail_program_shows(letter: str) -> None:
    words = (letter * 4000)[:4000]
    many = [
        replace(
            MINIBUS,
            need=replace(MINIBUS.need, id=ListingId(f"alba-n{n}"), text=words),
            offer=replace(MINIBUS.offer, id=ListingId(f"borea-o{n}"), text=words),
            reasons=tuple(Reason(About.CLAUSES, words[:600]) for _ in range(4)),
            mismatches=(Reason(About.TIMING, words[:300]),) * 3,
        )
        for n in range(40)
    ]
    digest = compose(*many)
    assert len(mail(digest).as_bytes()) < 102_000
    assert digest.subject == "40 suggestions this week: Borea Transport"
    shown = digest.html.count("/reply/")
    assert 0 < shown <= 40
    assert (f"There are {40 - shown} more than an email holds" in digest.text) == (shown < 40)
    assert max(len(line) for line in digest.text.splitlines() if "https://" not in line) <= 78


def test_a_digest_of_everyday_size_is_not_cut() -> None:
    digest = compose(*ROUND)
    assert "more than an email holds" not in digest.text
    assert "dispatch" not in digest.text
    assert MINIBUS.offer.text.splitlines()[0] in digest.text


# Promising


def promised(commonweal: Commonweal) -> list[tuple[str, str]]:
    with commonweal.database.read() as connection:
        found = mails.every(connection, tuple(mails.State))
    return sorted((one.key.rpartition(":")[0], one.email) for one in found)


def add(commonweal: Commonweal, organisation: OrganisationId, email: str) -> Person:
    with commonweal.database.write() as connection:
        person = people.ensure(connection, email, "Zoe")
        people.join(connection, person.id, organisation, by="ann")
    return person


def test_each_person_is_promised_one_digest_a_week_however_often_that_is_done(released: Commonweal) -> None:
    assert digests.promise_all(released, WEEK) == Promises(2, 0)
    assert digests.promise_all(released, WEEK) == Promises(0, 2)
    add(released, ALBA, "zoe@alba.example")
    assert digests.promise_all(released, WEEK) == Promises(1, 2)
    assert promised(released) == [
        ("digest:2026-W48:alba", "ann@alba.example"),
        ("digest:2026-W48:alba", "zoe@alba.example"),
        ("digest:2026-W48:borea", "bjorn@borea.example"),
    ]


def test_a_person_who_acts_for_two_organisations_is_promised_the_digest_of_each(released: Commonweal) -> None:
    add(released, BOREA, "ann@alba.example")
    assert digests.promise_all(released, WEEK) == Promises(3, 0)
    assert promised(released) == [
        ("digest:2026-W48:alba", "ann@alba.example"),
        ("digest:2026-W48:borea", "ann@alba.example"),
        ("digest:2026-W48:borea", "bjorn@borea.example"),
    ]


def test_before_the_release_nothing_is_promised(commonweal: Commonweal) -> None:
    store_round(commonweal, MINIBUS, release=False)
    with pytest.raises(NotReleasedError, match="is proposed, not released"):
        digests.promise_all(commonweal, WEEK)
    assert promised(commonweal) == []


@pytest.mark.parametrize(
    ("digest", "from_", "gets"),
    [(False, None, 0), (True, date(2026, 11, 24), 0), (True, date(2026, 11, 23), 1), (True, None, 1)],
)
def test_who_wants_no_digest_or_none_yet_is_promised_and_written_none(
    released: Commonweal, tmp_path: Path, digest: bool, from_: date | None, gets: int
) -> None:
    with released.database.write() as connection:
        ann = people.by_email(connection, "ann@alba.example")
        assert ann is not None
        people.choose_digest(connection, ann.id, ALBA, digest=digest, from_=from_)
    assert digests.promise_all(released, WEEK).new == 1 + gets
    assert len(digests.write(released, WEEK, tmp_path)) == 1 + gets


def test_an_address_from_which_mails_came_back_is_promised_none(released: Commonweal) -> None:
    with released.database.write() as connection:
        people.give_up_on(connection, "ann@alba.example", "550 no such user", AT)
    digests.promise_all(released, WEEK)
    assert promised(released) == [("digest:2026-W48:borea", "bjorn@borea.example")]


def test_where_several_get_a_digest_each_has_a_file_and_links_of_their_own(
    released: Commonweal, tmp_path: Path
) -> None:
    zoe = add(released, ALBA, "zoe@alba.example")
    written = digests.write(released, WEEK, tmp_path)
    with released.database.read() as connection:
        ann = people.by_email(connection, "ann@alba.example")
    assert ann is not None
    assert sorted(path.name for path in written) == sorted([f"alba.{ann.id}.eml", f"alba.{zoe.id}.eml", "borea.eml"])
    links = {path.name: set(re.findall(r'/reply/([^"]+)', path.with_suffix(".html").read_text())) for path in written}
    assert len(set.union(*links.values())) == 3


def test_a_reply_link_is_for_one_suggestion_one_organisation_one_person_and_a_fortnight(
    released: Commonweal, tmp_path: Path
) -> None:
    digests.write(released, WEEK, tmp_path)
    (token,) = set(re.findall(r'/reply/([^"]+)', (tmp_path / "alba.html").read_text()))
    with released.database.read() as connection:
        ann = people.by_email(connection, "ann@alba.example")
    assert ann is not None
    until = released.now().replace(hour=23, minute=59) + timedelta(days=14)
    key = introductions.key_of(WEEK, *MINIBUS.pair)
    assert released.signing.read_until(until, "reply", token, 3) == (key, ALBA, ann.id)
    with pytest.raises(LinkError, match="has run out"):
        released.signing.read_until(until + timedelta(minutes=1), "reply", token, 3)
    (token,) = set(re.findall(r'/unsubscribe/([^"]+)', (tmp_path / "alba.html").read_text()))
    assert released.signing.read("unsubscribe", token, 2) == (ann.id, ALBA)
