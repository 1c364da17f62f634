"""Every setting once: meaning, unit, default and why. Read from ``trunkline.toml`` (or ``$TRUNKLINE_CONFIG``) and from the
environment (``TRUNKLINE_SECTION__KEY``, which wins). All mistakes are reported at once, each with its place.
"""

from __future__ import annotations

import os
import re
import socket
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from controller.domain.campaigns.answers import AmdDefaults
from controller.domain.site import mistakes
from controller.errors import BadFile


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _url(value: str, beginnings: tuple[str, ...], wanted: str) -> str:
    """The value itself is not shown: a URL may hold a password."""
    if value and not value.startswith(beginnings):
        raise ValueError(f"is no such URL; it looks like {wanted}")
    return value


class Database(Section):
    url: str = ""
    """SQLAlchemy URL; empty = SQLite in the data directory. ``postgresql://user:password@host/name`` for PostgreSQL."""

    @field_validator("url")
    @classmethod
    def _known(cls, value: str) -> str:
        return _url(
            value, ("sqlite:///", "postgresql://", "postgresql+psycopg://"), "sqlite:///file or postgresql://user@host/name"
        )


class Redis(Section):
    url: str = ""
    """``redis://…`` or ``unix://…``; empty = ``trunkline run`` starts one of its own in the data directory."""

    @field_validator("url")
    @classmethod
    def _known(cls, value: str) -> str:
        return _url(value, ("redis://", "rediss://", "unix://"), "redis://host:6379/0 or unix:///path/redis.sock")


class FreeSwitch(Section):
    host: str = ""
    """Address of the event socket, an IP (names would be looked up on the hot path); empty = virtual switch in ``run``."""
    port: int = Field(default=8021, ge=1, le=65535)
    password: str = "ClueCon"
    command_links: int = Field(default=2, ge=1, le=8)
    """Links for commands besides the one for events: one link takes about 600 originates a second."""
    cdr_journal: str = ""
    """Path of mod_cdr_csv's file written by our template; empty = no journal (fates after a crash are then ``unknown``)."""
    reply_seconds: float = Field(default=5.0, gt=0, le=60)
    """A command without a reply for this long is *unconfirmed*."""
    heartbeat_seconds: float = Field(default=30.0, ge=2, le=600)
    """No traffic at all on the event link for this long: the link is taken for dead (FreeSWITCH beats every 20 s)."""


class Dialling(Section):
    priority: Literal["strict", "weighted"] = "strict"
    """How campaigns share what is scarce (features 1.11)."""
    pulse_seconds: float = Field(default=0.1, ge=0.02, le=5)
    """The dial loop looks again at least this often; events wake it earlier."""
    lead_lease_seconds: float = Field(default=60.0, ge=5, le=3600)
    """A lead in the hopper returns to the database after this long undialled."""
    slot_lease_seconds: float = Field(default=30.0, ge=6, le=600)
    """A slot of a crashed controller is free again after this long; living calls renew at a third of it."""
    hopper_seconds: float = Field(default=5.0, ge=1, le=120)
    """The hopper holds what can be dialled in this time."""
    drain_seconds: float = Field(default=60.0, ge=0, le=7200)
    """On SIGTERM calls in progress may go on for this long; what lives longer is left for the next controller to adopt."""
    number_busy_seconds: float = Field(default=60.0, ge=1, le=3600)
    """A contact whose number is on a call for another campaign is looked at again after this."""


class Amd(AmdDefaults):
    """Answering-machine detection: what campaigns do that do not say otherwise in their own ``[amd]``, and, from ``audio_dir``
    on, its way to the audio of calls."""

    audio_dir: str = "/dev/shm/trunkline"
    """Folder in memory into which FreeSWITCH writes the calls that are judged; both must be allowed to write there. Each node
    has one of its own in it. Empty = no recordings."""
    tap: Literal["recording", "unicast"] = "recording"
    """The way that is tried first; the other is the fallback. ``unicast`` reaches parked calls only."""
    calls: int = Field(default=500, ge=1, le=5000)
    """Calls listened to at the same time; whoever answers beyond that is ``unknown``."""
    unicast_port: int = Field(default=40_000, ge=1024, le=60_000)
    """The first of the UDP ports, as many as ``calls``, from which FreeSWITCH may send a call's audio to us, on loopback."""
    evidence_dir: str = ""
    """Where audio kept for review lies, for campaigns that want it; empty = ``evidence`` in the data directory."""
    evidence_seconds: float = Field(default=10.0, ge=1, le=60)
    """How much of each such call is kept, from the answer on."""
    evidence_days: float = Field(default=30.0, ge=0, le=3650)
    """It is removed after so many days; 0 = never."""

    @field_validator("audio_dir")
    @classmethod
    def _speakable(cls, value: str) -> str:
        if value and not re.fullmatch(r"/[A-Za-z0-9_./-]+", value):
            raise ValueError("must begin with / and hold no blanks or special characters: FreeSWITCH reads it in a command")
        return value


