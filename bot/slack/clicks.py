"""What people do with what we show them in Slack: buttons, modals, menus, commands, App Home."""

from slack_bolt.async_app import AsyncApp

from bot.app import App


def register(slack: AsyncApp, app: App) -> None:
    """Register a listener for each action, view, command and shortcut."""
