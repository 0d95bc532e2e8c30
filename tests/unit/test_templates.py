import pytest

from orchestration import templates
from orchestration.errors import BadInput
from orchestration.types import Json

STATE: dict[str, Json] = {
    "input": {"name": "Mug", "size": {"width": 8}},
    "input.name": "Mug",
    "facts": {"colour": "red & blue", "sizes": ["s", "m"], "note": None},
    "facts.colour": "red & blue",
    "is_new": True,
    "price": 5,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("A {{ input.name }}, {{facts.colour}}.", "A Mug, red & blue."),
        (
            "{{ facts.sizes }} and {{ input }}",
            '["s", "m"] and {"name": "Mug", "size": {"width": 8}}',
        ),
        ("{{ is_new }} {{ price }}", "true 5"),
        ("[{{ facts.note }}]", "[]"),
        ("{{ input.size.width }} cm", "8 cm"),
        ('{"plain": {"braces": 1}}', '{"plain": {"braces": 1}}'),
    ],
)
def test_fields_are_filled_in_as_texts(template: str, text: str) -> None:
    assert templates.fill(template, STATE) == text


@pytest.mark.parametrize("field", ["input.weight", "input.name.first", "weight", "input.size.x.y"])
def test_a_field_that_is_not_there_is_named(field: str) -> None:
    with pytest.raises(BadInput, match=field) as caught:
        templates.fill(f"{{{{ {field} }}}}", STATE)

    assert caught.value.field == field


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    state = {"input.text": "{{ secret }}", "secret": "tell nobody"}

    assert templates.fill("{{ input.text }}", state) == "{{ secret }}"


def test_json_keeps_the_type_of_a_field_that_stands_alone() -> None:
    body = {"price": "{{ price }}", "text": "costs {{ price }}", "all": ["{{ facts.sizes }}", 1]}

    filled = templates.fill_json(body, STATE)

    assert filled == {"price": 5, "text": "costs 5", "all": [["s", "m"], 1]}


def test_a_value_in_an_address_cannot_leave_its_part() -> None:
    state = {"id": "a/../b?c#d", "q": "x&admin=1"}

    url = templates.fill_url("https://shop.example/orders/{{ id }}?q={{ q }}", state)

    assert url == "https://shop.example/orders/a%2F..%2Fb%3Fc%23d?q=x%26admin%3D1"


@pytest.mark.parametrize("value", ["", None, ".", ".."])
def test_a_value_that_would_change_the_folder_of_an_address_is_refused(value: Json) -> None:
    with pytest.raises(BadInput, match="id cannot stand in an address"):
        templates.fill_url("https://shop.example/orders/{{ id }}/items", {"id": value})


def test_a_header_stays_on_its_line() -> None:
    header = templates.fill_header("by {{ name }}", {"name": "Eve\r\nX-Admin: 1"})

    assert header == "by Eve X-Admin: 1"


def test_a_header_takes_no_letters_that_headers_lack() -> None:
    with pytest.raises(BadInput, match="letters"):
        templates.fill_header("{{ name }}", {"name": "Zoë"})


@pytest.mark.parametrize("text", ["{{ a b }}", "{{}}", "{{ f() }}", "{{ x", "{{ {{ a }} }}"])
def test_braces_that_name_no_field_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no field"):
        templates.checked({"body": [text]})


def test_the_fields_of_a_value_are_known_without_filling_it() -> None:
    body = {"a": ["{{ input.name }}", {"b": "{{ price }} and {{ price }}"}], "c": 1}

    assert templates.fields_in(body) == {"input.name", "price"}
