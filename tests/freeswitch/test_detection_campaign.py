"""A whole campaign with detection on a real FreeSWITCH: people to the bot, machines a message, doubt by setting."""

from __future__ import annotations

import csv
import io
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from tests.esl_handlers.amd.sounds import pcm, silence, talk, tone
from tests.freeswitch.far_audio import FarAudio, found_in
from tests.freeswitch.harness import Gateway, RealFreeSwitch, freeswitch_binary
from tests.freeswitch.ports import HOST
from tests.freeswitch.sipp import FarEnd, sipp_binary
from tests.load import site
from tests.load.campaign import Trunkline
from tests.servers import running_redis

pytestmark = [pytest.mark.timeout(240), pytest.mark.soak]

PERSON, MAILBOX, SILENT = 1, 2, 6
BEEP_ENDS_SECONDS = 0.3 + 4.0 + 0.4 + 0.4
SOUNDS = [
    {"number": f"0{PERSON}$", "audio": pcm(silence(0.5), talk(0.5))},
    {"number": f"0{MAILBOX}$", "audio": pcm(silence(0.3), talk(4.0), silence(0.4), tone(0.4, 1000))},
    {"number": f"0{SILENT}$"},
]
AMD = """
[amd]
enabled = true
action_on_machine = "leave_message"
message = "{message}"
"""


SECRET_SECONDS = 1.5


def secret() -> npt.NDArray[np.float64]:
    """A message that sounds like nothing else, loud from its first sample: noise within the telephone's band."""
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(int(SECRET_SECONDS * 8000)))
    hertz = np.fft.rfftfreq(int(SECRET_SECONDS * 8000), 1 / 8000)
    spectrum[(hertz < 400) | (hertz > 3000)] = 0
    sound = np.fft.irfft(spectrum)
    return sound / np.abs(sound).max() * 16_000


@dataclass(frozen=True)
class Campaign:
    """What was dialled, and what is on record of it: the rows of the attempts' export, by number without the plus."""

    far: FarAudio
    bots: FarEnd
    attempts: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    if freeswitch_binary() is None or sipp_binary() is None:
        pytest.skip("needs a FreeSWITCH (TRUNKLINE_FREESWITCH names its binary) and SIPp (Debian: apt install sip-tester)")
    folder = tmp_path_factory.mktemp("campaign")
    with ExitStack() as stack:
        far = FarAudio(folder, SOUNDS)
        stack.callback(far.stop)
        bots = FarEnd("bot", folder, talk_ms=500)
        bots.start()
        stack.callback(bots.stop)
        switch = RealFreeSwitch([Gateway("north", far.port)])
        stack.callback(switch.stop)
        switch.start()
        message = switch.folder / "message.wav"
        with wave.open(str(message), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(secret().astype("<i2").tobytes())
        phones = site.numbers(6, 765000, (PERSON, MAILBOX, SILENT))
        site.write(folder, phones, 10.0, 10, f"sip:brief@{HOST}:{bots.port}", max_attempts=1)
        with (folder / "campaign.toml").open("a", encoding="utf-8") as file:
            file.write(AMD.format(message=message))
        settings = {"TRUNKLINE_AMD__AUDIO_DIR": str(switch.folder / "audio")}
        trunkline = Trunkline(folder, switch, stack.enter_context(running_redis()), settings=settings)
        with trunkline.running():
            trunkline.dial(patience_seconds=120.0)
            exported = trunkline.command("attempts", "export", "load")
        rows = list(csv.DictReader(io.StringIO(exported)))
        assert switch.complaints() == []
        assert len(rows) == len(phones)
        yield Campaign(far, bots, {row["phone"].lstrip("+"): row for row in rows})


def rows_of(campaign: Campaign, ending: int) -> list[dict[str, str]]:
    return [row for phone, row in campaign.attempts.items() if phone.endswith(f"{ending:02d}")]


def test_people_talk_to_the_bot(campaign: Campaign) -> None:
    """Recognised by a word and a wait, then connected."""
    for row in rows_of(campaign, PERSON):
        assert (row["amd_verdict"], row["outcome"], row["connected_to"]) == ("person", "answered", "bot")
        assert 0 < int(row["amd_ms"]) < 5000
        assert row["attempt_id"] in [invite.note for invite in campaign.bots.invites()]


def test_machines_are_left_the_message(campaign: Campaign) -> None:
    """Each hears it whole, once, behind its own beep, and no bot is called for it."""
    for row in rows_of(campaign, MAILBOX):
        assert (row["amd_verdict"], row["outcome"], row["connected_to"]) == ("machine", "message_left", "")
        heard = campaign.far.heard(row["phone"].lstrip("+"))
        at, likeness = found_in(heard, secret())
        assert likeness > 0.95
        assert at / 8000 >= BEEP_ENDS_SECONDS
        assert abs(found_in(heard, secret()[:1600])[0] - at) <= 1
        assert row["attempt_id"] not in [invite.note for invite in campaign.bots.invites()]


def test_doubt_is_passed_on(campaign: Campaign) -> None:
    """Who says nothing is unknown, and treated as a person."""
    for row in rows_of(campaign, SILENT):
        assert (row["amd_verdict"], row["outcome"], row["connected_to"]) == ("unknown", "answered", "bot")
