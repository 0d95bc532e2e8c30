"""The Slack app: what to tell Slack of it."""

import io
import re
from typing import Annotated

import typer
from ruamel.yaml import YAML

from bot import app as parts
from bot import settings
from bot.cli.console import cli
from orchestration.errors import BadInput

slack = typer.Typer(help="The Slack app.", no_args_is_help=True)
cli.add_typer(slack, name="slack")


@slack.callback()
def about() -> None:
    """The Slack app."""


@slack.command("manifest")
def manifest(
    http: Annotated[
        str | None,
        typer.Option(metavar="URL", help="This server's https address; without it Socket Mode."),
    ] = None,
) -> None:
    """Print the manifest to paste at api.slack.com/apps, under From a manifest."""
    if http is not None and not re.match(r"https://[\w.\[]\S*$", http, re.ASCII):
        words = (
            "must be https:// and a host, as Slack demands; for example https://help.shop.example"
        )
        raise BadInput(f"--http: {http!r} {words}", field="http")
    # Nothing of Slack is imported by those who do not use it.
    from bot.slack.manifest import build  # noqa: PLC0415

    shown = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(build(parts.shop_of(settings.read()), url=http), shown)
    typer.echo(shown.getvalue(), nl=False)
