"""What a call says of itself on a real FreeSWITCH: events and journal, outcome by outcome.

Numbers do at the carrier what their last two digits say (scenarios/carrier.xml).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.freeswitch.esl import Event, Link
from tests.freeswitch.site import Site

SUBSCRIPTION = (
    "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_BRIDGE",
    "CHANNEL_HANGUP_COMPLETE", "BACKGROUND_JOB", "CUSTOM", "trunkline::connect",
)  # fmt: skip
CALLER_ID = "+911140001000"


@dataclass
class Story:
    """All that was heard of one call until it ended. journal: its line, as fields counted from 1."""

    names: list[str]
    last: Event
    job: str
    journal: dict[int, str]


class Floor:
    """Places one call at a time and listens until it is over."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.events = site.switch.link()
        self.commands = site.switch.link()
        self.events.subscribe(*SUBSCRIPTION)

    def close(self) -> None:
        self.events.close()
        self.commands.close()

    def dial(
        self, number: str, extension: str = "trunkline-bot", target: str = "", gateway: str = "north", **extra: str
    ) -> str:
        """Leave a call to ``number``; its uuid. ``extra``: more channel variables."""
        call = str(uuid.uuid4())
        variables = {
            "origination_uuid": call,
            "trunkline_attempt": call,
            "trunkline_target": target or self.site.bot("bot"),
            "origination_caller_id_number": CALLER_ID,
            "ignore_early_media": "true",
            "originate_timeout": "3",
            "accountcode": "trunkline",
            **extra,
        }
        block = ",".join(f"{name}='{value}'" for name, value in variables.items())
        self.commands.bgapi(f"originate {{{block}}}sofia/gateway/{gateway}/{number} {extension} XML trunkline", call)
        return call

    def follow(self, call: str, seconds: float = 30.0) -> Iterator[Event]:
        """Events of the call, its bot's leg left out, as they come."""
        for event in self.events.events(seconds):
            if event.get("Unique-ID") == call or event.get("Job-UUID") == call:
                yield event

    def story(self, call: str) -> Story:
        """Listen until the call has hung up and its job has reported."""
        names: list[str] = []
        last: Event = {}
        job = ""
        for event in self.follow(call):
            name = event["Event-Name"]
            if name == "BACKGROUND_JOB":
                job = event["_body"].strip()
            else:
                names.append(f"CONNECT {event['variable_trunkline_connect']}" if name == "CUSTOM" else name)
            if name == "CHANNEL_HANGUP_COMPLETE":
                last = event
            if job and (last or job.startswith("-ERR GATEWAY")):
                break
        lines = [line for line in self.site.switch.journal_lines() if line[1] == call]
        assert len(lines) == (1 if last else 0), "a call that ended has one line in the journal, another has none"
        return Story(names, last, job, dict(enumerate(lines[0], 1)) if lines else {})


@pytest.fixture
def floor(site: Site) -> Iterator[Floor]:
    floor = Floor(site)
    yield floor
    floor.close()


REFUSALS = {
    "919876500050": ("USER_BUSY", "17", "486"),
    "919876500070": ("CALL_REJECTED", "21", "603"),
    "919876500075": ("UNALLOCATED_NUMBER", "1", "404"),
    "919876500080": ("NO_USER_RESPONSE", "18", "480"),
    "919876500085": ("NORMAL_TEMPORARY_FAILURE", "41", "503"),
}


@pytest.mark.parametrize(("number", "end"), REFUSALS.items())
def test_refused_at_the_far_end(floor: Floor, number: str, end: tuple[str, str, str]) -> None:
    """A refusal keeps its SIP status and its own cause, in the event and in the journal."""
    story = floor.story(floor.dial(number))
    assert story.names == ["CHANNEL_CREATE", "CHANNEL_HANGUP_COMPLETE"]
    assert story.last["Hangup-Cause"] == end[0]
    assert story.last["variable_sip_term_status"] == end[2]
    assert (story.journal[10], story.journal[11], story.journal[12]) == end
    assert story.journal[17] == "127.0.0.1", "the carrier itself spoke"
    assert story.job == f"-ERR {end[0]}"


def test_nobody_answers(floor: Floor) -> None:
    """Ringing ends at our limit, and the carrier is told to stop."""
    story = floor.story(floor.dial("919876500060"))
    assert story.names == ["CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_HANGUP_COMPLETE"]
    assert story.last["Hangup-Cause"] == "NO_ANSWER"
    assert story.journal[14] == "send_cancel"
    assert int(story.journal[5]) > 0
    assert story.journal[7] == "0"


