import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evaluation import plots
from evaluation.collection import Collection, load
from evaluation.comparing import Difference, Estimate
from evaluation.evaluating import Evaluated, Example, Shown, SliceFigures, SystemFigures, evaluate
from evaluation.gate import Check
from evaluation.measures import NAMES, NDCG
from evaluation.report import DRAWN, page, write_report
from evaluation.serving import Bin, Calibration, Falsehoods, Quotes, Sharing
from evaluation.telling import document
from matcher.assembling import assemble

HOSTILE = "<script>alert('ciano')</script>"
VOID = {"meta", "br"}
INLINE = {"b", "strong", "bdi", "span", "a"}


class Parsed(HTMLParser):
    """A page's tags with their attributes in order, what was left open, and what a reader sees of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        self.text += "" if tag in INLINE else " "

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += "" if tag in INLINE else " "

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def parsed(evaluated: Sequence[Evaluated], checks: Sequence[Check] = ()) -> Parsed:
    found = Parsed(page(evaluated, checks))
    assert found.open == []
    return found


def words(html_or_text: str) -> str:
    return " ".join(html_or_text.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four needs of alba and four offers of borea, whose name, texts, slices and fields are hostile."""
    top = tmp_path_factory.mktemp("small")
    needs = ["a minibus", "help with accounts", "a hall for \x01 dances", "volunteers 日本 \N{GRINNING FACE}"]
    rows = [(f"q{n}", f"We need {text} {HOSTILE}", "alba", "Alba") for n, text in enumerate(needs)]
    offers = ["minibus at weekends", "an accountant", "a hall", "forty volunteers"]
    given = [
        (f"d{n}", f"We offer {text} & more {HOSTILE}", "borea", f"Borea {HOSTILE}") for n, text in enumerate(offers)
    ]
    for name, of in (("queries.jsonl", rows), ("corpus.jsonl", given)):
        fields = ({"id": id_, "text": text, "organisation": owner, "name": called} for id_, text, owner, called in of)
        lines = (json.dumps(row | {HOSTILE: "unknown field"}) for row in fields)
        (top / name).write_text("\n".join(lines))
    (top / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"q{n}\td{n}\t1\n" for n in range(4)))
    (top / "queries_meta.tsv").write_text(
        f"query-id\t$x^{{{HOSTILE}\n" + "".join(f"q{n}\t{HOSTILE if n < 2 else '_$^'}\n" for n in range(4))
    )
    return top


@pytest.fixture(scope="module")
def real(folder: Path) -> Evaluated:
    return evaluate(load(folder), assemble(encoder="hash"))


