"""Two collections on disc, a core without weights, and what both give: *alba* needs, *borea* offers, *ciano* beside."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluation.collection import Collection, load
from evaluation.evaluating import Evaluated, evaluate
from matcher.assembling import Core, assemble
from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId, Strength, Suggestion

OWNERS: Mapping[str, dict[str, Any]] = {
    "alba": {"organisation": "alba", "name": "Alba", "sectors": ["voluntary"], "size": "small"},
    "borea": {"organisation": "borea", "name": "Borea", "sectors": ["public"], "size": "large"},
    "ciano": {"organisation": "ciano", "name": "Ciano", "sectors": ["voluntary"], "size": "micro"},
}

ASKED_AND_GIVEN = (
    ("We need a baker with sourdough ovens", "Our baker shares sourdough ovens"),
    ("We look for a van with a tail lift", "A van whose tail lift takes wheelchairs"),
    ("Who can teach welding to school leavers", "Welding lessons for leavers in our workshop"),
    ("Our choir needs a piano tuned", "Piano tuned by apprentices"),
    ("We need a hydrotherapy pool for stroke survivors", "Hydrotherapy pool, open to stroke survivors"),
    ("Somebody to audit our cybersecurity", "Cybersecurity audit by volunteers"),
    ("We need allotment plots near the hostel", "Allotment plots beside the canal hostel"),
    ("Our museum needs ceramics conserved", "Ceramics conserved in the museum laboratory"),
    ("We want Polish interpreters for our clinic", "Polish interpreters at clinic appointments"),
    ("Legal advice on leasehold for tenants", "Leasehold law advice by tenants' solicitors"),
    ("We need falconry displays to scare pigeons", "Falconry displays against pigeons"),
    ("A beekeeper for hives on our roof", "Beekeeper looks after roof hives"),
    ("Bicycles repaired for refugees", "Refugees have bicycles repaired here"),
    ("We need spectacles for rough sleepers", "Spectacles for rough sleepers, tested by opticians"),
    ("Our scouts need kayaks in July", "Kayaks stand idle in July"),
    ("A dietitian for diabetes evenings", "Diabetes evenings with a dietitian"),
    ("We need drones to map the peat bog", "Peat bog mapped by drones"),
    ("Somebody to digitise parish registers", "Parish registers digitised by archivists"),
    ("Our theatre needs sewing machines", "Sewing machines from a closed theatre"),
    ("Chess coaches for a prison library", "Chess coaches who visit prison"),
    ("Firewood delivered to pensioners", "Firewood for pensioners"),
    ("Wedding marquees for a lantern festival", "Marquees and lantern frames"),
    ("Orthodontist for children in care", "Orthodontist's hours for care leavers"),
    ("Tide tables printed for oyster growers", "Oyster growers' tide tables"),
)
"""What a need says and what the offer that meets it says; the last four offers ask, and their needs are documents."""

BESIDES = (
    "Ring at the harbour quay, side door, before noon, and bring galoshes, gloves, a torch and your badge. "
    "Parking costs nothing on Sundays; buses stop outside. Dogs stay in the yard"
)
"""What offers say too, so that no fit stands out and the score alone puts them first."""

COMMON = (
    "we need help for our group",
    "who can support us",
    "our people look for somebody",
    "we want time in the week",
    "for those near us",
)


def _common(number: int) -> str:
    """Words that every query has a few of, and none that tells one from another: long, and near to the average."""
    return ". ".join(COMMON[(number + step) % 5] for step in range(9)) + f". Number {number}"


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _cast() -> dict[str, str]:
    queries: list[dict[str, Any]] = []
    corpus: list[dict[str, Any]] = []
    qrels, meta = ["query-id\tcorpus-id\tscore"], ["query-id\tsplit\tasks\tunmeetable"]
    for number, (asked, given) in enumerate(ASKED_AND_GIVEN, 1):
        need = {
            "id": f"n{number:02}",
            "kind": "need",
            "text": asked if number <= 20 else f"{asked}. {BESIDES}",
            **OWNERS["alba"],
        }
        offer = {
            "id": f"o{number:02}",
            "kind": "offer",
            "text": f"{given}. {BESIDES}" if number <= 20 else given,
            **OWNERS["borea"],
        }
        asking, other = (need, offer) if number <= 20 else (offer, need)
        queries.append(asking)
        corpus.append(other)
        qrels += [f"{asking['id']}\t{other['id']}\t3", f"{asking['id']}\tx-{other['kind']}-1\t1"]
        meta.append(f"{asking['id']}\t{'dev' if number <= 4 else 'test'}\t{asking['kind']}\t")
    for number in (1, 2):
        queries.append({"id": f"u{number}", "kind": "need", "text": f"Unicorn saddle {number}", **OWNERS["alba"]})
        qrels.append(f"u{number}\to01\t0")
        meta.append(f"u{number}\ttest\t\tyes")
    for number in range(1, 111):
        for kind, owner in (("offer", "ciano"), ("need", "ciano")):
            corpus.append({"id": f"x-{kind}-{number}", "kind": kind, "text": _common(number), **OWNERS[owner]})
    return {
        "queries.jsonl": _lines(queries),
        "corpus.jsonl": _lines(corpus),
        "qrels.tsv": "\n".join(qrels) + "\n",
        "queries_meta.tsv": "\n".join(meta) + "\n",
        "collection.toml": 'name = "cast"\nlicence = "CC0-1.0"\ncut = 2\ngains = {0 = 0, 1 = 0, 2 = 1, 3 = 3}\n',
    }


SMALL = {
    "queries.jsonl": _lines(
        [
            {"id": "q1", "text": "A baker with sourdough ovens", "organisation": "alba"},
            {"id": "q2", "text": "A van with a tail lift", "organisation": "alba"},
        ]
    ),
    "corpus.jsonl": _lines(
        [
            {"id": "d1", "text": "Our baker shares sourdough ovens", "organisation": "borea"},
            {"id": "d2", "text": "The van has a tail lift", "organisation": "borea"},
            {"id": "d3", "text": "Piano lessons", "organisation": "ciano"},
            {"id": "d4", "text": "Piano lessons", "organisation": "ciano"},
        ]
    ),
    "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\nq2\td3\t0\n",
}


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`written({"qrels.tsv": …})` is a folder with a collection of two queries, those files other than usual."""

    def write(files: Mapping[str, str] | None = None, name: str = "small") -> Path:
        return _write(tmp_path_factory.mktemp("collection") / name, SMALL | dict(files or {}))

    return write


