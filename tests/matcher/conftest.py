"""The cast and the builders of the core's tests: *alba* needs, *borea* offers, *ciano* may see nothing of either."""

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from matcher.artefacts import artefact
from matcher.encoding import CachedEncoder, MemoryCache
from matcher.network import Network
from matcher.places import TableGazetteer
from matcher.ranking import Ranker
from matcher.records import Kind, Listing, ListingId, Organisation, OrganisationId, Standing
from matcher.testing import HashEncoder
from matcher.vocabulary import Vocabulary

NO_WORDS = Vocabulary()

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def gazetteer() -> TableGazetteer:
    return TableGazetteer(artefact("data", "vocabulary", "places.csv"))


@pytest.fixture(scope="session")
def today() -> date:
    return date(2026, 6, 1)


@pytest.fixture(scope="session")
def organisation() -> Callable[..., Organisation]:
    """A member called by its id, unless told otherwise."""

    def build(key: str, **what: Any) -> Organisation:
        return Organisation(
            **{"id": OrganisationId(key), "name": key.capitalize(), "standing": Standing.MEMBER, **what}
        )

    return build


@pytest.fixture(scope="session")
def need() -> Callable[..., Listing]:
    """A need of alba's, unless told otherwise."""
    return _listing(Kind.NEED, "alba")


@pytest.fixture(scope="session")
def offer() -> Callable[..., Listing]:
    """An offer of borea's, unless told otherwise."""
    return _listing(Kind.OFFER, "borea")


def _listing(kind: Kind, owner: str) -> Callable[..., Listing]:
    def build(key: str, text: str = "a van on Mondays", organisation: str = owner, **what: Any) -> Listing:
        return Listing(id=ListingId(key), organisation=OrganisationId(organisation), kind=kind, text=text, **what)

    return build


@pytest.fixture(scope="session")
def network(gazetteer: TableGazetteer, organisation: Callable[..., Organisation]) -> Callable[..., Network]:
    """The listings as a network of hash vectors; whoever owns one and is not given is a member without particulars."""

    def build(
        listings: Iterable[Listing], organisations: Iterable[Organisation] = (), vocabulary: Vocabulary = NO_WORDS
    ) -> Network:
        listings = list(listings)
        known = {one.organisation: organisation(one.organisation) for one in listings}
        known |= {one.id: one for one in organisations}
        return Network(
            known,
            {one.id: one for one in listings},
            encoder=CachedEncoder(HashEncoder(), MemoryCache()),
            vocabulary=vocabulary,
            gazetteer=gazetteer,
        )

    return build


@pytest.fixture(scope="session")
def ranker() -> Ranker:
    """Fit of standing out and nearness alone; where few are listed, one stands out by a tenth or two."""
    return Ranker(
        version="tests",
        lexical_weight=0.5,
        intercept=-4.0,
        weights=(20.0, 6.0, 0.0, 0.0, 0.0, -1.0),
        cuts=(0.8, 0.6, 0.4),
    )


@pytest.fixture
def vocabulary_folder(tmp_path: Path) -> Path:
    """A small vocabulary on disc, whole and right."""
    for name, text in SMALL.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


SMALL = {
    "themes.toml": """
[housing]
name = "Housing"
says = "Homes."
words = ["tenancy", "rough sleeping"]

[isolation]
name = "Isolation"
says = "Company."
words = ["befriending", "lonely"]
""",
    "roles.toml": '[health]\nname = "Health"\nsays = "Cares."\nthemes = ["isolation"]\n',
    "obstacles.toml": """
[safeguarding]
name = "Safeguarding"
says = "Checks take weeks."
asks = "Who needs a check?"
resources = ["people"]
words = ["care leavers"]
""",
    "sectors.toml": '[public]\nname = "Public"\n\n[voluntary]\nname = "Voluntary"\n',
    "sizes.toml": """
[micro]
name = "Micro"
people_up_to = 9
attention_cap = 2

[large]
name = "Large"
attention_cap = 5
""",
    "resources.toml": '[space]\nname = "Space"\n\n[people]\nname = "People"\n',
    "duties.toml": """
[allocation]
name = "Housing allocation"
owner = "the council"
says = "Allocation is the council's duty: speak with them first."
words = ["housing register"]
""",
    "acronyms.toml": """
[acronyms]
ROTL = ["release on temporary licence"]
CIC = ["community interest company", "children in care"]
"A&E" = ["accident and emergency"]
""",
}