def test_person_and_bot_talk_until_the_person_hangs_up(floor: Floor) -> None:
    """An answered call is joined with the bot; when the person leaves, the bot is let go."""
    story = floor.story(floor.dial("919876500000"))
    assert story.names == [
        "CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_HANGUP_COMPLETE",
    ]  # fmt: skip
    assert story.journal[14] == "recv_bye"
    assert story.journal[15] == "connecting"
    started, answered, joined, ended = (int(story.journal[field]) for field in (4, 7, 8, 9))
    assert started <= answered <= joined <= ended
    assert story.journal[16], "the bot's leg is named"


def test_bot_hangs_up_first(floor: Floor, site: Site) -> None:
    """When the bot leaves, the person's call ends with it."""
    story = floor.story(floor.dial("919876500095", target=site.bot("brief")))
    assert story.names[-2:] == ["CHANNEL_BRIDGE", "CHANNEL_HANGUP_COMPLETE"]
    assert story.journal[14] == "send_bye"


def test_early_media_is_not_an_answer(floor: Floor) -> None:
    """An announcement before the answer starts nothing: the bot is called when somebody picks up."""
    story = floor.story(floor.dial("919876500090"))
    assert story.names == [
        "CHANNEL_CREATE", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_HANGUP_COMPLETE",
    ]  # fmt: skip
    assert int(story.journal[6]) > 0


@pytest.mark.parametrize("user", ["busy", "deaf"])
def test_bot_does_not_take_the_call(floor: Floor, site: Site, user: str) -> None:
    """The person hears that nobody is there, and the call says so while it still lives and when it ends."""
    story = floor.story(floor.dial("919876500095", target=site.bot(user)))
    assert story.names[-3:] == ["CHANNEL_ANSWER", "CONNECT failed", "CHANNEL_HANGUP_COMPLETE"]
    assert story.last["Hangup-Cause"] == "SERVICE_UNAVAILABLE"
    assert story.last["variable_trunkline_connect"] == "failed"
    assert story.journal[15] == "failed"
    assert story.journal[8] == "0"
    heard_for = int(story.journal[9]) - int(story.journal[7])
    assert heard_for >= 1_400_000, "the tone was played to its end"


def test_playback(floor: Floor) -> None:
    """A campaign without a bot plays its sound and hangs up."""
    story = floor.story(floor.dial("919876500095", "trunkline-playback", "silence_stream://300"))
    assert story.names[-3:] == ["CHANNEL_ANSWER", "CONNECT playing", "CHANNEL_HANGUP_COMPLETE"]
    assert story.last["Hangup-Cause"] == "NORMAL_CLEARING"
    assert story.journal[14] == "send_bye"


def test_ivr(floor: Floor) -> None:
    """A campaign with an IVR hands the call to that extension."""
    story = floor.story(floor.dial("919876500000", "trunkline-ivr", "1000"))
    assert story.names[-3:] == ["CHANNEL_ANSWER", "CONNECT ivr", "CHANNEL_HANGUP_COMPLETE"]
    assert story.journal[15] == "ivr"


def test_nobody_fetches_a_waiting_person(floor: Floor) -> None:
    """The controller died between answer and verdict: the person is told, instead of waiting in silence."""
    story = floor.story(floor.dial("919876500095", "trunkline-wait", trunkline_verdict_seconds="1"))
    assert story.names[-4:] == ["CHANNEL_ANSWER", "CONNECT waiting", "CONNECT overdue", "CHANNEL_HANGUP_COMPLETE"]
    assert story.last["Hangup-Cause"] == "SERVICE_UNAVAILABLE"


def test_a_waiting_person_is_fetched(floor: Floor) -> None:
    """A verdict takes the person out of the wait, and the wait's end does not disturb the conversation."""
    call = floor.dial("919876500000", "trunkline-wait", trunkline_verdict_seconds="1")
    names = []
    for event in floor.follow(call):
        names.append(event["Event-Name"])
        if event["Event-Name"] == "CUSTOM":
            assert floor.commands.api(f"uuid_transfer {call} trunkline-bot XML trunkline").startswith("+OK")
            break
    story = floor.story(call) if "BACKGROUND_JOB" not in names else None
    rest = story.names if story else [event["Event-Name"] for event in until_hang_up(floor, call)]
    assert rest[-2:] == ["CHANNEL_BRIDGE", "CHANNEL_HANGUP_COMPLETE"]


