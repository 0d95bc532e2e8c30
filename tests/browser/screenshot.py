"""Write the README's picture of Ana's conversation: `python -m tests.browser.screenshot URL`."""

import argparse
from pathlib import Path

from tests.browser.chromium import ChatPage, open_browser

QUESTIONS = ("where is my order?", "1042", "and the other one?", "can I return it?", "thanks")
# Narrow enough for the page to fill the window, so that the window can grow with what was said.
WIDTH = 680
PICTURE = Path(__file__).parents[2] / "docs" / "chat.png"


def take(url: str, picture: Path, *, scheme: str) -> None:
    """Have Ana's conversation at a running demo and save what it looks like."""
    with open_browser() as browser:
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 800},
            device_scale_factor=1.5,
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        page.goto(f"{url}/chat?as=C-1001")
        chat = ChatPage(page=page)
        for question in QUESTIONS:
            chat.ask(question)
        hidden = page.locator("#scroller").evaluate("it => it.scrollHeight - it.clientHeight")
        page.set_viewport_size({"width": WIDTH, "height": 800 + hidden})
        picture.parent.mkdir(exist_ok=True)
        page.screenshot(path=picture)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="where `frontdesk demo` serves, such as http://127.0.0.1:8000")
    parser.add_argument("--to", type=Path, default=PICTURE)
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    chosen = parser.parse_args()
    take(chosen.url.rstrip("/"), chosen.to, scheme=chosen.scheme)


if __name__ == "__main__":
    main()
