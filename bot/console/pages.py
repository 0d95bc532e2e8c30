"""The built console as a browser gets it; where it is not built, a page that says so."""

import html
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, Response

# No inline script or style, no other host, and no page of others around ours.
_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FRESH = {**_HEADERS, "Cache-Control": "no-cache"}
# The names of these files carry a hash of what is in them.
_FOREVER = {**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}

_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<title>The console is not built</title>
<h1>The console is not built</h1>
<p>{why}</p>
<p>Everything else works meanwhile. This page looks again every five seconds.</p>
</html>
"""
_HOW_TO_BUILD = (
    "Build it with `frontdesk console build`, which needs Node.js 22.12 or newer and the network "
    "once; released packages have it in them."
)


def serve(api: FastAPI, built: Path, why_missing: Callable[[], str | None]) -> None:
    """Serve the console from the folder it is built into, once it is there."""

    @api.api_route("/console", methods=["GET", "HEAD"], include_in_schema=False)
    @api.api_route("/console/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(path: str = "") -> Response:
        if not (built / "index.html").is_file():
            words = html.escape(why_missing() or _HOW_TO_BUILD)
            return HTMLResponse(_NOT_BUILT.format(why=words), 503, {**_FRESH, "Retry-After": "5"})
        return _answer(built, path)


def _answer(built: Path, path: str) -> Response:
    is_asset = path.startswith("assets/")
    if not is_asset and "." not in path.rpartition("/")[2]:
        # The page itself knows what an address such as cases/… means.
        return FileResponse(built / "index.html", headers=_FRESH)
    file = _find(built, path)
    if file is None:
        return PlainTextResponse("Not found", 404, _FRESH)
    return FileResponse(file, headers=_FOREVER if is_asset else _FRESH)


def _find(built: Path, path: str) -> Path | None:
    """Return a file of the build; no address leads out of its folder."""
    try:
        file = (built / path).resolve()
        is_ours = file.is_relative_to(built.resolve()) and file.is_file()
    except OSError:
        # Some addresses are longer than any file's name.
        return None
    return file if is_ours else None
