"""`commonweal …`: the commands put together, and how they end."""

import typer

from matcher.errors import CommonwealError
from service.commands import members, operation, weekly
from service.commands.options import fail

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Links what organisations need to what others offer. Start with: commonweal demo",
)
for part in (members, weekly, operation):
    app.add_typer(part.app)


def main() -> None:
    """The console script. Exits 0 when done, 1 when something failed, 2 when misused."""
    try:
        app()
    except (CommonwealError, OSError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("stopped")
