"""What customers attached, as agents fetch it: to the letter, with their key, never as a page."""

import base64

import pytest

from tests.e2e.frontdesk import Frontdesk, Json, new_name

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PAGE = b"<script>alert(document.cookie)</script>"


def attach(frontdesk: Frontdesk, **attachment: str) -> Json:
    """Let Ana attach a file, and return it as it is listed."""
    reply = frontdesk.ask("", conversation=new_name(), attachments=[attachment])
    id = frontdesk.get(f"/v1/runs/{reply['run_id']}")["conversation_id"]
    (listed,) = frontdesk.conversation(id)["messages"][0]["attachments"]
    return listed


def with_content(frontdesk: Frontdesk, name: str, type: str, content: bytes) -> Json:
    encoded = base64.b64encode(content).decode()
    return attach(frontdesk, name=name, type=type, content_base64=encoded)


def test_agents_fetch_what_was_sent_byte_for_byte(frontdesk: Frontdesk) -> None:
    listed = with_content(frontdesk, "damage.png", "image/png", PNG)

    answer = frontdesk.admin.get(f"/v1/attachments/{listed['id']}")

    assert (answer.status_code, answer.content) == (200, PNG)
    assert listed["size"] == len(PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith('attachment; filename="damage.png"')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("type", ["text/html", "image/svg+xml", "text/javascript", "nonsense", ""])
def test_what_a_browser_could_run_is_only_bytes(frontdesk: Frontdesk, type: str) -> None:
    listed = with_content(frontdesk, "page.html", type or "x", PAGE)

    answer = frontdesk.admin.get(f"/v1/attachments/{listed['id']}")

    assert answer.content == PAGE
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")


def test_a_name_with_quotes_paths_and_other_letters_stays_a_name(frontdesk: Frontdesk) -> None:
    listed = with_content(frontdesk, 'ü"; x=../../etc/passwd', "text/plain", b"hi")

    header = frontdesk.admin.get(f"/v1/attachments/{listed['id']}").headers["content-disposition"]

    plain, encoded = header.removeprefix("attachment; ").split("; ")
    assert plain == 'filename="x_.._.._etc_passwd"'
    assert encoded == "filename*=UTF-8''%C3%BC%22%3B%20x%3D..%2F..%2Fetc%2Fpasswd"


def test_only_the_admin_key_opens_an_attachment(frontdesk: Frontdesk) -> None:
    listed = with_content(frontdesk, "damage.png", "image/png", PNG)
    path = f"/v1/attachments/{listed['id']}"

    assert frontdesk.system.get(path).status_code == 401
    assert frontdesk.admin.get(path, headers={"Authorization": ""}).status_code == 401


def test_what_was_only_named_by_its_url_is_not_fetched(frontdesk: Frontdesk) -> None:
    listed = attach(
        frontdesk, name="i.pdf", type="application/pdf", url="https://shop.example/i.pdf"
    )

    answer = frontdesk.admin.get(f"/v1/attachments/{listed['id']}")

    assert listed["size"] is None
    assert (answer.status_code, "only its url" in answer.json()["detail"]) == (404, True)
    assert frontdesk.admin.get("/v1/attachments/none").status_code == 404
