"""Commands of the shell that need the switch's own files, links or detector, and no running controller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from controller.admin import bus
from controller.checks import check_all
from controller.config import Settings
from controller.domain.calls.events import HungUp
from controller.domain.calls.verdict_score import Judged, VerdictScore
from controller.domain.finding import Finding
from controller.domain.site import Carrier
from controller.errors import BadFile, Refused
from controller.labelled_recordings import read_labelled
from controller.storage.database import Database
from controller.storage.site import SiteStore
from esl_handlers.amd import PRESETS, Detector
from esl_handlers.checkup import check_switch
from esl_handlers.connection import Address, Link
from esl_handlers.errors import UnreadableAudio
from esl_handlers.journal import every_end
from esl_handlers.recorded_audio import telephone_pcm
from esl_handlers.rehearing import rehear


def run_check(settings: Settings) -> list[Finding]:
    """``trunkline check``: everything a campaign needs, looked at."""
    database = Database(settings.database_url)
    redis = bus.connect(settings.redis_url)
    switch = partial(_check_freeswitch, settings) if settings.freeswitch.host else None
    try:
        return check_all(
            database, redis, settings.data_dir, settings.audio_dir, lambda: SiteStore(database).site().carrier, switch
        )
    finally:
        redis.close()
        database.dispose()


def score_recordings(table: Path, preset: str, channel: int | None) -> VerdictScore:
    """``trunkline amd score``: what the detector makes of labelled recordings, whose first sample is the answer.

    channel: which one holds the callee, from 1; None for recordings of one. Refused for a preset that is not there; BadFile
    with every mistake of the table, or with every recording that cannot be heard.
    """
    if preset not in PRESETS:
        raise Refused(f"no preset {preset!r}; --preset; write one of {', '.join(PRESETS)}")
    judged, mistakes = [], []
    for recording in read_labelled(table):
        try:
            heard = rehear(Detector(PRESETS[preset]), telephone_pcm(recording.file, channel))
        except UnreadableAudio as error:
            mistakes.append(f"line {recording.line}: {recording.file.name} {error}")
            continue
        first, final = str(heard.first or "none"), str(heard.final or "none")
        judged.append(Judged(recording.label, first, final, heard.decided_at))
    if mistakes:
        raise BadFile(str(table), mistakes)
    return VerdictScore(judged)


def journal_ends(path: Path) -> Iterator[tuple[str, HungUp]]:
    """How calls of ours ended, by attempt id, from FreeSWITCH's journal and its rotated files; for ``trunkline reconcile``.

    Raises Refused when the journal cannot be read.
    """
    try:
        yield from every_end(path)
    except OSError as error:
        raise Refused(f"{path}: the journal cannot be read: {error.strerror}; see freeswitch.cdr_journal") from error


def _check_freeswitch(settings: Settings, carriers: Sequence[Carrier]) -> list[Finding]:
    freeswitch = settings.freeswitch
    address = Address(freeswitch.host, freeswitch.port, freeswitch.password)
    link = Link(address, "check", reply_seconds=freeswitch.reply_seconds)
    link.connect()
    try:
        return check_switch(
            lambda command: link.send(f"api {command}").text, carriers, freeswitch.cdr_journal, freeswitch.heartbeat_seconds
        )
    finally:
        link.stop()
