"""The post: a mail server, or a folder where none is set. It takes a mail, puts it off or refuses it.

smtplib does not tell a connection that was lost before the end of a mail from one lost after it, when the server may
have taken it; so the mail itself is handed over here.
"""

import os
import re
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from matcher.errors import CommonwealError
from matcher.masking import HIDDEN, mask
from service.settings import LOOPBACK, Settings

PORTS = {"starttls": 587, "tls": 465, "none": 25}
LAST_ANSWER = 10
"""How many times the timeout the answer to a whole mail is waited for: RFC 5321 asks for ten minutes."""
LONGEST_WORDS = 200


class ClosedError(CommonwealError):
    """The post does not work at all just now, whatever the mail: nothing was handed over."""


class PutOffError(CommonwealError):
    """This mail was not taken, and may be later. `ends_run`: nor would the next one be. `lost`: nobody said so."""

    def __init__(self, says: str, *, ends_run: bool = False, lost: bool = False) -> None:
        super().__init__(says)
        self.ends_run = ends_run
        self.lost = lost


class RefusedError(CommonwealError):
    """This mail is never taken. `address`: because there is nobody at its address."""

    def __init__(self, says: str, *, address: bool = False) -> None:
        super().__init__(says)
        self.address = address


class UnsureError(CommonwealError):
    """All of the mail was sent and no answer came: the server may have taken it."""


class Line(Protocol):
    """An open way to the post, for a run of mails."""

    def ready(self) -> None:
        """Waits for the next mail's turn, and sees to it that it can be sent. Raises ClosedError."""

    def send(self, mail: EmailMessage) -> str:
        """What the post answered to it. Raises PutOffError, RefusedError, UnsureError, ClosedError."""


class Post(Protocol):
    """Where mails go."""

    def open(self) -> AbstractContextManager[Line]: ...


@dataclass
class Pace:
    """Turns, evenly apart: so many in a minute at most."""

    per_minute: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    _next: float = field(default=0.0, init=False)

    def wait(self) -> None:
        now = self.clock()
        turn = max(now, self._next)
        self._next = turn + 60 / self.per_minute
        if turn > now:
            self.sleep(turn - now)


