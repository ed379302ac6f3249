"""Settings from the environment (`COMMONWEAL_…`), or from the TOML file that COMMONWEAL_CONFIG names."""

import os
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from matcher.artefacts import checkout

CONFIG = "COMMONWEAL_CONFIG"
LEAST_SECRET = 32
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _default_home() -> Path:
    top = checkout()
    return top / "var" if top else Path(platformdirs.user_data_dir("commonweal", appauthor=False))


class Settings(BaseSettings):
    """Every field is a setting: `home` is COMMONWEAL_HOME in the environment and `home` in the TOML file."""

    model_config = SettingsConfigDict(env_prefix="COMMONWEAL_", extra="forbid")

    home: Path = Field(
        default_factory=_default_home, description="Folder for everything a run leaves: database, mails, caches"
    )
    database: str = Field(default="", description="Database URL; empty: an SQLite file in the home folder")
    encoder: str = Field(
        default="", description="Entry of models/encoders.toml; `hash` needs no weights and understands nothing"
    )
    weights: Path | None = Field(
        default=None, description="Folder with the encoder's weights, used when their sha256 is the pinned one"
    )
    vocabulary: Path | None = Field(default=None, description="Folder with the vocabulary's TOML files and places.csv")
    ranker: Path | None = Field(
        default=None, description="The ranker's parameters, a TOML file like models/ranker.toml"
    )
    network_name: str = Field(default="Commonweal", description="What the network calls itself in mails and pages")
    timezone: str = Field(default="Europe/London", description="Time zone in which coordinators are told the time")
    mail_from: str = Field(default="suggestions@commonweal.example", description="Sender of every mail")
    needs_cap: int = Field(default=3, ge=0, le=20, description="Most suggestions a week for one organisation's needs")
    total_cap: int = Field(
        default=5, ge=0, le=40, description="Most suggestions a week for one organisation, needs and offers together"
    )
    review: bool = Field(
        default=True, description="Whether a round waits for `commonweal round --release`; false releases it at once"
    )
    exploration: float = Field(
        default=0.05,
        ge=0,
        le=0.1,
        description="By what share the worths of two candidates may differ for chance to choose between them; 0: never",
    )
    workers: int = Field(
        default=0, ge=0, le=256, description="Processes that look for a round's candidates; 0: one for each core"
    )
    host: str = Field(
        default="127.0.0.1", description="Address the pages are served on; others than this machine's need the next two"
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port the pages are served on")
    base_url: str = Field(
        default="", description="How people reach the pages, for the links in mails; empty: this machine and the port"
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="What links and cookies are signed with, 32 characters or more; empty: one in the home folder",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1", description="Addresses, by commas, whose word on who asks and on https is taken"
    )
    smtp_host: str = Field(
        default="", description="The mail server; empty: mails are written to the home folder instead of being sent"
    )
    smtp_port: int = Field(default=0, ge=0, le=65535, description="Its port; 0: the usual one for its security")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`starttls`, `tls` from the start, or `none` for a server on this machine"
    )
    smtp_user: str = Field(default="", description="Who logs in there; empty: nobody does")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="The password for that")
    smtp_timeout: float = Field(default=20, gt=0, le=300, description="Seconds until a silent mail server is given up")
    mails_per_minute: int = Field(default=60, ge=1, le=6000, description="Most mails sent in a minute")

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value()) < LEAST_SECRET:
            raise ValueError(f"it has fewer than {LEAST_SECRET} characters; make one with: openssl rand -base64 36")
        return secret

    @field_validator("timezone")
    @classmethod
    def _of_a_place(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("there is no such time zone; write it like Europe/London") from None
        return name

    @field_validator("base_url")
    @classmethod
    def _with_scheme(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
            raise ValueError("write it like https://partners.example.org")
        return url.rstrip("/")

    @field_validator("home", "weights", "vocabulary", "ranker")
    @classmethod
    def _at_home(cls, path: Path | None) -> Path | None:
        return path and path.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        config = os.environ.get(CONFIG)
        files = (TomlConfigSettingsSource(settings_cls, Path(config)),) if config else ()
        return (init_settings, env_settings, *files)

    @property
    def zone(self) -> tzinfo:
        """UTC on a machine that knows no time zones."""
        try:
            return ZoneInfo(self.timezone)
        except ZoneInfoNotFoundError:
            return UTC

    @property
    def database_file(self) -> Path:
        """The SQLite database that is used where `database` names none."""
        return self.home / "commonweal.db"

    @property
    def mails(self) -> Path:
        """Where digests are written unless told otherwise."""
        return self.home / "mails"

    @property
    def address(self) -> str:
        """Where people reach the pages, without a slash at the end."""
        return self.base_url or f"http://127.0.0.1:{self.port}"
