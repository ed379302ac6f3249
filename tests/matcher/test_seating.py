"""Which table each meeting has."""

from matcher.seating import seat


def test_as_many_as_can_be_stay_where_one_of_them_sat() -> None:
    first = {("alba", "borea"): 0, ("ciano", "dorado"): 0, ("esino", "fiora"): 0}
    second = {("alba", "ciano"): 1, ("borea", "gemma"): 1, ("dorado", "esino"): 1}
    seats = seat({**first, **second}, tables=3, fixed={}, before={})
    assert seats == {
        ("alba", "borea"): 1,
        ("ciano", "dorado"): 2,
        ("esino", "fiora"): 3,
        ("alba", "ciano"): 2,
        ("borea", "gemma"): 1,
        ("dorado", "esino"): 3,
    }


def test_whoever_waits_a_slot_finds_its_table_again() -> None:
    slots = {("alba", "borea"): 0, ("ciano", "dorado"): 0, ("alba", "ciano"): 1, ("borea", "dorado"): 2}
    seats = seat(slots, tables=2, fixed={}, before={("alba", "ciano"): 2})
    assert (seats["alba", "ciano"], seats["borea", "dorado"]) == (2, 1)


def test_fixed_tables_go_before_those_of_before_and_those_before_all_others() -> None:
    slots = {("alba", "borea"): 0, ("ciano", "dorado"): 0, ("esino", "fiora"): 0}
    seats = seat(slots, tables=3, fixed={("esino", "fiora"): 2}, before={("alba", "borea"): 2, ("ciano", "dorado"): 1})
    assert seats == {("esino", "fiora"): 2, ("ciano", "dorado"): 1, ("alba", "borea"): 3}


def test_a_table_that_is_not_there_any_more_is_nobodys() -> None:
    assert seat({("alba", "borea"): 0}, tables=2, fixed={}, before={("alba", "borea"): 3}) == {("alba", "borea"): 1}
