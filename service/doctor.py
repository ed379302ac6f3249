"""What could keep Commonweal from working here, each with ok or the remedy."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from matcher import ranking, vocabulary
from matcher.artefacts import artefact
from matcher.errors import CommonwealError
from matcher.places import TableGazetteer
from matcher.sentence_encoder import find_weights, pinned
from service import post, stationery
from service.settings import LOOPBACK
from service.store import mails
from service.store.mails import State
from service.wiring import Commonweal

LEAST_FREE = 500 * 1024 * 1024
LATELY = timedelta(days=7)
"""For how long a mail that may have gone or not is worth a person's decision."""
OVERDUE = timedelta(hours=1)


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
        ("address", _address),
        ("secret", _secret),
        ("post", _post),
        ("mails", _mails),
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


def _address(commonweal: Commonweal) -> str:
    settings = commonweal.settings
    parts = urlsplit(settings.address)
    if settings.smtp_host and not settings.base_url:
        raise UnsoundError(
            f"links in mails lead to {settings.address}, which no reader reaches; set COMMONWEAL_BASE_URL"
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise UnsoundError(f"{settings.address} is not encrypted, links to sign in with included; serve it by https")
    return f"links in mails lead to {settings.address}" + ("" if settings.base_url else ", this machine alone")


def _secret(commonweal: Commonweal) -> str:
    settings = commonweal.settings
    if settings.secret.get_secret_value():
        return "as COMMONWEAL_SECRET says"
    kept = settings.home / "secret"
    if not kept.exists():
        return f"none yet; the first link makes {kept}"
    if kept.stat().st_mode & 0o077:
        raise UnsoundError(f"{kept} may be read by others, who could sign links with it. Run: chmod 600 {kept}")
    return f"in {kept}, for its owner alone; to run elsewhere, too, set COMMONWEAL_SECRET to it"


def _post(commonweal: Commonweal) -> str:
    settings = commonweal.settings
    sender = stationery.sender(settings.mail_from)
    if not settings.smtp_host:
        return f"no mail server: mails are {commonweal.post}. To send them, set COMMONWEAL_SMTP_HOST"
    if sender.domain.endswith(".example"):
        raise UnsoundError(
            f"COMMONWEAL_MAIL_FROM is {sender.addr_spec}, which is nobody's; set it to an address of yours"
        )
    line = post.connected(settings)
    line.close()
    login = f", logged in as {settings.smtp_user}" if settings.smtp_user else ""
    is_own = settings.smtp_host in LOOPBACK
    how = (
        "in the open"
        if settings.smtp_security == "none"
        else f"encrypted{', its certificate unread' if is_own else ''}"
    )
    return f"{commonweal.post} answers, {how}{login}. {_what_others_check(sender.domain)}"


def _what_others_check(domain: str) -> str:
    """Three records in the domain's DNS, without which mails end up as spam. They are looked up by other tools."""
    return (
        f"So that others believe it, {domain} needs three TXT records. SPF, at {domain}: v=spf1, the mail server that "
        f"sends for it (its provider says which include:), -all. DKIM, at NAME._domainkey.{domain}: the public key "
        f"that this server signs with (its provider gives both). DMARC, at _dmarc.{domain}: "
        f"v=DMARC1; p=none; rua=mailto:postmaster@{domain} to begin with, p=quarantine once the reports are clean"
    )


def _mails(commonweal: Commonweal) -> str:
    if commonweal.database.version() is None:
        return "none yet"
    now = commonweal.now()
    with commonweal.database.read() as connection:
        counts = mails.counts(connection)
        open_ = mails.every(connection, [State.SENDING, State.UNSURE, State.WAITING])
    lately = [one for one in open_ if one.claimed_at and now - one.claimed_at < LATELY]
    unsure = sum(one.state is State.UNSURE for one in lately) + sum(one.is_stuck(now) for one in open_)
    if unsure:
        raise UnsoundError(
            f"{unsure} may have gone or not; decide with: commonweal mails list, commonweal mails retry KEY"
        )
    late = sum(one.state is State.WAITING and not one.says and now - one.due > OVERDUE for one in open_)
    if late:
        raise UnsoundError(
            f"{late} should have gone an hour ago. Is `commonweal serve` running? Or: commonweal mails send"
        )
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "none yet"


def _folder(commonweal: Commonweal) -> Path:
    return commonweal.settings.vocabulary or artefact("data", "vocabulary")
