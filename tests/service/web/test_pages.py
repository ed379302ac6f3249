"""Every page: what stands on it, and what never does."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest
from fastapi.testclient import TestClient

from matcher.assembling import Core
from matcher.masking import HIDDEN
from matcher.proposing import Proposal
from matcher.records import Listing, Strength, Suggestion
from service import rounds
from service.store import members
from service.store import rounds as stored_rounds
from service.web import pages
from service.web.rendering import STATIC
from service.wiring import Commonweal

ASKED = "We want volunteers who teach older people to use a smartphone"
SECRETS = ("jo.person@borea.example", "0117 496 0123", "Jo Person", "12 Harbour Road", "BS3 4AB")
PAGES = (
    "/ask",
    "/ask?" + urlencode({"text": ASKED, "as": "need", "organisation": "alba", "place": "Bristol"}),
    "/ask?" + urlencode({"text": ASKED, "place": "Brstol"}),
    "/ask?" + urlencode({"text": ASKED, "organisation": "albe"}),
    "/ask?" + urlencode({"text": "smartphone volunteers older people", "as": "offer"}),
    "/ask?" + urlencode({"text": "zebra"}),
    "/ask?" + urlencode({"text": "x" * 5001}),
    "/rounds",
    "/rounds/2026-W36",
    "/rounds/2026-W37",
    "/rounds/2026-W48",
    "/rounds/2026-W49",
    "/rounds/2026-W01",
    "/rounds/soon",
    "/organisations/alba",
    "/organisations/borea",
    "/organisations/ciano",
    "/organisations/dorado",
    "/organisations/nobody",
    "/api",
    "/nowhere",
)


class Outline(HTMLParser):
    """What a page consists of: headings, labels, addresses, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.fields: list[tuple[str, bool]] = []
        self.labels: set[str] = set()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self._in_label = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self._in_label += tag == "label"
        if tag == "label" and "for" in given:
            self.labels.add(given["for"])
        if tag in ("input", "textarea", "select") and given.get("type") != "hidden":
            self.fields.append((given.get("id", ""), self._in_label > 0))
        self.addresses += [given[name] for name in ("href", "src", "action") if name in given]
        if "id" in given:
            self.ids.append(given["id"])

    def handle_endtag(self, tag: str) -> None:
        self._in_label -= tag == "label"
        if tag in ("dt", "dd", "span", "h3"):
            self.words += " "

    def handle_data(self, data: str) -> None:
        self.words += data


def words(client: TestClient, address: str) -> str:
    return " ".join(Outline(client.get(address).text).words.split())


@pytest.mark.parametrize("address", PAGES)
def test_contact_details_appear_nowhere(reader: TestClient, address: str) -> None:
    html = reader.get(address).text
    assert [secret for secret in SECRETS if secret in html] == []


def test_the_pages_looked_through_are_all_there_are() -> None:
    routes = {getattr(route, "path", "") for route in pages.router.routes}
    assert routes == {"/ask", "/rounds", "/rounds/{week}"}


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_well_made(reader: TestClient, address: str) -> None:
    html = reader.get(address).text
    outline = Outline(html)
    assert html.startswith("<!doctype html>")
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert all(in_label or id_ in outline.labels for id_, in_label in outline.fields)
    assert len(outline.ids) == len(set(outline.ids))
    assert "<script" not in html.lower()
    assert " style=" not in html
    assert " onclick" not in html


@pytest.mark.parametrize("address", PAGES)
def test_nothing_is_loaded_from_elsewhere(reader: TestClient, address: str) -> None:
    html = reader.get(address).text
    assert all(re.match(r"/(?!/)|#", one) for one in Outline(html).addresses)
    assert re.findall(r"https?://(?!localhost/)[^\s<]*", html) == []


def test_the_stylesheet_is_small_and_loads_nothing() -> None:
    css = (STATIC / "style.css").read_text("utf-8")
    assert len(css.encode()) < 10_000
    assert re.findall(r"url\(|@import|//", css) == []