@dataclass(frozen=True)
class FolderPost:
    """Mails as files, where no mail server is set. They hold links to sign in with: the folder is its owner's alone."""

    folder: Path

    def __str__(self) -> str:
        return f"files in {self.folder}"

    @contextmanager
    def open(self) -> Iterator[Line]:
        yield self

    def ready(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ClosedError(f"{self.folder} cannot be written to ({error.strerror})") from None

    def send(self, mail: EmailMessage) -> str:
        at = parsedate_to_datetime(mail["Date"])
        subject = re.sub(r"[^a-z0-9]+", "-", str(mail["Subject"]).lower())[:40].strip("-")
        path = self.folder / f"{at:%Y%m%d-%H%M%S}-{subject}-{mail['Message-ID'][1:9]}.eml"
        part = path.with_suffix(".part")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(mail.as_bytes())
            part.replace(path)
        except OSError as error:
            raise PutOffError(f"it cannot be written ({error.strerror})", ends_run=True) from None
        return path.name


class SmtpPost:
    """A mail server, one connection for a run of mails."""

    def __init__(self, settings: Settings, pace: Pace | None = None) -> None:
        self._settings = settings
        self._pace = pace or Pace(settings.mails_per_minute)

    def __str__(self) -> str:
        return f"{self._settings.smtp_host}:{port_of(self._settings)}"

    @contextmanager
    def open(self) -> Iterator[Line]:
        line = _SmtpLine(self._settings, self._pace)
        try:
            yield line
        finally:
            line.close(politely=True)


class _SmtpLine:
    def __init__(self, settings: Settings, pace: Pace) -> None:
        self._settings = settings
        self._pace = pace
        self._smtp: smtplib.SMTP | None = None

    def ready(self) -> None:
        self._pace.wait()
        if self._smtp is not None and not self._is_alive():
            self.close()
        if self._smtp is None:
            self._smtp = connected(self._settings)

    def _is_alive(self) -> bool:
        assert self._smtp is not None
        try:
            return self._smtp.rset()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def send(self, mail: EmailMessage) -> str:
        assert self._smtp is not None
        smtp, to = self._smtp, mail["To"].addresses[0].addr_spec
        content = mail.as_bytes(policy=SMTP)
        size = [f"size={len(content)}"] if smtp.has_extn("size") else []
        try:
            self._expect(smtp.mail(mail["From"].addresses[0].addr_spec, size), "the sender", to)
            self._expect(smtp.rcpt(to), "the address", to)
            self._expect(smtp.docmd("data"), "the mail", to, wanted=3)
            smtp.send(re.sub(rb"(?m)^\.", b"..", content))
            if _has_spoken(smtp):  # before its turn it can only refuse, or hang up
                raise smtplib.SMTPServerDisconnected
            smtp.send(b".\r\n")
        except (smtplib.SMTPException, OSError):
            self.close()
            raise PutOffError("the mail server broke off before it had all of the mail", lost=True) from None
        return self._answer(smtp, to)

    def _answer(self, smtp: smtplib.SMTP, to: str) -> str:
        try:
            _patience(smtp, min(600, LAST_ANSWER * self._settings.smtp_timeout))
            code, said = smtp.getreply()
            _patience(smtp, self._settings.smtp_timeout)
            if code // 100 not in (2, 4, 5):
                raise smtplib.SMTPServerDisconnected
        except (smtplib.SMTPException, OSError):
            self.close()
            raise UnsureError("the mail server had all of the mail and never said whether it took it") from None
        self._expect((code, said), "the mail", to)
        return words(code, said, to)

    def _expect(self, answer: tuple[int, bytes], what: str, to: str, wanted: int = 2) -> None:
        code, said = answer
        if code // 100 == wanted:
            return
        says = f"{what} was refused: {words(code, said, to)}"
        if code == 421:
            self.close()
        if code < 500:
            is_one_mailbox = what == "the address" and re.match(rb"4\.[12]\.", said) is not None  # full, or moved
            raise PutOffError(says, ends_run=code in (421, 452) and not is_one_mailbox)
        if what == "the sender" and code != 552:  # 552 is about this mail's size
            raise ClosedError(f"{says}. Check COMMONWEAL_MAIL_FROM and COMMONWEAL_SMTP_USER")
        raise RefusedError(says, address=what == "the address" and _is_nobody(code, said))

    def close(self, *, politely: bool = False) -> None:
        if self._smtp is not None:
            if politely:
                with suppress(smtplib.SMTPException, OSError):
                    self._smtp.quit()
            self._smtp.close()
            self._smtp = None


def connected(settings: Settings) -> smtplib.SMTP:
    """A connection to the mail server, encrypted and logged in as set. Raises ClosedError, which says what failed."""
    host, port, security = settings.smtp_host, port_of(settings), settings.smtp_security
    if settings.smtp_user and security == "none" and host not in LOOPBACK:
        raise ClosedError(f"COMMONWEAL_SMTP_SECURITY is none: the password for {host} would travel for all to read")
    own_name = urlsplit(settings.base_url).hostname or None
    timeout = settings.smtp_timeout
    smtp: smtplib.SMTP | None = None
    try:
        if security == "tls":
            smtp = smtplib.SMTP_SSL(host, port, own_name, timeout=timeout, context=tls(host))
        else:
            smtp = smtplib.SMTP(host, port, own_name, timeout=timeout)
        smtp.ehlo_or_helo_if_needed()
        if security == "starttls":
            _encrypt(smtp, host)
        if settings.smtp_user:
            smtp.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except (smtplib.SMTPException, OSError) as error:
        if smtp is not None:
            smtp.close()
        raise ClosedError(_why_closed(error, f"{host}:{port}")) from None
    return smtp


def _encrypt(smtp: smtplib.SMTP, host: str) -> None:
    if not smtp.has_extn("starttls"):
        says = "it offers no STARTTLS, and nothing is sent in the open. Set COMMONWEAL_SMTP_SECURITY to tls, or"
        raise smtplib.SMTPNotSupportedError(f"{says} to none for a server on this machine")
    smtp.starttls(context=tls(host))
    smtp.ehlo()


def _why_closed(error: Exception, where: str) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = words(error.smtp_code, error.smtp_error)
        return f"{where} does not accept COMMONWEAL_SMTP_USER with its password: {said}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{where} does not take mails just now: {words(error.smtp_code, error.smtp_error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {where} cannot be trusted: {error.verify_message}"
    if isinstance(error, TimeoutError) or str(error).endswith("timed out"):
        return f"{where} does not answer: no connection in time"
    says = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{where} cannot be used: {says[:LONGEST_WORDS]}"


def tls(host: str) -> ssl.SSLContext:
    """Certificates are verified, but for a server on this machine: nobody certifies the name localhost."""
    context = ssl.create_default_context()
    if host in LOOPBACK:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def port_of(settings: Settings) -> int:
    return settings.smtp_port or PORTS[settings.smtp_security]


def words(code: int, said: bytes | str, to: str = "") -> str:
    """What a mail server said, in one line, without addresses, and not for ever."""
    text = "".join(
        c if c.isprintable() else " " for c in (said if isinstance(said, str) else said.decode("utf-8", "replace"))
    )
    if to:
        local = to.rpartition("@")[0]
        for own in (to, local) if len(local) > 2 else (to,):
            text = re.sub(rf"(?<![\w.]){re.escape(own)}(?![\w.])", "[hidden]", text, flags=re.I)
    text = mask(" ".join(text.split())).replace(HIDDEN, "[hidden]")
    return f"{code} {text}"[:LONGEST_WORDS].rstrip()


UNKNOWN = re.compile(
    rb"unknown|no such|not found|does ?n.t exist|does not exist|invalid (?:user|recipient|mailbox)|not a valid"
    rb"|user(?:name)? (?:is )?(?:invalid|unavailable)|mailbox unavailable|no mailbox",
    re.I,
)
"""What servers that give no enhanced code say where nobody is; what else they say may be about us."""


def _is_nobody(code: int, said: bytes) -> bool:
    """Whether a refusal is about the address, not about us: our own bad name (5.7) must not cost anybody theirs."""
    found = re.match(rb"5\.(\d{1,3})\.(\d{1,3})\b", said)
    if found is None:
        return code in (550, 551, 553) and UNKNOWN.search(said) is not None
    subject, detail = map(int, found.groups())
    return (subject == 1 and detail not in (7, 8)) or (subject, detail) in ((2, 1), (4, 1))  # 4.1: Exchange, for nobody


def _patience(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def _has_spoken(smtp: smtplib.SMTP) -> bool:
    """Whether the server said something, or hung up, though it was not its turn."""
    sock = smtp.sock
    assert sock is not None
    before = sock.gettimeout()
    try:
        sock.settimeout(0)
        sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        with suppress(OSError):
            sock.settimeout(before)
    return True
