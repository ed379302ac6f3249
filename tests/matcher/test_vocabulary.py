from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher import vocabulary
from matcher.vocabulary import Duty, Obstacle, Role, Size, Term, Vocabulary, VocabularyError


@pytest.fixture
def small(vocabulary_folder: Path) -> Vocabulary:
    return vocabulary.load(vocabulary_folder)


def test_a_folder_of_files_is_a_vocabulary(small: Vocabulary) -> None:
    assert small == Vocabulary(
        themes={
            "housing": Term("housing", "Housing", "Homes.", ("tenancy", "rough sleeping")),
            "isolation": Term("isolation", "Isolation", "Company.", ("befriending", "lonely")),
        },
        roles={"health": Role("health", "Health", "Cares.", themes=("isolation",))},
        sectors={"public": Term("public", "Public", ""), "voluntary": Term("voluntary", "Voluntary", "")},
        sizes={
            "micro": Size("micro", "Micro", "", attention_cap=2),
            "large": Size("large", "Large", "", attention_cap=5),
        },
        resources={"space": Term("space", "Space", ""), "people": Term("people", "People", "")},
        duties={
            "allocation": Duty(
                "allocation",
                "Housing allocation",
                "Allocation is the council's duty: speak with them first.",
                ("housing register",),
            )
        },
        acronyms={
            "ROTL": ("release on temporary licence",),
            "CIC": ("community interest company", "children in care"),
            "A&E": ("accident and emergency",),
        },
        obstacles={
            "safeguarding": Obstacle(
                "safeguarding",
                "Safeguarding",
                "Checks take weeks.",
                ("care leavers",),
                asks="Who needs a check?",
                resources=("people",),
            )
        },
    )


def test_obstacles_are_those_of_the_kind_of_resource_and_those_a_text_names(small: Vocabulary) -> None:
    expected = [small.obstacles["safeguarding"]]
    assert small.obstacles_of(("people", "")) == expected
    assert small.obstacles_of(("space",), "A room.", "For care leavers.") == expected
    assert small.obstacles_of(("space", ""), "A room for carers who leave.") == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("On ROTL, then off ROTL.", "On ROTL (release on temporary licence), then off ROTL."),
        ("ROTL means release on temporary licence", "ROTL means release on temporary licence"),
        ("Release On Temporary Licence, or ROTL", "Release On Temporary Licence, or ROTL"),
        ("A CIC in Kent", "A CIC (community interest company, children in care) in Kent"),
        ("A CIC for children in care", "A CIC (community interest company) for children in care"),
        ("Near A&E, by day", "Near A&E (accident and emergency), by day"),
        ("WE TAKE PEOPLE ON ROTL", "WE TAKE PEOPLE ON ROTL"),
        ("rotl, ROTLs, xROTL, ROTL&E", "rotl, ROTLs, xROTL, ROTL&E"),
        ("ROTL-only days", "ROTL (release on temporary licence)-only days"),
        ("", ""),
    ],
)
def test_an_acronym_is_spelled_out_behind_its_first_mention(small: Vocabulary, text: str, read: str) -> None:
    assert small.spell_out(text) == read


def test_without_acronyms_nothing_is_spelled_out() -> None:
    assert vocabulary.Vocabulary().spell_out("On ROTL") == "On ROTL"


ROTL = Vocabulary(
    themes={}, roles={}, sectors={}, sizes={}, resources={}, duties={}, acronyms={"ROTL": ("on licence",), "IT": ("x",)}
)


@given(st.lists(st.sampled_from(["ROTL", "IT", "it", "van", "on licence", "(", "&", " ", " ", "."])).map("".join))
def test_spelling_out_twice_is_spelling_out_once(text: str) -> None:
    assert ROTL.spell_out(ROTL.spell_out(text)) == ROTL.spell_out(text)


@pytest.mark.parametrize(
    ("text", "themes"),
    [
        ("A TENANCY for somebody lonely", ("housing", "isolation")),
        ("Befriending, then a tenancy", ("housing", "isolation")),
        ("rough  sleeping\nand more", ("housing",)),
        ("rough-sleeping", ("housing",)),
        ("the tenancy's end, a tenancy’s end", ("housing",)),
        ("'rough sleeping' and 'lonely'", ("housing", "isolation")),
        ("sleeping rough", ()),
        ("subtenancy, tenancyless, loneliness", ()),
        ("", ()),
    ],
)
def test_themes_are_found_by_whole_words_in_any_case(small: Vocabulary, text: str, themes: tuple[str, ...]) -> None:
    assert small.themes_in(text) == themes


def test_words_in_single_quotes_keep_their_first_letter() -> None:
    spaces = Term("space", "Space", "", ("shed", "self storage"))
    found = Vocabulary({"space": spaces}, {}, {}, {}, {}, {}, {})
    assert found.themes_in("a so-called 'shed'") == found.themes_in("‘self storage’") == ("space",)


def test_duties_are_found_by_whole_words_in_any_case(small: Vocabulary) -> None:
    assert small.duties_in("Help people join the Housing Register.") == [small.duties["allocation"]]
    assert small.duties_in("A register of housing, a housing registers") == []


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("themes.toml", "[housing]\nsays = 'Homes.'\n", '{path}: [housing] needs a line: name = "…"'),
        ("sizes.toml", "micro = 9\n", '{path}: [micro] needs a line: name = "…"'),
        ("themes.toml", "[housing]\nname = 'Housing'\nwords = 'tenancy'\n", "{path}: housing needs its words in "),
        ("acronyms.toml", "[acronyms]\nROTL = 'release on licence'\n", "{path}: ROTL needs its words in brackets"),
        ("duties.toml", "[a]\nname = 'A'\nwords = [1]\n", "{path}: a needs its words in brackets"),
        ("roles.toml", "[health\n", "{path}: "),
    ],
)
def test_an_entry_that_is_wrong_is_named_with_its_file(
    vocabulary_folder: Path, file: str, text: str, message: str
) -> None:
    (vocabulary_folder / file).write_text(text)
    with pytest.raises(VocabularyError) as refused:
        vocabulary.load(vocabulary_folder)
    assert str(refused.value).startswith(message.format(path=vocabulary_folder / file))


def test_a_file_that_is_no_utf8_is_named(vocabulary_folder: Path) -> None:
    (vocabulary_folder / "sectors.toml").write_bytes(b'[p]\nname = "Caf\xe9"\n')
    with pytest.raises(VocabularyError, match=r"sectors\.toml: 'utf-8' codec can't decode"):
        vocabulary.load(vocabulary_folder)


@pytest.mark.parametrize(
    "file", ["themes", "roles", "sectors", "sizes", "resources", "duties", "obstacles", "acronyms"]
)
def test_a_file_that_is_missing_is_named(vocabulary_folder: Path, file: str) -> None:
    (vocabulary_folder / f"{file}.toml").unlink()
    with pytest.raises(VocabularyError, match=rf"{file}\.toml: no such file; restore it from the commonweal package"):
        vocabulary.load(vocabulary_folder)


def test_a_line_called_key_does_not_stand_in_for_the_name_in_brackets(vocabulary_folder: Path) -> None:
    (vocabulary_folder / "sectors.toml").write_text("[public]\nname = 'Public'\nkey = 'other'\n")
    assert vocabulary.load(vocabulary_folder).sectors == {"public": Term("public", "Public", "")}