def test_the_first_page_shows_the_form_examples_and_newest_rounds(reader: TestClient) -> None:
    answer = reader.get("/ask")
    shown = words(reader, "/ask")
    assert answer.status_code == 200
    assert '<textarea id="text" name="text"' in answer.text
    assert answer.text.count('<li><a href="/ask?text=') == 3
    assert [week for week in ("Week 49", "Week 48", "Week 37") if week in shown] == ["Week 49", "Week 48", "Week 37"]
    assert "Week 49 of 2026 30 November to 6 December 2026, proposed, not released" in shown


def test_a_question_is_answered_with_words_reasons_and_marks(reader: TestClient) -> None:
    answer = reader.get("/ask", params={"text": ASKED, "as": "need", "place": "Bristol"})
    shown = " ".join(Outline(answer.text).words.split())
    assert answer.status_code == 200
    assert "1 suggestion " in shown
    assert '<a href="/organisations/borea">Borea</a>' in answer.text
    assert "<mark>Volunteers teach older people to use a smartphone.</mark>" in answer.text
    assert f"The marked phrase meets “{ASKED}”." in shown
    assert "Both are in Bristol." in shown
    assert re.search(r"<span class=\"strength\">(Strong|Good|Possible)</span>", answer.text)
    assert HIDDEN in shown


@pytest.mark.parametrize(("cut_by", "strength", "is_told"), [(1.5, "Weak", True), (0.5, "Strong", False)])
def test_weak_suggestions_are_told_to_be_near_misses(
    commonweal: Commonweal, client: TestClient, token: dict[str, str], cut_by: float, strength: str, is_told: bool
) -> None:
    asked = {"text": ASKED, "place": "Bristol"}
    (suggestion,) = client.post("/api/v1/match", json=asked, headers=token).json()["suggestions"]
    cuts = (suggestion["fit"] * cut_by,) * 3
    commonweal.core = replace(commonweal.core, ranker=replace(commonweal.core.ranker, cuts=cuts))
    html = client.get("/ask", params=asked).text
    assert f'<article class="card {strength.lower()}">' in html
    assert f'<span class="strength">{strength}</span>' in html
    assert ("Weak ones are near misses: read them with care." in html) is is_told


def test_fit_is_never_a_number_on_a_page(reader: TestClient) -> None:
    shown = words(reader, "/ask?" + urlencode({"text": ASKED}))
    assert re.findall(r"0\.\d+", shown) == []


def test_a_question_can_be_shared_by_its_address(reader: TestClient) -> None:
    address = "/ask?" + urlencode({"text": "A\r\nsmart & easy <phone>", "as": "offer", "organisation": "borea"})
    html = reader.get(address).text
    assert ">\nA\nsmart &amp; easy &lt;phone&gt;</textarea>" in html
    assert 'value="offer" checked' in html
    assert 'name="organisation" list="organisations" value="borea"' in html


def test_a_description_read_as_an_offer_says_so(reader: TestClient) -> None:
    shown = words(reader, "/ask?" + urlencode({"text": "Volunteers teach smartphone photography in a club"}))
    assert "has not offered this: ask" in shown
    assert "Ciano has not offered this: it was read from its description. Ask." in shown
    assert "listed, not a member" in shown


def test_an_unknown_place_is_told_and_the_rest_answered(reader: TestClient) -> None:
    answer = reader.get("/ask", params={"text": ASKED, "place": "Brstol"})
    assert answer.status_code == 200
    assert 'role="alert">No place called &#39;Brstol&#39; is known: it was left out.' in answer.text
    assert (
        f'href="/ask?{urlencode({"text": ASKED, "as": "need", "place": "Bristol"})}#answer"'.replace("&", "&amp;")
        in answer.text
    )
    assert "/organisations/borea" in answer.text


def test_an_unknown_organisation_is_not_asked_for(reader: TestClient) -> None:
    answer = reader.get("/ask", params={"text": ASKED, "organisation": "albe"})
    assert answer.status_code == 422
    assert "No organisation is called “albe”." in answer.text
    assert ">Alba &amp; Friends</a>" in answer.text


