"""The one place that chooses store, core and clock, and puts them together."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from matcher.assembling import Core, assemble
from matcher.encoding import CachedEncoder, Progress, silent
from matcher.network import Network
from matcher.workers import cores
from service.post import FolderPost, Post, SmtpPost
from service.settings import Settings
from service.signing import Signing, kept_secret
from service.store import members
from service.store.database import Database, sqlite_file
from service.store.vectors import StoredVectors

VERSION = "0.1.0"


@dataclass
class Commonweal:
    """A running Commonweal: its settings and what they choose, made when first asked for."""

    settings: Settings
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    progress: Progress = silent

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database or sqlite_file(self.settings.database_file))

    @cached_property
    def core(self) -> Core:
        settings = self.settings
        return assemble(
            encoder=settings.encoder,
            weights=settings.weights,
            vocabulary_folder=settings.vocabulary,
            ranker=settings.ranker,
        )

    @cached_property
    def vectors(self) -> StoredVectors:
        return StoredVectors(self.database)

    @cached_property
    def encoder(self) -> CachedEncoder:
        return CachedEncoder(self.core.encoder, self.vectors)

    @cached_property
    def live(self) -> "LiveNetwork":
        return LiveNetwork(self)

    @cached_property
    def signing(self) -> Signing:
        secret = self.settings.secret.get_secret_value()
        return Signing(secret or kept_secret(self.settings.home / "secret"))

    @cached_property
    def post(self) -> Post:
        """Where mails go: to the mail server that is set, or into a folder."""
        return SmtpPost(self.settings) if self.settings.smtp_host else FolderPost(self.settings.mails / "sent")

    @property
    def workers(self) -> int:
        """How many processes a round may use."""
        return self.settings.workers or cores()

    @property
    def versions(self) -> Mapping[str, str]:
        """What made a round: stored with it."""
        return {"code": VERSION, "encoder": self.encoder.name, "ranker": self.core.ranker.version}


class LiveNetwork:
    """The network as the store has it now: catches up with other processes before every answer."""

    def __init__(self, commonweal: Commonweal) -> None:
        self._commonweal = commonweal
        self._lock = threading.Lock()
        self._network: Network | None = None
        self._epoch = 0

    @property
    def is_ready(self) -> bool:
        return self._network is not None

    def current(self) -> Network:
        """The network at the store's newest revision. What has not changed is neither read nor encoded again."""
        with self._lock:
            known = self._network
            with self._commonweal.database.read() as connection:
                changes = members.changes(connection, -1 if known is None else known.revision)
                if known is not None and changes.epoch != self._epoch:  # restored from a backup: begin anew
                    known, changes = None, members.changes(connection, -1)
            if known is None:
                core = self._commonweal.core
                self._network = Network(
                    changes.organisations,
                    changes.listings,
                    encoder=self._commonweal.encoder,
                    vocabulary=core.vocabulary,
                    gazetteer=core.gazetteer,
                    revision=changes.revision,
                    progress=self._commonweal.progress,
                )
            elif changes.revision != known.revision:
                self._network = known.updated(changes.organisations, changes.listings, changes.revision)
            assert self._network is not None
            self._epoch = changes.epoch
            return self._network
