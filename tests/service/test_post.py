"""The post: a mail server, good or bad, told apart by what it did with a mail; a folder where there is none."""

import shutil
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from service import stationery
from service.post import ClosedError, FolderPost, Pace, PutOffError, RefusedError, SmtpPost, UnsureError, tls, words
from service.settings import Settings
from service.stationery import Mail

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
HERE = "127.0.0.1"
ELSEWHERE = "127.0.0.2"  # this machine, too, and none of the names that are known to be


def letter(text: str = "Dear Ann,\n.a line that begins with a dot\n", to: str = "ann@alba.example") -> EmailMessage:
    return stationery.message(
        Mail(subject="Grüße – hello", text=text, html=f"<p>{text}</p>"),
        name="Ann Ålba",
        email=to,
        sender=stationery.sender("Commonweal <suggestions@commonweal.example>"),
        at=AT,
        key="a letter",
    )


class Box:
    """An aiosmtpd handler: keeps what it takes, and answers a command with what it was told to."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.sessions: set[int] = set()
        self.tls: list[bool] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.sessions.add(id(session))
        self.tls.append(server.transport.get_extra_info("ssl_object") is not None)
        if "mail" in self.answers:
            return self.answers["mail"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if "rcpt" in self.answers:
            return self.answers["rcpt"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answers.get("data") == "hang up":
            server.transport.abort()
            return "250 nobody hears this"
        if "data" in self.answers:
            return self.answers["data"]
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 kept"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(box: Box, host: str = HERE, **options: Any) -> Iterator[int]:
    controller = Controller(box, hostname=host, port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)


def post(port: int, host: str = HERE, **settings: Any) -> SmtpPost:
    given = {"smtp_host": host, "smtp_port": port, "smtp_security": "none", "smtp_timeout": 2.0, **settings}
    return SmtpPost(Settings(**given), Pace(1e9))


def send(to: SmtpPost, *letters: EmailMessage) -> list[str]:
    with to.open() as line:
        answers = []
        for one in letters or (letter(),):
            line.ready()
            answers.append(line.send(one))
    return answers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.2 that nobody vouches for, with its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl for a certificate")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file.with_suffix(".key"))
    for_whom = ("-days", "2", "-subj", "/CN=mail", "-addext", f"subjectAltName=IP:{ELSEWHERE}")
    subprocess.run([openssl, "req", "-x509", *key, "-out", file, *for_whom], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + file.with_suffix(".key").read_bytes())
    return file


def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


# What is taken


def test_mails_go_over_one_connection_as_they_were_written() -> None:
    box = Box()
    with serving(box) as port:
        assert send(post(port), letter(), letter(to="bo@borea.example")) == ["250 kept", "250 kept"]
    assert [(sender, to) for sender, to, _ in box.mails] == [
        ("suggestions@commonweal.example", ["ann@alba.example"]),
        ("suggestions@commonweal.example", ["bo@borea.example"]),
    ]
    assert box.mails[0][2] == letter().as_bytes(policy=letter().policy.clone(linesep="\r\n"))
    assert b"\r\n.a line that begins with a dot\r\n" in box.mails[0][2]
    assert box.mails[0][2].isascii()
    assert len(box.sessions) == 1


def test_a_connection_that_was_dropped_between_two_mails_is_made_anew() -> None:
    box = Box()
    with serving(box) as port, post(port).open() as line:
        line.ready()
        line.send(letter())
        line._smtp.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
        line.ready()
        line.send(letter())
    assert (len(box.mails), len(box.sessions)) == (2, 2)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mails_travel_encrypted(security: str, certificate: Path) -> None:
    box, own = Box(), context(certificate)
    options = {"tls_context": own, "require_starttls": True} if security == "starttls" else {"ssl_context": own}
    with serving_tls(box, HERE, **options) as port:
        assert send(post(port, smtp_security=security)) == ["250 kept"]
    assert box.tls == [True]


@contextmanager
def serving_tls(box: Box, host: str, **options: Any) -> Iterator[int]:
    """aiosmtpd's own start asks in plain whether it runs, which a server with implicit TLS does not answer."""
    if "ssl_context" not in options:
        with serving(box, host, **options) as port:
            yield port
        return

    class Encrypted(Controller):
        def _trigger_server(self) -> None:
            with tls(HERE).wrap_socket(socket.create_connection((self.hostname, self.port), 5)) as probe:
                probe.recv(100)

    controller = Encrypted(box, hostname=host, port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_nobody_vouches_for_is_refused_but_on_this_machine(
    security: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, own = Box(), context(certificate)
    options = {"tls_context": own, "require_starttls": True} if security == "starttls" else {"ssl_context": own}
    with serving_tls(box, ELSEWHERE, **options) as port:
        there = post(port, ELSEWHERE, smtp_security=security)
        with pytest.raises(ClosedError, match=f"^the certificate of {ELSEWHERE}:{port} cannot be trusted: self.signed"):
            send(there)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # somebody vouches for it now
        assert send(there) == ["250 kept"]
    assert box.tls == [True]


def test_nothing_is_sent_in_the_open_where_encryption_was_asked_for() -> None:
    box = Box()
    with serving(box) as port, pytest.raises(ClosedError) as raised:
        send(post(port, smtp_security="starttls"))
    assert str(raised.value) == (
        f"{HERE}:{port} cannot be used: it offers no STARTTLS, and nothing is sent in the open. Set "
        "COMMONWEAL_SMTP_SECURITY to tls, or to none for a server on this machine"
    )
    assert box.mails == []


# Logging in


def knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=given == LoginPassword(b"network", b"right password"), handled=False)


@pytest.mark.parametrize("password", ["right password", "wrong password"])
def test_it_logs_in_and_says_so_where_it_may_not(password: str, certificate: Path) -> None:
    box = Box()
    options = {"tls_context": context(certificate), "authenticator": knows, "auth_required": True}
    with serving(box, **options) as port:
        here = post(port, smtp_security="starttls", smtp_user="network", smtp_password=password)
        if password == "right password":
            assert send(here) == ["250 kept"]
            return
        with pytest.raises(ClosedError) as raised:
            send(here)
    assert str(raised.value).startswith(f"{HERE}:{port} does not accept COMMONWEAL_SMTP_USER with its password: 535 ")
    assert "wrong password" not in str(raised.value)


def test_without_a_login_where_one_is_needed_the_post_is_closed(certificate: Path) -> None:
    options = {"tls_context": context(certificate), "authenticator": knows, "auth_required": True}
    with (
        serving(Box(), **options) as port,
        pytest.raises(ClosedError, match=r"the sender was refused: 530 .*SMTP_USER"),
    ):
        send(post(port, smtp_security="starttls"))


def test_no_password_travels_in_the_open_to_another_machine() -> None:
    with pytest.raises(ClosedError) as raised:
        send(post(25, "mail.example.org", smtp_user="network", smtp_password="secret"))
    assert str(raised.value) == (
        "COMMONWEAL_SMTP_SECURITY is none: the password for mail.example.org would travel for all to read"
    )


# What is put off, refused, or unsure


@pytest.mark.parametrize(
    ("stage", "answer", "error", "says", "flags"),
    [
        ("mail", "421 4.3.2 closing", PutOffError, "the sender was refused: 421 4.3.2 closing", {"ends_run": True}),
        ("mail", "452 4.3.1 full", PutOffError, "the sender was refused: 452 4.3.1 full", {"ends_run": True}),
        ("mail", "451 4.3.0 later", PutOffError, "the sender was refused: 451 4.3.0 later", {"ends_run": False}),
        ("mail", "552 5.3.4 too big", RefusedError, "the sender was refused: 552 5.3.4 too big", {"address": False}),
        ("rcpt", "421 4.3.2 closing", PutOffError, "the address was refused: 421 4.3.2 closing", {"ends_run": True}),
        ("rcpt", "450 4.2.0 grey", PutOffError, "the address was refused: 450 4.2.0 grey", {"ends_run": False}),
        ("rcpt", "452 4.5.3 enough", PutOffError, "the address was refused: 452 4.5.3 enough", {"ends_run": True}),
        ("rcpt", "452 4.2.2 full", PutOffError, "the address was refused: 452 4.2.2 full", {"ends_run": False}),
        ("rcpt", "550 listed", RefusedError, "the address was refused: 550 listed", {"address": False}),
        ("rcpt", "550 no such user", RefusedError, "the address was refused: 550 no such user", {"address": True}),
        ("rcpt", "550 5.1.1 nobody", RefusedError, "the address was refused: 550 5.1.1 nobody", {"address": True}),
        ("rcpt", "550 5.4.1 denied", RefusedError, "the address was refused: 550 5.4.1 denied", {"address": True}),
        ("rcpt", "554 5.7.1 relay", RefusedError, "the address was refused: 554 5.7.1 relay", {"address": False}),
        ("rcpt", "550 5.7.1 listed", RefusedError, "the address was refused: 550 5.7.1 listed", {"address": False}),
        ("rcpt", "554 go away", RefusedError, "the address was refused: 554 go away", {"address": False}),
        ("data", "421 4.3.2 closing", PutOffError, "the mail was refused: 421 4.3.2 closing", {"ends_run": True}),
        ("data", "452 4.3.1 full", PutOffError, "the mail was refused: 452 4.3.1 full", {"ends_run": True}),
        ("data", "550 5.7.1 spam", RefusedError, "the mail was refused: 550 5.7.1 spam", {"address": False}),
    ],
)
def test_what_a_server_refuses_is_put_off_or_refused_as_it_says(
    stage: str, answer: str, error: type[Exception], says: str, flags: dict[str, bool]
) -> None:
    with serving(Box(**{stage: answer})) as port, pytest.raises(error) as raised:
        send(post(port))
    assert str(raised.value) == says
    assert {name: getattr(raised.value, name) for name in flags} == flags


@pytest.mark.parametrize("answer", ["550 5.7.1 not you", "553 sender unknown"])
def test_a_sender_that_is_not_allowed_closes_the_post_and_says_what_to_check(answer: str) -> None:
    with serving(Box(mail=answer)) as port, pytest.raises(ClosedError) as raised:
        send(post(port))
    assert str(raised.value) == (
        f"the sender was refused: {answer}. Check COMMONWEAL_MAIL_FROM and COMMONWEAL_SMTP_USER"
    )


def test_after_a_refusal_the_next_mail_goes_over_the_same_connection() -> None:
    box = Box(rcpt="550 no such user")
    with serving(box) as port, post(port).open() as line:
        line.ready()
        with pytest.raises(RefusedError):
            line.send(letter())
        box.answers = {}
        line.ready()
        assert line.send(letter()) == "250 kept"
    assert len(box.sessions) == 1


def test_silence_after_all_of_a_mail_leaves_it_unsure() -> None:
    box = Box(data="hang up")
    with serving(box) as port, pytest.raises(UnsureError) as raised:
        send(post(port))
    assert str(raised.value) == "the mail server had all of the mail and never said whether it took it"


class Bad:
    """A server that does as it is told: `read` so many bytes of a mail, then hang up, stay silent, or say something."""

    def __init__(self, *, read: int, then: str = "", greets: bytes = b"220 hello\r\n") -> None:
        self._read, self._then, self._greets = read, then, greets
        self.seen = b""
        self._listening = socket.create_server((HERE, 0))
        self.port = int(self._listening.getsockname()[1])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Bad":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(self._greets)
            for line in lines:
                connection.sendall(b"354 go on\r\n" if line.lower().startswith(b"data") else b"250 OK\r\n")
                if line.lower().startswith(b"data"):
                    self.seen = lines.read1(self._read) if self._read < 0 else lines.read(self._read)
                    break
            if self._then == "hang up":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, at once
                return
            connection.sendall(self._then.encode())
            self._over.wait(5)


LARGE = "x" * 70 + "\n"


def test_a_connection_lost_in_the_middle_of_a_mail_puts_it_off() -> None:
    with Bad(read=1000, then="hang up") as bad, pytest.raises(PutOffError) as raised:
        send(post(bad.port), letter(LARGE * 200_000))
    assert str(raised.value) == "the mail server broke off before it had all of the mail"
    assert (raised.value.lost, raised.value.ends_run) == (True, False)


def test_a_server_that_speaks_before_the_mail_is_over_has_not_taken_it() -> None:
    with Bad(read=1000, then="552 5.3.4 too much\r\n") as bad, pytest.raises(PutOffError) as raised:
        send(post(bad.port), letter(LARGE * 200_000))
    assert raised.value.lost


def test_a_server_that_takes_all_of_a_mail_and_never_answers_leaves_it_unsure() -> None:
    content = letter().as_bytes(policy=letter().policy.clone(linesep="\r\n"))
    dots = content.count(b"\r\n.")
    with Bad(read=len(content) + dots + 3) as bad, pytest.raises(UnsureError):
        send(post(bad.port, smtp_timeout=0.2))
    assert bad.seen.endswith(b"\r\n.\r\n")


def test_an_answer_that_is_none_leaves_a_mail_unsure() -> None:
    content = letter().as_bytes(policy=letter().policy.clone(linesep="\r\n"))
    dots = content.count(b"\r\n.")
    with Bad(read=len(content) + dots + 3, then="what?\r\n") as bad, pytest.raises(UnsureError):
        send(post(bad.port))


@pytest.mark.parametrize(
    ("greets", "says"),
    [
        (
            b"421 4.3.2 too busy for ann@alba.example\r\n",
            "does not take mails just now: 421 4.3.2 too busy for [hidden]",
        ),
        (b"554 no\r\n", "does not take mails just now: 554 no"),
        (b"", "does not answer: no connection in time"),
    ],
)
def test_a_server_that_does_not_greet_is_closed(greets: bytes, says: str) -> None:
    with Bad(read=0, greets=greets) as bad, pytest.raises(ClosedError) as raised:
        send(post(bad.port, smtp_timeout=0.3))
    assert str(raised.value) == f"{HERE}:{bad.port} {says}"


def test_no_server_at_all_is_closed() -> None:
    port = free_port()
    with pytest.raises(ClosedError) as raised:
        send(post(port))
    assert str(raised.value) == f"{HERE}:{port} cannot be used: Connection refused"


# A server's words


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            b"5.1.1 <ann@alba.example>: unknown\nsee https://mail.example/x",
            "550 5.1.1 <[hidden]>: unknown see [hidden]",
        ),
        (b"user ANN in ann@alba.example\x07\r\nBcc: x", "550 user [hidden] in [hidden] Bcc: x"),
        (b"caf\xc3\xa9 \xff", "550 café \N{REPLACEMENT CHARACTER}"),
        (b"a " * 300, ("550 " + "a " * 300)[:200].rstrip()),
    ],
)
def test_a_servers_words_are_one_line_without_addresses(said: bytes, kept: str) -> None:
    assert words(550, said, "ann@alba.example") == kept


# Pace


def test_turns_are_evenly_apart_and_a_late_one_does_not_make_the_next_ones_early() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(60, clock=lambda: now[0], sleep=sleep)
    for later in (0.0, 0.0, 0.25, 10.0, 0.0):
        now[0] += later
        pace.wait()
    assert slept == [1.0, 0.75, 1.0]


# A folder


def test_without_a_mail_server_mails_are_files_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "mails" / "sent"
    with FolderPost(folder).open() as line:
        line.ready()
        name = line.send(letter())
    assert name.startswith("20261123-120000-gr-e-hello-")
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_bytes() == letter().as_bytes()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_is_closed(tmp_path: Path) -> None:
    (tmp_path / "mails").write_text("a file")
    with (
        pytest.raises(ClosedError, match="cannot be written to"),
        FolderPost(tmp_path / "mails" / "sent").open() as line,
    ):
        line.ready()
