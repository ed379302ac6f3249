"""What could keep Commonweal from working here, each with ok or the remedy."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from matcher import ranking, vocabulary
from matcher.artefacts import artefact
from matcher.errors import CommonwealError
from matcher.places import TableGazetteer
from matcher.sentence_encoder import find_weights, pinned
from service.wiring import Commonweal

LEAST_FREE = 500 * 1024 * 1024


class UnsoundError(CommonwealError):
    """Something here would keep Commonweal from doing its work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `says` is what was found, or what to do."""

    name: str
    ok: bool
    says: str


def examine(commonweal: Commonweal) -> Iterator[Finding]:
    """Every check, one after the other; one that fails does not keep the others from running."""
    checks: tuple[tuple[str, Callable[[Commonweal], str]], ...] = (
        ("home", _home),
        ("database", _database),
        ("weights", _weights),
        ("vectors", _vectors),
        ("vocabulary", _vocabulary),
        ("places", _places),
        ("ranker", _ranker),
    )
    for name, check in checks:
        try:
            yield Finding(name, True, check(commonweal))
        except (CommonwealError, OSError) as error:
            yield Finding(name, False, str(error))
        except Exception as error:  # whatever a check dies of is what it has found
            yield Finding(name, False, f"{type(error).__name__}: {error}")


def _home(commonweal: Commonweal) -> str:
    home = commonweal.settings.home
    existing = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise UnsoundError(f"{existing} is no folder; set COMMONWEAL_HOME to one")
    try:
        with tempfile.TemporaryFile(dir=existing):  # tried, not asked: rights alone do not tell
            pass
    except OSError as error:
        says = f"{existing} cannot be written to ({error.strerror}); set COMMONWEAL_HOME to a folder that can"
        raise UnsoundError(says) from None
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE:
        raise UnsoundError(
            f"only {free // 2**20} MB free at {existing}; free some space or set COMMONWEAL_HOME elsewhere"
        )
    return f"{home}, {free // 2**30} GB free"


def _database(commonweal: Commonweal) -> str:
    database = commonweal.database
    if database.path is not None and not database.path.exists():
        return f"{database}: not made yet; the first import makes it"
    version = database.version()
    with database.write():
        pass
    return f"{database}, schema {version}, may be written to"


def _weights(commonweal: Commonweal) -> str:
    settings = commonweal.settings
    if settings.encoder == "hash":
        raise UnsoundError("encoder 'hash' understands nothing: unset COMMONWEAL_ENCODER for real suggestions")
    wanted = pinned(artefact("models", "encoders.toml"), settings.encoder)
    found = find_weights(wanted, settings.weights)
    if settings.weights and found != settings.weights:
        says = (
            f"COMMONWEAL_WEIGHTS is {settings.weights}, which does not hold them: those in {found} are used. Unset it"
        )
        raise UnsoundError(says)
    return f"{wanted.key} in {found}, sha256 {wanted.sha256[:12]}… as pinned"


def _vectors(commonweal: Commonweal) -> str:
    if commonweal.database.version() is None:
        return "none yet"
    kept = commonweal.vectors.encoders()
    own = kept.pop(commonweal.encoder.name, 0)
    if kept:
        others = ", ".join(f"{count} of {name}" for name, count in kept.items())
        return f"{own} of this encoder; {others} are not used"
    return f"{own} of this encoder"


def _vocabulary(commonweal: Commonweal) -> str:
    loaded = vocabulary.load(_folder(commonweal))
    return f"{len(loaded.themes)} themes, {len(loaded.acronyms)} acronyms, {len(loaded.duties)} duties"


def _places(commonweal: Commonweal) -> str:
    found = TableGazetteer(_folder(commonweal) / "places.csv").resolve("Canterbury")
    return f"Canterbury is found at {found[0].latitude:.2f}, {found[0].longitude:.2f}"


def _ranker(commonweal: Commonweal) -> str:
    path = commonweal.settings.ranker or artefact("models", "ranker.toml")
    return f"{path.name}, version {ranking.load(path).version}"


def _folder(commonweal: Commonweal) -> Path:
    return commonweal.settings.vocabulary or artefact("data", "vocabulary")
