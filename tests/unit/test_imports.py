"""Files of orders, customers and articles are read, and what is wrong in them is named."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestration.errors import BadInput
from orchestration.imports import Problem, read_articles, read_customers, read_orders
from orchestration.types import Article, CustomerRecord, Order

ORDER_COLUMNS = (
    "id,customer_id,status,placed_at,due_at,delivered_at,tracking,value,currency,items\n"
)
ARTICLE = "---\nid: hours\ntitle: Opening hours\n---\nWe open at nine.\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def orders_csv(folder: Path, *rows: str) -> Path:
    return write(folder, "orders.csv", ORDER_COLUMNS + "\n".join(rows) + "\n")


def test_an_order_is_read_from_csv(tmp_path: Path) -> None:
    times = "2026-03-01T14:30:00Z,2026-03-06T18:00:00+02:00,"
    path = orders_csv(tmp_path, f"1042,C-1,in_transit,{times},TRK-1,59.90,EUR,Mug; Lamp")

    imported = read_orders(path)

    assert imported.problems == ()
    assert imported.rows == (
        Order(
            id="1042",
            customer_id="C-1",
            status="in_transit",
            placed_at=datetime(2026, 3, 1, 14, 30, tzinfo=UTC),
            due_at=datetime(2026, 3, 6, 16, tzinfo=UTC),
            tracking="TRK-1",
            value=Decimal("59.90"),
            currency="EUR",
            items=("Mug", "Lamp"),
        ),
    )


@pytest.mark.parametrize("shape", ["[{}]", '{{"shop": {{"id": [1]}}, "orders": [{}]}}'])
def test_an_order_is_read_from_json_with_its_exact_value(tmp_path: Path, shape: str) -> None:
    row = '{"id": 1042, "customer_id": "C-1", "status": "late", "value": 59.90, "items": ["Mug"]}'
    path = write(tmp_path, "orders.json", shape.format(row))

    imported = read_orders(path)

    assert imported.problems == ()
    assert imported.rows[0].id == "1042"
    assert str(imported.rows[0].value) == "59.90"
    assert imported.rows[0].items == ("Mug",)


def test_a_date_is_a_day_in_the_shops_zone_and_a_due_date_lasts_until_its_end(
    tmp_path: Path,
) -> None:
    path = orders_csv(tmp_path, "1,C-1,in_transit,2026-03-01,2026-03-06,,,,,")

    order = read_orders(path, zone=ZoneInfo("America/New_York")).rows[0]

    assert order.placed_at == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert order.due_at == datetime(2026, 3, 7, 4, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "field", "message"),
    [
        (",C-1,delivered,,,,,,,", "id", "is missing"),
        ("1,,delivered,,,,,,,", "customer_id", "is missing"),
        ("1,C-1,shipped,,,,,,,", "status", "use one of late, in_transit"),
        ("1,C-1,delivered,01.03.2026,,,,,,", "placed_at", "write 2026-03-01T14:30:00Z"),
        ("1,C-1,delivered,,2026-02-30,,,,,", "due_at", "is not a day that exists"),
        ("1,C-1,delivered,,,2026-03-01T10:00:00,,,,", "delivered_at", "has no time zone"),
        ('1,C-1,delivered,,,,,"12,50",,', "value", "write it like 59.90"),
        ("1,C-1,delivered,,,,,-1,,", "value", "must be between 0"),
        ("1,C-1,delivered,,,,,NaN,,", "value", "must be between 0"),
        ("1,C-1,delivered,,,,,1,usd,", "currency", "three capital letters"),
        ("1,C-1,delivered", "row", "has 3 cells where the header has 10"),
    ],
)
def test_a_bad_order_is_named_and_the_good_one_is_kept(
    tmp_path: Path, row: str, field: str, message: str
) -> None:
    path = orders_csv(tmp_path, "7,C-7,delivered,,,,,,,", row)

    imported = read_orders(path)

    assert [order.id for order in imported.rows] == ["7"]
    assert [(problem.line, problem.field) for problem in imported.problems] == [(3, field)]
    assert message in imported.problems[0].message


def test_the_second_order_with_an_id_is_refused_naming_the_first(tmp_path: Path) -> None:
    path = orders_csv(tmp_path, "1,C-1,delivered,,,,,,,", "", "1,C-2,delivered,,,,,,,")

    imported = read_orders(path)

    assert [order.customer_id for order in imported.rows] == ["C-1"]
    assert imported.problems == (
        Problem(line=4, field="id", message="'1' is already used by line 2"),
    )


def test_a_bad_json_row_is_named_by_its_line(tmp_path: Path) -> None:
    text = '[\n {"id": "1", "customer_id": "C", "status": "late"},\n\n {"id": true},\n 5\n]'
    path = write(tmp_path, "orders.json", text)

    imported = read_orders(path)

    assert len(imported.rows) == 1
    assert [(problem.line, problem.field) for problem in imported.problems] == [
        (4, "id"),
        (4, "customer_id"),
        (4, "status"),
        (5, "row"),
    ]


def test_a_field_nobody_knows_is_reported_once_and_its_rows_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path, "customers.csv", "id,fon\nC-1,123\nC-2,456\n")

    imported = read_customers(path)

    assert len(imported.rows) == 2
    assert [problem.field for problem in imported.problems] == ["fon"]


def test_customers_are_read_with_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(
        '\ufeffID,name,email,tier\r\nC-1,"Ruiz, Ana",Ana@Example.com,vip\r\nC-2,,,\r\n'.encode()
    )

    imported = read_customers(path)

    assert imported.problems == ()
    assert imported.rows == (
        CustomerRecord(id="C-1", name="Ruiz, Ana", email="ana@example.com", tier="vip"),
        CustomerRecord(id="C-2"),
    )


def test_two_customers_never_share_an_email_address(tmp_path: Path) -> None:
    path = write(tmp_path, "customers.csv", "id,email\nC-1,a@example.com\nC-2,A@example.com\n")

    imported = read_customers(path)

    assert [customer.id for customer in imported.rows] == ["C-1"]
    assert imported.problems[0].field == "email"


@pytest.mark.parametrize(
    "email", ["ana", "a b@example.com", "ana@example", "Ana <ana@example.com>"]
)
def test_what_is_no_email_address_is_refused(tmp_path: Path, email: str) -> None:
    path = write(tmp_path, "customers.csv", f"id,email\nC-1,{email}\n")

    imported = read_customers(path)

    assert imported.rows == ()
    assert "write it like ana@example.com" in imported.problems[0].message


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("orders.csv", b"", "is empty"),
        ("orders.csv", b" \n", "is empty"),
        ("orders.csv", b"id,customer_id,status\n", "a header and no rows"),
        ("orders.csv", b"id;customer_id;status\n1;C;late\n", "separated by commas"),
        ("orders.csv", b"id,id,customer_id,status\n1,1,C,late\n", "stands twice"),
        ("orders.csv", b'id,customer_id,status\n1,"C,late\n', "line 2 is not CSV"),
        ("orders.csv", b"id,customer_id,status\n1,Zo\xeb,late\n", "line 2 is not UTF-8"),
        ("orders.json", b'[\n{"id": 1,}\n]', "line 2 is not JSON"),
        ("orders.json", b"[]", "holds no orders"),
        ("orders.json", b'{"customers": []}', 'or an object {"orders": [...]}'),
        ("orders.json", b'{"orders": {}}', "must be a list of orders"),
        ("orders.json", b"7", "must be a list of orders"),
        ("orders.json", b"[" * 100_000, "is not"),
        ("orders.json", b"[{" + b'"id": ' + b"9" * 5000 + b"}]", "is not a list of orders"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(BadInput, match=name) as refusal:
        read_orders(path)

    assert message in str(refusal.value)


def test_a_file_that_does_not_exist_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.csv: cannot be read: No such file"):
        read_orders(tmp_path / "nowhere.csv")


def test_half_a_character_in_json_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "customers.json", r'[{"id": "1", "name": "\ud800"}]')

    imported = read_customers(path)

    assert imported.rows == ()
    assert imported.problems[0].field == "name"


def test_an_article_is_read_from_markdown_with_front_matter(tmp_path: Path) -> None:
    front = "id: hours\ntitle: 'Hours: when'\nurl: https://a.example/h\nlanguage: DE\nquestions:\n"
    write(
        tmp_path, "sub/hours.md", f"---\n{front}  - When?\n---\n\n# Hours\n\nAt nine.\n---\nYes.\n"
    )

    imported = read_articles(tmp_path)

    assert imported.problems == ()
    assert imported.rows == (
        Article(
            id="hours",
            title="Hours: when",
            text="# Hours\n\nAt nine.\n---\nYes.",
            url="https://a.example/h",
            language="de",
            questions=("When?",),
        ),
    )


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("", None, "text", "is empty"),
        ("# Hours\n", 1, "front matter", "must begin with front matter"),
        ("---\nid: a\ntitle: b\n", 1, "front matter", "must begin with front matter"),
        ("---\nid: a\ntitle: b: c\n---\nText\n", 3, "front matter", "quote texts with a colon"),
        ("---\n- id\n---\nText\n", 2, "front matter", "must be fields"),
        ("---\nid: a\n---\nText\n", 1, "title", "is missing"),
        ("---\nid: a\ntitle: b\n---\n\n", 5, "text", "is missing"),
        ("---\nid: a\ntitle: b\nurl: shop\n---\nText\n", 4, "url", "is not a web address"),
        ("---\nid: a\ntitle: b\nlanguage: english\n---\nText\n", 4, "language", "two letters"),
        ("---\nid: a\ntitle: b\nquestions: When?\n---\nText\n", 4, "questions", "a list"),
        ("---\nid: a\ntitle: b\ntags: c\n---\nText\n", 4, "tags", "is not a known field"),
    ],
)
def test_what_is_wrong_with_an_article_is_named_with_its_file(
    tmp_path: Path, text: str, line: int | None, field: str, message: str
) -> None:
    write(tmp_path, "good.md", ARTICLE)
    write(tmp_path, "sub/odd.md", text)

    imported = read_articles(tmp_path)

    assert imported.rows[0].id == "hours"
    assert [(problem.line, problem.field) for problem in imported.problems] == [(line, field)]
    assert imported.problems[0].message.startswith("sub/odd.md: ")
    assert message in imported.problems[0].message


def test_an_article_that_is_not_utf8_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    write(tmp_path, "good.md", ARTICLE)
    (tmp_path / "odd.md").write_bytes(b"---\nid: a\ntitle: Caf\xe9\n---\nText\n")

    imported = read_articles(tmp_path)

    assert len(imported.rows) == 1
    assert "line 3 is not UTF-8" in imported.problems[0].message


def test_two_articles_with_one_id_are_a_problem_that_names_both_files(tmp_path: Path) -> None:
    write(tmp_path, "a.md", ARTICLE)
    write(tmp_path, "b.md", ARTICLE)

    imported = read_articles(tmp_path)

    assert len(imported.rows) == 1
    assert str(imported.problems[0]) == "line 2, id: b.md: 'hours' is already used by a.md"


def test_a_folder_without_markdown_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "notes.txt", "hello")

    with pytest.raises(BadInput, match=r"holds no \.md file"):
        read_articles(tmp_path)


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "hours.md", ARTICLE)

    with pytest.raises(BadInput, match=r"give a folder of \.md files"):
        read_articles(path)
