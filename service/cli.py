"""`commonweal …`: the commands put together, and how they end."""

import os
from importlib.metadata import entry_points

import typer

from matcher.errors import CommonwealError
from service.commands.options import fail

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported: its products here are small, and
# several threads for each cost ten times what they save as soon as another process wants a core

COMMANDS = "commonweal.commands"
"""The entry-point group through which every package adds its commands."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Links what organisations need to what others offer. Start with: commonweal demo",
)
for part in sorted(entry_points(group=COMMANDS), key=lambda part: (not part.value.startswith("service."), part.name)):
    app.add_typer(part.load())


def main() -> None:
    """The console script. Exits 0 when done, 1 when something failed, 2 when misused."""
    try:
        app()
    except (CommonwealError, OSError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("stopped")
