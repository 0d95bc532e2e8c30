"""Signing in to the console, and out."""

from fastapi import APIRouter, Depends, Request, Response

from bot.api import limits, sessions
from bot.api.guards import CurrentApp, is_key, small_body
from bot.api.origins import is_from_own_page
from bot.api.schemas import ConsoleSessionIn, ConsoleSessionOut
from bot.api.sessions import Session
from bot.app import App
from bot.console.links import SignInLink
from orchestration.errors import NotAllowed, NotAuthenticated

router = APIRouter(prefix="/console/session", tags=["console"])


@router.post("", dependencies=[Depends(small_body)])
async def open_session(
    body: ConsoleSessionIn, request: Request, response: Response, app: CurrentApp
) -> ConsoleSessionOut:
    """Sign an agent in; the name is what their commands are recorded under."""
    if not is_from_own_page(request):
        raise NotAllowed("sign in on the console's own page")
    limits.allow_sign_in(request)
    admin_key = app.settings.frontdesk_admin_key
    if admin_key is None or not _is_let_in(app, request, body):
        limits.note_wrong_key(request)
        raise NotAuthenticated(_refusal(app, body))
    session = await sessions.open_for(app, body.agent, admin_key=admin_key)
    sessions.set_cookie(request, response, session)
    return _shown(session, response)


def _is_let_in(app: App, request: Request, body: ConsoleSessionIn) -> bool:
    link: SignInLink | None = request.app.state.sign_in_link
    if body.once is not None:
        return link is not None and link.use(body.once)
    return is_key(body.key, app.settings.frontdesk_admin_key)


def _refusal(app: App, body: ConsoleSessionIn) -> str:
    if app.settings.frontdesk_admin_key is None:
        return "nobody can sign in: FRONTDESK_ADMIN_KEY is not set"
    if body.once is not None:
        return "this link has been used or is too old; sign in with the admin key"
    return "this is not the admin key"


@router.get("")
async def get_session(request: Request, response: Response, app: CurrentApp) -> ConsoleSessionOut:
    """Return the session of this browser."""
    found = await sessions.find(app, request)
    if found is None:
        raise NotAuthenticated("sign in: POST /console/session")
    return _shown(await sessions.keep_alive(app, found), response)


@router.delete("", status_code=204)
async def end_session(request: Request, app: CurrentApp) -> Response:
    """Sign out; without a session there is nothing to do."""
    found = await sessions.find(app, request)
    if found is not None:
        sessions.require_own_write(request, found)
        await sessions.end(app, found)
    response = Response(status_code=204)
    sessions.drop_cookies(response)
    return response


def _shown(session: Session, response: Response) -> ConsoleSessionOut:
    response.headers["Cache-Control"] = "no-store"
    return ConsoleSessionOut(
        agent=session.row.agent, csrf=session.csrf, expires_at=session.expires_at
    )
