"""Where the artefacts of `models/` and `data/` lie: inside an installed wheel, or at the top of the checkout."""

from functools import cache
from importlib.resources import files
from pathlib import Path

PACKED = "_artefacts"  # written by hatch_build.py into a standard wheel only


@cache
def root() -> Path:
    """The folder that holds `models/` and `data/`."""
    package = Path(str(files("matcher")))
    packed = package / PACKED
    return packed if packed.is_dir() else package.parent


def checkout() -> Path | None:
    """The top of the checkout when the code runs from one, else None (an installed wheel)."""
    top = root()
    return top if (top / "pyproject.toml").is_file() else None


def artefact(*parts: str) -> Path:
    """`artefact("data", "vocabulary", "themes.toml")` as a path. Raises FileNotFoundError where there is none."""
    path = root().joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"no artefact {'/'.join(parts)} under {root()}: reinstall commonweal")
    return path
