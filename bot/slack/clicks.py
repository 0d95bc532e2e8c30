"""What people do with what we show them in Slack: buttons, forms, menus, commands, App Home."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.app import App
from bot.slack.cases import Cases
from bot.slack.commands import Commands
from bot.slack.customers import Customers
from bot.slack.gestures import on_click, on_submit
from bot.slack.people import People


def register(slack: AsyncApp, app: App) -> None:
    """Register a listener for each action, form, command and shortcut."""
    people = People(app)
    cases, customers, commands = Cases(app, people), Customers(app), Commands(app, people)
    for name, do in {**cases.actions, **customers.actions}.items():
        slack.action(name)(on_click(do))
    for name, form in cases.forms.items():
        slack.view(name)(on_submit(form))
    slack.command("/support")(commands.command)
    slack.shortcut("make_case")(commands.make_case)
    slack.event("app_home_opened", matchers=[_is_home])(commands.show_home)


async def _is_home(event: Mapping[str, Any]) -> bool:
    return event.get("tab") == "home"