def test_a_text_too_long_is_refused_with_the_limit(reader: TestClient) -> None:
    assert reader.get("/ask", params={"text": "é" * 5000}).status_code == 200
    answer = reader.get("/ask", params={"text": "é" * 5001})
    assert answer.status_code == 422
    assert "The text has 5,001 characters. Keep it to 5,000" in answer.text


def test_line_ends_of_a_browser_count_once(reader: TestClient) -> None:
    assert reader.get("/ask", params={"text": "a\r\n" * 2500 + "b"}).status_code == 422
    assert reader.get("/ask", params={"text": "a\r\n" * 2499 + "b"}).status_code == 200


def test_nothing_found_says_what_would_help(reader: TestClient) -> None:
    shown = words(reader, "/ask?" + urlencode({"text": "zebra", "place": "Perth"}))
    assert "Nothing fits well enough" in shown
    assert "a longer text" in shown
    assert "a wider place" in shown


def test_what_is_neither_need_nor_offer_is_refused(reader: TestClient) -> None:
    answer = reader.get("/ask", params={"text": ASKED, "as": "profile"})
    assert answer.status_code == 422
    assert "as: Input should be &#39;need&#39; or &#39;offer&#39;" in answer.text


def test_texts_are_shown_escaped(reader: TestClient) -> None:
    html = reader.get("/organisations/alba").text
    assert html.count("&lt;script&gt;alert(&#39;alba&#39;)&lt;/script&gt;") == 3
    assert "<script" not in html


def test_rounds_are_listed_newest_first_with_their_state(reader: TestClient) -> None:
    shown = words(reader, "/rounds")
    assert re.findall(r"Week \d+ of 2026 [^,]*, (?:released|proposed, not released)", shown) == [
        "Week 49 of 2026 30 November to 6 December 2026, proposed, not released",
        "Week 48 of 2026 23 to 29 November 2026, released",
        "Week 37 of 2026 7 to 13 September 2026, released",
        "Week 36 of 2026 31 August to 6 September 2026, proposed, not released",
    ]


def test_without_rounds_the_pages_say_how_to_run_one(client: TestClient) -> None:
    assert "No round has been run yet: commonweal round proposes" in words(client, "/rounds")
    assert "No round has been run yet" in words(client, "/ask")


def test_a_released_round_shows_who_asks_who_got_nothing_and_what_made_it(reader: TestClient, core: Core) -> None:
    html = reader.get("/rounds/2026-W37").text
    shown = " ".join(Outline(html).words.split())
    assert "Released on 25 November 2026 at 09:30 GMT (revision 1)." in shown
    assert '<summary><h2>Alba &amp; Friends</h2> <span class="quiet">1 suggestion, ' in html
    assert "one revision is released, once. The suggestions of a revision were chosen for everybody at once" in shown
    assert "Alba & Friends needs We want volunteers" in shown
    assert "Borea offers Volunteers teach older people" in shown
    assert "The marked phrases meet." in shown
    assert "Nothing new fits well enough 1 " in shown
    assert (
        '<li><a href="/organisations/dorado">Dorado</a><span class="help">They are told: Nothing is listed for you yet'
        in html
    )
    assert f"ranker {core.ranker.version}" in shown
    assert "worth at most 0.01% short of the best there is chance decided nothing" in shown
    for absent in ("Pinned", "pinned", "Not chosen"):
        assert absent not in shown
    assert 'rel="next" href="/rounds/2026-W48"' in html
    assert 'rel="prev" href="/rounds/2026-W36"' in html
    assert 'rel="prev"' not in reader.get("/rounds/2026-W36").text


def section(client: TestClient, address: str, heading: str) -> str:
    """The words of the part of a page under a heading, as far as the next of its level."""
    html = client.get(address).text
    found = re.search(rf"<h2[^>]*>{heading}</h2>.*?(?=<h2|</main>|<summary>What made)", html, re.S)
    assert found, heading
    return " ".join(Outline(found.group()).words.split())