class Worker(Section):
    processes: int = Field(default=1, ge=1, le=32)
    """RQ workers for imports, exports and other bulk work; one more for sweeps always runs."""
    beat_seconds: float = Field(default=1.0, ge=0.2, le=10)
    """How often the beat enqueues the sweeps that are due."""


class Metrics(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65535)
    """0 = no endpoint."""


class Formula(Section):
    """Where PromQL of ``pacing.formula`` is evaluated (features 3.9)."""

    prometheus_url: str = ""
    """``http://127.0.0.1:9090``; empty = formulas can be numbers only."""
    query_seconds: float = Field(default=2.0, gt=0, le=30)
    """Longest wait for an answer."""

    @field_validator("prometheus_url")
    @classmethod
    def _known(cls, value: str) -> str:
        return _url(value, ("http://", "https://"), "http://127.0.0.1:9090")


class Logging(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"
    show_numbers: bool = False
    """Write phone numbers in full; masked by default."""


class Limits(Section):
    """features 1.13."""

    csv_bytes: int = Field(default=50 * 1024 * 1024, ge=1024)
    csv_rows: int = Field(default=500_000, ge=1)
    lists: int = Field(default=1_000, ge=1)
    dnc_lists: int = Field(default=1_000, ge=1)
    dnc_numbers_per_list: int = Field(default=1_000_000, ge=1)
    dnc_numbers: int = Field(default=2_000_000, ge=1)
    contacts_per_list: int = Field(default=1_000_000, ge=1)
    contacts: int = Field(default=5_000_000, ge=1)
    running_campaigns: int = Field(default=50, ge=1)


class Settings(BaseSettings):
    """All sections. ``node`` names this controller and its FreeSWITCH; unique in the system, stable over restarts."""

    model_config = SettingsConfigDict(
        env_prefix="TRUNKLINE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    node: str = Field(default_factory=lambda: socket.gethostname().split(".")[0], pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    data_dir: Path = Path("var")
    """Databases, reports, Redis' own files."""
    database: Database = Database()
    redis: Redis = Redis()
    freeswitch: FreeSwitch = FreeSwitch()
    dialling: Dialling = Dialling()
    amd: Amd = Amd()
    worker: Worker = Worker()
    metrics: Metrics = Metrics()
    formula: Formula = Formula()
    logging: Logging = Logging()
    limits: Limits = Limits()

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{(self.data_dir / 'trunkline.db').resolve()}"

    @property
    def audio_dir(self) -> Path | None:
        """This node's own folder for the audio of calls."""
        return Path(self.amd.audio_dir) / self.node if self.amd.audio_dir else None

    @property
    def evidence_dir(self) -> Path:
        return Path(self.amd.evidence_dir or self.data_dir / "evidence").resolve()

    @property
    def redis_url(self) -> str:
        return self.redis.url or f"unix://{(self.data_dir / 'redis.sock').resolve()}"


def config_path() -> Path:
    """``$TRUNKLINE_CONFIG``, else ``trunkline.toml`` in the working directory."""
    return Path(os.environ.get("TRUNKLINE_CONFIG", "trunkline.toml"))


def load(path: Path | None = None) -> Settings:
    """Settings from the file (if there is one) and the environment; ``BadFile`` with every mistake.

    A file named by ``$TRUNKLINE_CONFIG`` that does not exist is a mistake; a missing ``trunkline.toml`` is not.
    """
    file = path or config_path()
    if not file.exists() and (path is not None or "TRUNKLINE_CONFIG" in os.environ):
        raise BadFile(str(file), ["does not exist; create it or unset TRUNKLINE_CONFIG"])
    if file.exists():
        try:
            tomllib.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are; so is an integer of thousands of digits
            raise BadFile(str(file), [f"is not TOML: {error}"]) from error
        except RecursionError as error:
            raise BadFile(str(file), ["is not TOML of ours: values are nested too deeply"]) from error

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            sources: tuple[Any, ...] = (init_settings, env_settings)
            if file.exists():
                sources = (*sources, TomlConfigSettingsSource(settings_cls, toml_file=file))
            return sources

    wrong = [BadFile("environment", [f"{key}: no such setting"]) for key in _stray_variables()]
    try:
        settings = FromFile()
    except ValidationError as error:
        wrong += [_placed(str(file), mistake) for mistake in mistakes(error)]
        raise BadFile.together(wrong) from error
    if wrong:
        raise BadFile.together(wrong)
    return settings


def _stray_variables() -> list[str]:
    """Variables that look like ours and are no section of the settings; wrong keys of a section are found by reading it."""
    known = {f"TRUNKLINE_{name.upper()}" for name in Settings.model_fields}
    return [
        key
        for key in sorted(os.environ)
        if key.startswith("TRUNKLINE_") and key != "TRUNKLINE_CONFIG" and key.split("__")[0].upper() not in known
    ]


def _placed(file: str, mistake: str) -> BadFile:
    """A mistake under the name of what it stands in: the environment wins over the file."""
    place, _, text = mistake.partition(": ")
    variable = "TRUNKLINE_" + place.upper().replace(".", "__")
    if variable in os.environ:
        return BadFile("environment", [f"{variable}: {text}"])
    return BadFile(file, [mistake])