def collection(**changes: object) -> Collection:
    made = Collection(
        name="small",
        folder=Path("data/small"),
        queries={},
        documents={},
        organisations={},
        qrels={"q": {"d": 3, "e": 0}},
        cut=2,
        licence="CC0-1.0",
        sha256="0123456789abcdef",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def figures(system: str, mean: float, against: float | None = None, queries: int = 40) -> SystemFigures:
    return SystemFigures(
        system=system,
        measures={name: Estimate(mean, mean - 0.05, mean + 0.05, queries) for name in NAMES},
        against={} if against is None else {name: gap(against, queries) for name in NAMES},
        preparing=2.5,
        asking=0.0125,
    )


def gap(mean: float, queries: int = 40) -> Difference:
    return Difference(mean, mean - 0.02, mean + 0.02, 0.01, 0.0002, queries)


def part(value: str, queries: int) -> SliceFigures:
    return SliceFigures(
        attribute="size",
        value=value,
        queries=tuple(f"q{number}" for number in range(queries)),
        measures={name: Estimate(0.5, 0.4, 0.6, queries) for name in NAMES},
        against={name: gap(0.07, queries) for name in NAMES},
    )


def shown(grade: int | None, organisation: str = "Borea") -> Shown:
    return Shown(document="d", organisation=organisation, text="A minibus", grade=grade, strength="good", reason="both")


def example(number: int, gain: float = 0.25) -> Example:
    answers = (shown(3), shown(None, "Ciano"))
    return Example(
        query=f"q{number}", kind="need", text=f"Need number {number}", gain=gain, ours=answers, theirs=(shown(0),)
    )


def made(**changes: object) -> Evaluated:
    evaluated = Evaluated(
        collection=collection(),
        split="dev",
        queries=tuple(f"q{number}" for number in range(40)),
        encoder="hash/p1",
        ranker="hand-2",
        values={},
        systems=(figures("commonweal", 0.62, 0.1), figures("as sent", 0.3), figures("hybrid", 0.52)),
    )
    return replace(evaluated, **changes)  # type: ignore[arg-type]


FULL = made(
    slices=(part("small", 30), part("large", 7)),
    rules_off=("not open",),
    sharing=Sharing(
        suggestions=90,
        to_small=0.4,
        small_listings=0.5,
        gini=0.5,
        lorenz=(0.0, 0.1, 1.0),
        coverage=0.75,
        cross_sector=0.25,
    ),
    calibration=Calibration(
        bins=(Bin(pairs=9, fit=0.1, yes=0.0), Bin(pairs=1, fit=0.8, yes=1.0)), error=0.12, pairs=10
    ),
    falsehoods=Falsehoods(queries=4, with_some=1, suggestions=2),
    quotes=Quotes(pairs=1, need=1.0, offer=0.5, both=0.5),
    better=tuple(example(number) for number in range(10)),
    worse=(example(11, -0.125),),
)
EMPTY = made(systems=(), queries=(), split="")
CHECKS = (
    Check("small: nDCG@10, all", False, "0.620, was 0.700", "commonweal evaluate data/small --split dev"),
    Check("small: MAP, all", True, "0.6, was 0.6", "commonweal evaluate data/small"),
    Check("small: too: MAP, all", True, "of another collection", "commonweal evaluate data/other"),
)


def test_a_page_and_the_same_as_json_are_written_and_nothing_else(tmp_path: Path) -> None:
    written = write_report([FULL], CHECKS, tmp_path / "new" / "folder")
    assert written == tmp_path / "new" / "folder" / "report.html"
    assert sorted(path.name for path in written.parent.iterdir()) == ["report.html", "report.json"]
    assert written.read_text("utf-8") == page([FULL], CHECKS)
    assert json.loads((written.parent / "report.json").read_text("utf-8")) == {
        "collections": [json.loads(json.dumps(document(FULL)))],
        "checks": [asdict(check) for check in CHECKS],
    }


def test_a_report_that_cannot_be_made_leaves_the_one_before(tmp_path: Path) -> None:
    write_report([FULL], (), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    endless = made(calibration=Calibration(bins=(), error=math.inf, pairs=0))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_report([endless], (), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_same_figures_give_the_same_bytes(real: Evaluated) -> None:
    assert page([real, FULL], CHECKS) == page([real, FULL], CHECKS)


@pytest.mark.parametrize("evaluated", [[FULL], [EMPTY], [FULL, made(collection=collection(name="other"))]])
def test_the_page_needs_nothing_from_anywhere_else(evaluated: list[Evaluated]) -> None:
    found = parsed(evaluated, CHECKS)
    assert {tag for tag, _ in found.tags} & {"script", "img", "link", "iframe", "object", "form", "image"} == set()
    pointers = [str(attributes[name]) for _, attributes in found.tags for name in attributes if name in ("href", "src")]
    assert [pointer for pointer in pointers if not pointer.startswith("#")] == []
    assert not re.search(r"https?:|//|@import|url\((?!#)", page(evaluated, CHECKS))


def test_ids_are_there_once_and_every_pointer_finds_one(real: Evaluated) -> None:
    html = page([FULL, real, FULL], CHECKS)
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', html)) <= {(one, "") for one in ids} | {
        ("", one) for one in ids
    }


def test_hostile_texts_are_shown_as_texts(real: Evaluated) -> None:
    checks = [Check(f"{real.collection.name}: {HOSTILE}", False, HOSTILE, HOSTILE)]
    asked = Example(query="q", kind="need", text=f"A bus {HOSTILE}", gain=1, ours=(shown(1, HOSTILE),), theirs=())
    found = parsed([replace(real, better=(asked,))], checks)
    assert found.all("script") == []
    assert f"{HOSTILE} · relevant" in found.text
    assert f"A bus {HOSTILE}" in found.text
    assert words(found.text).count(f"{HOSTILE}: {HOSTILE} {HOSTILE}") == 1
    assert f"fields not used: {HOSTILE}" in found.text
    assert f"{HOSTILE} (2), _$^ (2)" in found.text
    assert "<script" not in page([replace(real, better=(asked,))], checks)


def test_what_is_no_letter_does_not_break_the_page_or_its_plots() -> None:
    spoilt = "a\x00b\x0b\x1f\x7f\ud800\uffff $\\frac{$ \N{GRINNING FACE} 日本"
    hostile = made(
        slices=(part(spoilt, 25), part("$\\frac{$日本", 25)),
        better=(replace(example(1), text=spoilt),),
        rules_off=(spoilt,),
    )
    html = page([hostile])
    assert html.encode().decode() == html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\uffff]", html)
    mark = "\N{REPLACEMENT CHARACTER}"
    assert f"a{mark}b{mark}{mark}{mark}{mark}{mark} $\\frac{{$ \N{GRINNING FACE} 日本" in Parsed(html).text
    drawn = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert [ElementTree.fromstring(svg).get("role") for svg in drawn] == ["img"] * 3


UNKNOWN = made(
    systems=(
        replace(figures("commonweal", math.nan, math.nan), measures={NDCG: Estimate(math.nan, math.nan, math.nan, 0)}),
        replace(figures("hybrid", 0.5), measures={}, asking=0.0),
    ),
    slices=(part("small", 0),),
    sharing=Sharing(
        suggestions=0, to_small=None, small_listings=None, gini=0, lorenz=(), coverage=0, cross_sector=None
    ),
    calibration=None,
    falsehoods=None,
    worse=(replace(example(1), ours=(), theirs=(shown(None),)),),
)


@pytest.mark.parametrize("evaluated", [EMPTY, UNKNOWN, FULL, made(), made(systems=(figures("bm25", 0.4),))])
def test_what_is_not_known_is_never_called_nan_or_none(evaluated: Evaluated) -> None:
    html = page([evaluated])
    assert re.findall(r"\b(?:nan|None|inf|Undefined)\b", html) == []
    assert parsed([evaluated]).all("h2") == [{}]


def test_a_bare_collection_has_no_empty_sections() -> None:
    assert headings(made()) == ["How good the suggestions are", "small", "Systems", "Quality against time"]
    assert headings(EMPTY) == ["How good the suggestions are", "small", "Systems"]


def headings(evaluated: Evaluated) -> list[str]:
    return [words(re.sub("<.*?>", "", one)) for one in re.findall(r"<h[123]>(.*?)</h[123]>", page([evaluated]))]


def test_sections_stand_in_their_order() -> None:
    assert headings(FULL) == [
        "How good the suggestions are",
        "small",
        "Systems",
        "Where it is better and where worse",
        "Whether fit keeps its word",
        "Who is suggested, and whether it is right to",
        "Quality against time",
        "Queries side by side",
    ]


def test_headings_skip_no_level_and_tables_and_plots_say_what_they_are() -> None:
    found = parsed([FULL], CHECKS)
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(deeper <= level + 1 for level, deeper in pairwise(levels))
    assert len(found.all("caption")) == len(found.all("table")) == 3
    assert {attributes["scope"] for attributes in found.all("th")} == {"col", "row", "rowgroup"}
    assert [(one["role"], one["aria-label"]) for one in found.all("svg")] == [
        ("img", "nDCG@10 of each system: commonweal 0.620, hybrid 0.520."),
        ("img", "Difference to the hybrid over all queries +0.100, from +0.080 to +0.120; 2 slices below it."),
        ("img", "Expected calibration error 0.120 over 10 judged pairs, in 2 bins of fit."),
        ("img", "The less suggested half of organisations get 10% of suggestions; Gini 0.50."),
        ("img", "nDCG@10 and time a query: commonweal 0.620 in 12.5 ms, hybrid 0.520 in 12.5 ms."),
    ]


def test_the_gate_says_first_what_failed_and_how_to_see_it() -> None:
    text = words(parsed([FULL], CHECKS[:2]).text)
    verdict = "The gate failed: 1 of 2 checks did not hold."
    assert verdict in text
    assert "small: nDCG@10, all: 0.620, was 0.700 commonweal evaluate data/small --split dev" in text
    assert text.index(verdict) < text.index("Queries 40 judged")


def test_a_gate_that_passed_says_so_and_none_is_not_mentioned() -> None:
    assert "The gate passed: 1 check held." in words(parsed([FULL], CHECKS[1:2]).text)
    assert "gate" not in parsed([FULL]).text


def test_checks_stand_with_the_collection_they_are_of() -> None:
    other = made(collection=collection(name="small: too"))
    text = words(parsed([FULL, other], CHECKS).text)
    assert "small: the gate failed small: too: the gate passed" in text


def test_what_was_evaluated_is_told() -> None:
    noted = made(collection=collection(notes=("3 queries are left out",)), rules_off=("not open", "no capacity"))
    text = words(parsed([noted]).text)
    assert (
        "nDCG@10 is 0.620 (0.570 to 0.670) for commonweal: better than the hybrid, by +0.100 (+0.080 to +0.120). "
        "Queries 40 judged, the dev half only Documents 0 Encoder hash/p1 Ranker hand-2 Licence CC0-1.0 "
        "Fingerprint 0123456789ab "
        "Rules that are off not open, no capacity: the collection holds no facts for them "
        "Notes 3 queries are left out"
    ) in text


@pytest.mark.parametrize(
    ("against", "queries", "says"),
    [
        (-0.1, 40, "worse than the hybrid, by −0.100 (−0.120 to −0.080)."),
        (0.01, 40, "not told apart from the hybrid, by +0.010 (−0.010 to +0.030)."),
        (0.1, 19, "fewer than 20 queries are too few to tell it from the hybrid."),
    ],
)
def test_the_verdict_claims_no_more_than_the_interval(against: float, queries: int, says: str) -> None:
    found = made(systems=(figures("commonweal", 0.5, against, queries), figures("hybrid", 0.5)))
    assert says in words(parsed([found]).text)


def test_as_sent_is_a_row_by_itself_and_not_in_the_plots() -> None:
    html = page([made()])
    rows = re.findall(r'<tbody class="apart">(.*?)</tbody>', html, re.DOTALL)
    assert [words(re.sub("<.*?>", " ", row))[:7] for row in rows] == ["as sent"]
    assert html.count(">as sent<") == 1
    assert "Its short lists cannot be compared with the whole rankings" in html


def test_a_small_slice_is_too_few_to_tell_in_plot_and_table() -> None:
    text = words(parsed([FULL]).text)
    assert "too few (7)" in text
    assert "too few to tell large (7)" in text
    assert "+0.070 (30)" in text


def test_many_slices_keep_the_plot_short_and_the_table_whole() -> None:
    many = made(slices=tuple(part(f"place-{number}", 1 + number) for number in range(DRAWN + 10)))
    text = words(parsed([many]).text)
    assert "11 small slices more found no room in the plot" in text
    assert [number for number in range(DRAWN + 10) if f"size: place-{number} " not in text + " "] == list(range(11))
    assert all(f"place-{number} ({1 + number})" in text for number in range(19))


def test_beyond_ranking_each_thing_known_is_a_sentence() -> None:
    html = page([FULL])
    items = re.findall(r"<li>([^<]*)</li>", html)
    assert items == [
        "75% of the organisations that could be suggested are suggested at least once, "
        "over 90 suggestions as members would get them.",
        "The Gini index of exposure is 0.50: 0 if all are suggested alike, near 1 if one gets all.",
        "Micro and small organisations get 40% of suggestions, less than their share: "
        "they hold 50% of the listings that could be suggested.",
        "25% of suggestions link organisations that have no sector in common.",
        "Of 4 needs that nobody here can meet, 1 get a suggestion all the same, 2 suggestions together. "
        "Each of these is false: fewer is better.",
        "Reasons quote the right words of the need in 100%, of the offer in 50% and of both in 50% of 1 pair labelled.",
    ]


@pytest.mark.parametrize(
    ("cut", "highest", "grades", "says"),
    [
        (2, 3, (3, 2, 1, 0, None), ["today", "worth a conversation", "same field only", "no", "not judged"]),
        (1, 1, (1, 0, None), ["relevant", "not relevant", "not judged"]),
        (1, 2, (2, 1, 0), ["grade 2 of 2, a yes", "grade 1 of 2, a yes", "grade 0 of 2, not a yes"]),
        (3, 4, (4, 2), ["grade 4 of 4, a yes", "grade 2 of 4, not a yes"]),
    ],
)
def test_grades_are_read_out_in_words(cut: int, highest: int, grades: tuple[int | None, ...], says: list[str]) -> None:
    judged = collection(cut=cut, qrels={"q": {"d": highest}})
    found = made(collection=judged, better=(replace(example(1), ours=tuple(map(shown, grades)), theirs=()),))
    assert re.findall(r'class="meta">.*?<strong>(.*?)</strong>', page([found])) == says


def test_examples_stand_side_by_side_and_the_first_three_are_open() -> None:
    found = parsed([FULL])
    opened = ["open" in attributes for attributes in found.all("details") if attributes.get("class") != "plain"]
    assert opened == [True] * 3 + [False] * 7 + [True]
    text = words(found.text)
    assert (
        "+0.250 need: Need number 0 Need number 0 Commonweal Borea · today · said to be good A minibus Why: both "
        "Ciano · not judged · said to be good A minibus Why: both The hybrid Borea · no"
    ) in text
    assert "−0.125 need: Need number 11" in text


def test_without_the_reference_only_our_own_figures_are_told(folder: Path) -> None:
    alone = evaluate(load(folder), assemble(encoder="hash"), systems=["commonweal"])
    text = words(parsed([alone]).text)
    assert "the hybrid was not run" in text
    assert "Queries side by side" not in text


@pytest.mark.parametrize(
    "draw",
    [
        lambda salt: plots.systems(FULL.systems, salt),
        lambda salt: plots.forest([("all", gap(0.1)), ("few", gap(0.5, 3))], salt),
        lambda salt: plots.quality_by_time(FULL.systems, salt),
    ],
)
def test_a_plot_keeps_words_as_words_and_its_ids_to_itself(draw: Callable[[str], str]) -> None:
    one, other = draw("one"), draw("two")
    assert one == draw("one")
    assert "<text" in one and "date" not in one
    assert set(re.findall(r' id="(.*?)"', one)) & set(re.findall(r' id="(.*?)"', other)) == set()
    assert "#1d2321" not in one and "var(--ink)" in one
