"""The console's build, in sight of whoever asks for it."""

import typer

from bot.cli.console import Failed, cli, err, out
from bot.console.building import Builder, NotBuilt

console = typer.Typer(help="The console in the browser.", no_args_is_help=True)
cli.add_typer(console, name="console")


@console.callback()
def about() -> None:
    """The console in the browser."""


@console.command("build")
def build() -> None:
    """Build the console from its sources unless that is done; a checkout alone has them."""
    try:
        is_new = Builder().require()
    except NotBuilt as failed:
        err.print(failed.details, markup=False, soft_wrap=True)
        raise Failed(f"the console was not built: {failed}") from failed
    out.print("The console is built." if is_new else "The console is built already.")
