import pytest

from orchestration import schemas
from orchestration.types import Json

PRODUCT: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "tone": {"type": "string", "default": "plain"},
        "size": {
            "type": "object",
            "required": ["width"],
            "properties": {"width": {"type": "number"}, "unit": {"type": "string"}},
        },
    },
}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, "input.name"),
        ({"name": 7}, "input.name"),
        ({"name": "Mug", "size": {"width": "wide"}}, "input.size.width"),
        ({"name": "Mug", "size": {}}, "input.size.width"),
        ([], "input"),
    ],
)
def test_a_flaw_is_named_by_its_path(value: Json, path: str) -> None:
    flaw = schemas.flaw(value, PRODUCT, name="input")

    assert flaw is not None
    assert flaw[0] == path


def test_what_fits_has_no_flaw() -> None:
    assert schemas.flaw({"name": "Mug", "size": {"width": 8}}, PRODUCT, name="input") is None


def test_a_value_is_spread_out_with_defaults_and_nulls_for_what_was_left_out() -> None:
    fields = schemas.spread("input", {"name": "Mug", "more": 1}, PRODUCT)

    assert fields == {
        "input": {"name": "Mug", "more": 1},
        "input.name": "Mug",
        "input.tone": "plain",
        "input.size": None,
        "input.size.width": None,
        "input.size.unit": None,
    }
    assert set(schemas.paths("input", PRODUCT)) == set(fields) - {"input"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"properties": {"a": {"$ref": "https://elsewhere.example/schema.json"}}},
        {"properties": {"a": {"$ref": "#/$defs/missing"}}},
        {"allOf": [{"$ref": "file:///etc/passwd"}]},
        {"properties": {"a": {"pattern": "["}}},
    ],
)
def test_a_schema_that_is_none_or_points_elsewhere_is_refused(schema: Json) -> None:
    with pytest.raises(ValueError, match=r"no JSON schema|names nothing|no regular"):
        schemas.check(schema)


def test_a_schema_that_leads_to_itself_fits_nothing() -> None:
    schema = schemas.check({"$ref": "#"})

    flaw = schemas.flaw({}, schema, name="input")

    assert flaw is not None
    assert "leads to itself" in flaw[1]


def test_a_schema_may_point_into_itself() -> None:
    schema = {"$defs": {"a/b": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b"}}

    assert schemas.check(schema) == schema