@pytest.fixture(scope="session")
def rows() -> Callable[..., str]:
    """Records as the lines of a `.jsonl`."""
    return lambda *records: _lines(records)


@pytest.fixture(scope="session")
def cast_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 needs and 4 offers that ask, one document each that meets them, 110 on either side that meet nothing."""
    return _write(tmp_path_factory.mktemp("collections") / "cast", _cast())


@pytest.fixture(scope="session")
def cast(cast_folder: Path) -> Collection:
    return load(cast_folder)


@pytest.fixture(scope="session")
def core() -> Core:
    return assemble(encoder="hash")


@pytest.fixture(scope="session")
def evaluated(cast: Collection, core: Core) -> Evaluated:
    return evaluate(cast, core)


@pytest.fixture(scope="session")
def judged() -> Callable[..., Collection]:
    """`judged({"q": {"d": 1}})`: a collection of nothing but judgements; `organisations` own a document each."""

    def build(
        qrels: Mapping[str, Mapping[str, int]], organisations: Sequence[Organisation] = (), **what: Any
    ) -> Collection:
        alba = Organisation(id=OrganisationId("alba"), name="Alba")
        owners = {one.id: one for one in (alba, *organisations)}
        documents = {document for grades in qrels.values() for document in grades} | set(owners) - {alba.id}
        return Collection(
            **{
                "name": "judged",
                "folder": Path("judged"),
                "queries": {query: _listing(query, Kind.NEED, "alba") for query in qrels},
                "documents": {
                    one: _listing(one, Kind.OFFER, one if one in owners else "alba") for one in sorted(documents)
                },
                "organisations": owners,
                "qrels": qrels,
                **what,
            }
        )

    return build


def _listing(key: str, kind: Kind, owner: str) -> Listing:
    return Listing(id=ListingId(key), organisation=OrganisationId(owner), kind=kind, text=key)


@pytest.fixture(scope="session")
def suggested() -> Callable[..., list[Suggestion]]:
    """`suggested(collection, "q", "d1", "d2")`: these documents for that query, each with the fit given."""

    def build(collection: Collection, query: str, *documents: str, fit: float = 0.5) -> list[Suggestion]:
        need = collection.queries[query]
        offers = [collection.documents[document] for document in documents]
        return [Suggestion(need=need, offer=one, fit=fit, strength=Strength.GOOD, score=1.0) for one in offers]

    return build