def until_hang_up(floor: Floor, call: str) -> Iterator[Event]:
    for event in floor.follow(call):
        yield event
        if event["Event-Name"] == "CHANNEL_HANGUP_COMPLETE":
            return


def test_hung_up_while_ringing(floor: Floor) -> None:
    """A call that we take back while it rings ends with the cause we gave."""
    call = floor.dial("919876500060", originate_timeout="20")
    for event in floor.follow(call):
        if event["Event-Name"] == "CHANNEL_PROGRESS":
            assert floor.commands.api(f"uuid_kill {call} MANAGER_REQUEST").startswith("+OK")
            break
    story = floor.story(call)
    assert story.last["Hangup-Cause"] == "MANAGER_REQUEST"
    assert story.journal[14] == "send_cancel"


def test_gateway_nobody_listens_at(floor: Floor) -> None:
    """The 503 that FreeSWITCH makes up for an unreachable carrier has no sender."""
    story = floor.story(floor.dial("919876500000", gateway="closed"))
    assert story.last["Hangup-Cause"] == "NORMAL_TEMPORARY_FAILURE"
    assert story.journal[12] == "503"
    assert story.journal[17] == ""


def test_gateway_known_to_be_down(floor: Floor) -> None:
    """Nothing leaves the box and nothing is written: the job's reply is all there is."""
    deadline = time.monotonic() + 60.0
    while "DOWN" not in floor.commands.api("sofia status gateway down") and time.monotonic() < deadline:
        time.sleep(0.2)
    story = floor.story(floor.dial("919876500000", gateway="down"))
    assert story.job == "-ERR GATEWAY_DOWN"
    assert story.names == []


def test_same_identity_twice(floor: Floor, site: Site) -> None:
    """A second call under the identity of a living one is refused without an INVITE."""
    call = floor.dial("919876500097")
    for event in floor.follow(call):
        if event["Event-Name"] == "CHANNEL_ANSWER":
            break
    floor.commands.bgapi(f"originate {{origination_uuid={call}}}sofia/gateway/north/919876500096 &park", f"second-{call}")
    for event in floor.events.events(10.0):
        if event.get("Job-UUID") == f"second-{call}":
            assert event["_body"].strip() == "-ERR DESTINATION_OUT_OF_ORDER"
            break
    else:
        pytest.fail("no reply to the second originate")
    floor.commands.api(f"uuid_kill {call}")
    assert [invite.user for invite in site.carrier.invites() if invite.user.endswith("96")] == []


def test_headers_reach_the_bot_and_not_the_carrier(floor: Floor, site: Site) -> None:
    """Exported without the local leg, an attribute stands in the bot's INVITE alone, letter for letter."""
    city = "a;b %24%7Bx%7D <sip:x@y> :) $x"
    name = "nolocal:sip_h_X-Trunkline-City"
    floor.story(floor.dial("919876500000", **{name: city, "export_vars": name}))
    assert f"X-Trunkline-City: {city}\n" in site.bots.messages().replace("\r", "")
    assert "X-Trunkline" not in site.carrier.messages()
    assert [invite.note for invite in site.carrier.invites() if invite.note] == []


def test_a_variable_inside_a_value_is_refused(floor: Floor, site: Site) -> None:
    """FreeSWITCH itself drops a value that names a variable or an application: nothing of it is expanded or sent."""
    name = "nolocal:sip_h_X-Trunkline-Note"
    story = floor.story(floor.dial("919876500000", **{name: "x ${hostname} ${system(true)}", "export_vars": name}))
    assert "CHANNEL_BRIDGE" in story.names
    assert "X-Trunkline-Note" not in site.bots.messages()


def test_caller_id_of_each_call(floor: Floor, site: Site) -> None:
    """The carrier sees the number this call was given, in From."""
    floor.story(floor.dial("919876500051", origination_caller_id_number="+911140001077"))
    assert [invite.caller_id for invite in site.carrier.invites() if invite.user == "919876500051"] == ["+911140001077"]


def test_heartbeat_shows_the_switch_lives(site: Site) -> None:
    """A heartbeat comes often enough for a controller to notice a dead link within seconds."""
    link = site.switch.link()
    link.subscribe("HEARTBEAT")
    beats = []
    for event in link.events(30.0):
        beats.append(time.monotonic())
        assert event["Core-UUID"]
        if len(beats) == 2:
            break
    link.close()
    assert len(beats) == 2


def test_links_log_in_with_the_password_only(site: Site) -> None:
    """The event socket turns away who does not know the password."""
    with pytest.raises(ConnectionError):
        Link(site.switch.esl_port, "wrong")
