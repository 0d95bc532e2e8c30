"""The types that the console reads the API by."""

from web import write_types


def test_the_types_of_the_console_are_those_of_the_api() -> None:
    first, types = read_types()

    expected = write_types.first_line(types)

    assert first == expected, "stale: run .venv/bin/python web/write_types.py (needs Node)"


def test_a_changed_answer_makes_them_stale() -> None:
    first, types = read_types()
    changed = write_types.document()
    changed["components"]["schemas"]["CaseOut"]["properties"]["mood"] = {"type": "string"}

    assert write_types.first_line(types, changed) != first


def test_types_that_were_written_by_hand_are_found_out() -> None:
    first, types = read_types()

    assert write_types.first_line(types + "export type Mine = string;\n") != first


def read_types() -> tuple[str, str]:
    first, _, types = write_types.TYPES.read_text("utf-8").partition("\n")
    return f"{first}\n", types