def test_pins_that_a_round_met_are_marked_and_the_others_named_with_why(reader: TestClient) -> None:
    shown = words(reader, "/rounds/2026-W36")
    assert "Borea Strong pinned by a coordinator offer member" in shown
    assert "Borea Possible offer member" in shown
    assert section(reader, "/rounds/2026-W36", "Pinned and not met") == (
        "Pinned and not met "
        "Alba & Friends with Borea A limit left no room for it. alba-n2 borea-o2 "
        f"gone-n1 with Borea What {HIDDEN} is about is not listed any more. gone-n1 borea-o2"
    )
    html = reader.get("/rounds/2026-W36").text
    assert '<section id="unmet"' in html
    assert '"/organisations/gone' not in html


def test_what_a_round_passed_over_is_told_by_who_asks_with_why_and_the_rest_folded_away(reader: TestClient) -> None:
    drawn = "Strong. It was as good: chance decided. alba-n1"
    assert section(reader, "/rounds/2026-W36", "Not chosen") == (
        "Not chosen What fits strongly and what chance might have chosen, with what stood against it, by who asks. "
        f"Alba & Friends 5 Dorado {drawn} dorado-o0 Dorado {drawn} dorado-o1 Dorado {drawn} dorado-o2 "
        f"2 more Dorado {drawn} dorado-o3 Ciano {drawn} profile:ciano "
        f"Dorado 1 Borea Good. Borea, {HIDDEN}, was at its limit this week. dorado-n1 borea-o1"
    )
    html = reader.get("/rounds/2026-W36").text
    assert '<a href="#not-chosen">Not chosen</a>' in html
    assert re.findall(r'<h3 id="not-chosen-(\d)"><a href="/organisations/(\w+)">', html) == [
        ("1", "alba"),
        ("2", "dorado"),
    ]
    folded = re.findall(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", html, re.S)
    assert [(summary, rest.count("<li>")) for summary, rest in folded] == [("2 more", 2), ("What made this round", 0)]


def test_a_round_is_folded_by_who_asks_and_opens_for_printing(reader: TestClient) -> None:
    html = reader.get("/rounds/2026-W36").text
    assert re.findall(r'<details class="group" id="([^"]+)">\s*<summary><h2>(.*?)</h2>', html) == [
        ("group-1", "Alba &amp; Friends"),
        ("not-chosen", "Not chosen"),
        ("nothing", "Who got nothing"),
    ]
    assert "2 suggestions, strongest: strong</span>" in html
    assert '<a href="/rounds/2026-W36?open=all">Open all, for printing</a>' in html
    opened = reader.get("/rounds/2026-W36?open=all").text
    assert opened.count(" open>") == opened.count("<details") - 1, "all but the menu"
    assert '<a href="/rounds/2026-W36">Close all</a>' in opened


@pytest.mark.parametrize(
    ("name", "asks", "told"),
    [
        ("ALBA", ["Alba &amp; Friends"], ["Alba &amp; Friends"]),
        ("bore", ["Alba &amp; Friends"], []),
        ("dorado", [], ["Dorado"]),
        ("<b>", [], []),
    ],
)
def test_a_round_is_searched_by_a_part_of_a_name(
    reader: TestClient, name: str, asks: list[str], told: list[str]
) -> None:
    html = reader.get("/rounds/2026-W36", params={"name": name}).text
    assert re.findall(r'id="group-\d+" open>\s*<summary><h2>(.*?)</h2>', html) == asks
    assert re.findall(r'<h3 id="not-chosen-\d+"><a [^>]*>([^<]+)', html) == told
    assert ("No organisation with this in its name asks" in html) is (not asks)
    assert "2 suggestions to 1 organisation that asks." in html


def test_first_letters_lead_into_a_long_round(commonweal: Commonweal, client: TestClient) -> None:
    names = ["1st Scouts", *(f"{letter}{n}" for letter in "ABÉ" for n in range(4))]
    many = {f"o{n}": members.Organisation(id=f"o{n}", name=name) for n, name in enumerate(names)}
    with commonweal.database.write() as connection:
        members.save(connection, organisations=many)
        offer = Listing(id="borea-o1", organisation="borea", kind=members.Kind.OFFER, text="Tea")
        needs = (Listing(id=f"{id_}-n", organisation=id_, kind=members.Kind.NEED, text="Cups") for id_ in many)
        good = {"fit": 0.5, "strength": Strength.GOOD, "score": 1.0}
        suggestions = tuple(Suggestion(need=need, offer=offer, **good) for need in needs)  # type: ignore[arg-type]
        stored_rounds.propose(connection, "2026-W40", Proposal(suggestions), versions={}, at=commonweal.now())
    html = client.get("/rounds/2026-W40").text
    assert re.findall(r'<a href="#group-(\d+)">(.)</a>', html) == [("1", "#"), ("2", "A"), ("6", "B"), ("10", "É")]


def test_whoever_got_nothing_is_named_with_what_would_help(reader: TestClient) -> None:
    assert section(reader, "/rounds/2026-W36", "Who got nothing") == (
        "Who got nothing What would help is told to each of them, once in four weeks at most. "
        "Something fitted, but had no room 1 What fitted had as many suggestions as it takes this week. "
        "CianoThey are told: List another offer. "
        "Nothing new fits well enough 2 Nothing is sent for the sake of sending. "
        f"DoradoThey are told: “Ring {HIDDEN}” is short. A wider area would help. gone"
    )
    assert (
        "What made this round code 0.1.0 proposed 25 November 2026 at 09:30 GMT "
        "worth at most 0.02% short of the best there is "
        "chance 1 of 2 suggestions drawn from some that were worth as much"
    ) in words(reader, "/rounds/2026-W36")


def test_a_round_from_before_its_worth_was_known_says_nothing_of_it(commonweal: Commonweal, client: TestClient) -> None:
    with commonweal.database.write() as connection:
        stored_rounds.propose(connection, "2026-W40", Proposal(), versions={}, at=commonweal.now())
    shown = words(client, "/rounds/2026-W40")
    assert "What made this round proposed 25 November 2026 at 09:30 GMT Contact details" in shown


def test_a_round_shows_words_and_no_number_for_fit_or_chance(reader: TestClient) -> None:
    shown = words(reader, "/rounds/2026-W36").replace("0.1.0", "")
    assert re.findall(r"\d\.\d+%?", shown) == ["0.02%"]


def test_no_organisation_s_page_tells_what_was_pinned_or_passed_over(
    commonweal: Commonweal, client: TestClient, proposal: Proposal
) -> None:
    with commonweal.database.write() as connection:
        stored_rounds.propose(connection, "2026-W48", proposal, versions={}, at=commonweal.now())
        stored_rounds.release(connection, "2026-W48", commonweal.now())
    for id_ in ("alba", "borea", "ciano", "dorado"):
        shown = words(client, f"/organisations/{id_}")
        assert "This week’s suggestions" in shown
        for absent in ("pinned", "chance", "limit", "would help", "not listed any more", "chosen"):
            assert absent not in shown


def test_a_proposed_round_says_that_nobody_has_seen_it(commonweal: Commonweal, client: TestClient) -> None:
    rounds.run(commonweal, "2026-W49")
    rounds.run(commonweal, "2026-W49")
    shown = words(client, "/rounds/2026-W49")
    assert "Proposed, revision 2. Not released: nobody has been shown this yet." in shown


def test_weeks_without_a_round_are_not_found_and_malformed_ones_refused(reader: TestClient) -> None:
    assert reader.get("/rounds/2026-W01").status_code == 404
    assert "No round was proposed for 2026-W01." in words(reader, "/rounds/2026-W01")
    for malformed in ("soon", "2026-W60", "2026-W1", "99999999999999999999-W01", "٢٠٢٦-W01"):
        answer = reader.get(f"/rounds/{quote(malformed)}")
        assert (answer.status_code, "write it like 2026-W48" in answer.text) == (422, True)


def test_an_organisation_shows_itself_in_the_vocabulary_s_words(reader: TestClient) -> None:
    shown = words(reader, "/organisations/alba")
    assert "Alba & Friends Member We run sheltered flats." in shown
    assert "Sector Voluntary Size Small Roles in a partnership Housing Where Bristol, BS3" in shown


def test_open_listings_come_first_and_the_others_are_marked(reader: TestClient) -> None:
    shown = words(reader, "/organisations/alba")
    assert shown.index("Open needs and offers") < shown.index(ASKED) < shown.index("Not open today")
    assert "Need closed since 1 November 2026 A stage for a play." in shown
    assert "What a partner gets: Tea with [hidden" in shown
    borea = words(reader, "/organisations/borea")
    assert "Offer opens on 4 January 2027 only for coordinators Volunteers teach smartphone repairs." in borea.replace(
        " · ", " "
    )
    assert "Track record: Ask [hidden until you are introduced] about last year" in borea


def test_an_organisation_shows_this_week_s_suggestions_once_released(
    commonweal: Commonweal, client: TestClient
) -> None:
    rounds.run(commonweal, "2026-W48")
    assert "This week’s suggestions" not in words(client, "/organisations/alba")
    rounds.release(commonweal, "2026-W48")
    assert "This week’s suggestions From the round of week 48 of 2026. For what it needs Borea" in words(
        client, "/organisations/alba"
    )
    assert "For what it can give Alba & Friends" in words(client, "/organisations/borea")
    assert "None this week." in words(client, "/organisations/dorado")


def test_a_listing_s_own_link_asks_for_it(client: TestClient) -> None:
    link = re.search(r'href="(/ask\?text=We\+want[^"#]*)', client.get("/organisations/alba").text)
    assert link
    answer = client.get(link[1].replace("&amp;", "&"))
    assert "This need is listed already" in answer.text
    assert '<a href="/organisations/borea">Borea</a>' in answer.text


def test_an_unknown_organisation_is_not_found(reader: TestClient) -> None:
    answer = reader.get("/organisations/nobody")
    assert answer.status_code == 404
    assert "No organisation is listed under this address." in answer.text


def test_an_id_of_odd_characters_has_an_address(commonweal: Commonweal, client: TestClient) -> None:
    odd = "a/b?c d%é"
    one = members.Organisation(id=odd, name="Odd <b>", description="Volunteers teach smartphones to older people")
    with commonweal.database.write() as connection:
        members.save(connection, organisations={one.id: one})
    html = client.get("/ask", params={"text": "Volunteers teach smartphones to older people"}).text
    link = re.search(r'href="(/organisations/[^"]*)">Odd &lt;b&gt;', html)
    assert link
    assert "<h1>Odd &lt;b&gt;</h1>" in client.get(link[1]).text


def test_the_form_proposes_names_in_order_and_new_ones_at_once(commonweal: Commonweal, client: TestClient) -> None:
    def proposed() -> list[str]:
        return re.findall(r'<option value="(.*?)">', client.get("/ask").text)

    assert proposed() == ["Alba &amp; Friends", "Borea", "Ciano", "Dorado"]
    with commonweal.database.write() as connection:
        members.save(connection, organisations={"elba": members.Organisation(id="elba", name="Bee 0117 496 0123")})
    assert proposed() == ["Alba &amp; Friends", f"Bee {HIDDEN}", "Borea", "Ciano", "Dorado"]


def test_what_is_saved_is_shown_at_once(commonweal: Commonweal, client: TestClient) -> None:
    before = client.get("/organisations/dorado").text
    honey = Listing(id="dorado-o1", organisation="dorado", kind=members.Kind.OFFER, text="Honey for a fair.")
    with commonweal.database.write() as connection:
        members.save(connection, listings={honey.id: honey})
    assert ("Honey for a fair." in before, "Honey for a fair." in client.get("/organisations/dorado").text) == (
        False,
        True,
    )
