"""From which page a request comes, as far as the browser says."""

from fastapi import Request


def own_origins(request: Request) -> tuple[str, str]:
    """Return the origins of our own pages; a proxy in front may speak https."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}", f"https://{host}"


def is_from_own_page(request: Request) -> bool:
    """Tell whether a browser vouches that a page of ours makes this request.

    False where neither header says so: each browser sends at least one of them with a write.
    """
    origin, site = (request.headers.get(name) for name in ("origin", "sec-fetch-site"))
    if origin is None and site is None:
        return False
    return origin in (None, *own_origins(request)) and site in (None, "same-origin")


def is_https(request: Request) -> bool:
    """Tell whether the browser speaks https, be it with a proxy that does not tell us."""
    is_secure_page = request.headers.get("origin", "").startswith("https://")
    return request.url.scheme == "https" or is_secure_page
