"""From a campaign file to a forecast: which settings count, what is learned, what is reported and drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from controller.domain.campaigns.campaign import Campaign, read_campaign
from controller.domain.campaigns.window import DAYS
from controller.domain.site import Carrier
from controller.simulator.forecast import Question, carriers_of, figures, interval, learned, simulate, text
from controller.simulator.hours import fresh_start, stretches
from controller.simulator.people import Habits, Spread
from controller.simulator.picture import svg

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Asia/Kolkata"))
WINDOW = {"timezone": "Asia/Kolkata", "open": [{"hours": ["09:00-18:00"]}]}


def campaign(**keys: object) -> Campaign:
    found = read_campaign(
        {"name": "june", "mode": "predictive", "connect": {"queue": "sales"}, "window": WINDOW, "pacing": {"seats": 200}} | keys
    )
    assert isinstance(found, Campaign), found
    return found


def question(**keys: object) -> Question:
    asked = Question(campaign(), (), contacts=100_000, agents=12, hours=0.5, habits=Habits(), start=MONDAY)
    return replace(asked, **keys)  # type: ignore[arg-type]


def test_the_campaigns_own_limits_hold():
    """Its ratio, its seats and its carriers' channels bound the simulated run."""
    narrow = (Carrier(name="north", gateway="north", calls_per_second=5, channels=9),)
    by_seats = simulate(question(campaign=campaign(pacing={"seats": 14})))
    by_channels = simulate(question(carriers=narrow))
    assert by_seats.peak_channels == 14
    assert by_channels.peak_channels == 9


def test_carriers_are_those_of_the_campaigns_numbers():
    """A carrier none of whose numbers the campaign shows carries none of its calls."""
    carriers = [Carrier(name=name, gateway=name, calls_per_second=5, channels=9) for name in ("north", "south")]
    chosen = campaign(numbers={"pool": ["+911140001000"]})
    assert [one.name for one in carriers_of(chosen, carriers, {"+911140001000": "south"})] == ["south"]


def test_preview_cannot_be_simulated():
    """It is paced by the agents' own hands, and the refusal says so."""
    with pytest.raises(ValueError, match="own hands"):
        question(campaign=campaign(mode="preview"))


def test_agents_are_needed_where_people_talk():
    """A predictive campaign without agents dials nobody."""
    with pytest.raises(ValueError, match="needs agents"):
        question(agents=0)


def test_rates_are_learned_from_a_run_of_a_hundred_calls():
    """200 made: 50 answered and 10 abandoned are 30 %; of the other 140 were 35 machines, 70 unheard, 35 failed."""
    outcome = {"answered": 50, "abandoned": 10, "machine": 35, "no_answer": 70, "busy": 20, "invalid_number": 15}
    habits, known = learned({"attempt": {"made": 200}, "outcome": outcome}, Habits())
    assert known
    assert (habits.answer_rate, habits.machine_share, habits.failed_share) == (0.3, 0.25, 0.25)
    assert learned({"attempt": {"made": 99}, "outcome": {}}, Habits()) == (Habits(), False)


def test_a_share_comes_with_its_interval():
    """30 of 1 000: Wilson's interval is 2.11 % to 4.25 %; of nobody nothing is known."""
    low, high = interval(30, 1000)
    assert (low, high) == (pytest.approx(0.0211, abs=1e-4), pytest.approx(0.0425, abs=1e-4))
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(0, 50)[0] == 0.0


def test_the_report_says_when_the_lists_are_done_and_what_bound():
    """Finish time, calls, occupancy, abandon rate with interval, channels, bounds; JSON holds the same."""
    asked = question(campaign=campaign(retry={"max_attempts": 1}), contacts=400, hours=4.0)
    found = figures(asked, simulate(asked))
    said = text(found)
    assert found["finished"]
    assert found["calls"] == 400
    assert sum(found["binding"].values()) == pytest.approx(1.0, abs=0.001)
    for words in ("the lists are done after", "occupancy", "abandoned", "95 %", "channels", "limited by"):
        assert words in said
    assert json.loads(json.dumps(found)) == found


def test_the_picture_is_svg_and_a_name_is_only_text():
    """Well-formed, a line for each figure, and nothing a name holds becomes markup."""
    asked = question(contacts=300)
    found = figures(asked, simulate(asked)) | {"campaign": "<script>june & co</script>"}
    drawn = ElementTree.fromstring(svg(found))
    tags = [element.tag.rpartition("}")[2] for element in drawn.iter()]
    assert tags.count("polyline") == 3
    assert "script" not in tags
    assert any("<script>june & co</script>" in (element.text or "") for element in drawn.iter())


def test_an_agentless_forecast_has_no_occupancy():
    """No agents, no line about them, and two lines in the picture."""
    asked = question(campaign=campaign(mode="agentless", connect={"playback": "tone.wav"}), contacts=300, agents=0)
    found = figures(asked, simulate(asked))
    assert "occupancy  " not in text(found)
    assert svg(found).count("<polyline") == 2


def test_calling_hours_bind_and_the_list_is_done_on_another_day():
    """From four in the afternoon: nothing between six and nine the next morning; the end is told by the clock on the wall."""
    asked = question(
        campaign=campaign(mode="progressive", retry={"max_attempts": 1}), contacts=900, agents=5, hours=48.0,
        start=MONDAY.replace(hour=16),
    )  # fmt: skip
    found = figures(asked, simulate(asked))
    assert found["start"] == "2026-11-23T16:00+05:30"
    assert str(found["finish"]).startswith("2026-11-24T")
    night = [part for part in found["slices"] if 2.25 * 3600 <= part["from"] < 16.9 * 3600]
    assert sum(part["calls"] for part in night) == 0
    assert {part["binding"] for part in night} == {"hours"}
    assert found["occupancy"] > 0.5


def test_a_run_of_a_single_day_ends_with_it():
    """The same list on one day only: not finished, whatever time there is."""
    asked = question(
        campaign=campaign(mode="progressive", run="single_day"), contacts=3000, agents=5, hours=48.0,
        start=MONDAY.replace(hour=16),
    )  # fmt: skip
    course = simulate(asked)
    assert 0 < course.calls < 3000
    assert not figures(asked, course)["finished"]


def test_a_forecast_begins_with_fresh_calling_hours():
    """Asked within the hours or outside: the next morning; a window that never closes begins now."""
    window = campaign().window.window()
    for hour in (7, 12):
        asked_at = datetime(2026, 11, 20, hour, tzinfo=UTC)  # a Friday, 12:30 and 17:30 in India
        assert fresh_start(window, asked_at) == MONDAY
    always = campaign(window={"timezone": "UTC", "open": [{"days": list(DAYS), "hours": ["00:00-24:00"]}]}).window.window()
    assert fresh_start(always, MONDAY) == MONDAY
    assert stretches(always, MONDAY, 3600.0)[0][0] == 0.0
    assert stretches(window, MONDAY, 30 * 3600.0) == ((0.0, 9 * 3600.0), (24 * 3600.0, 33 * 3600.0))


def test_the_bots_places_bind():
    """Eight places at the bot, fifty seats: never more than eight calls, and the forecast says what bound."""
    spec = campaign(mode="agentless", connect={"bot": "collections"})
    asked = question(campaign=spec, contacts=2000, agents=0, fleet=8)
    found = figures(asked, simulate(asked))
    assert found["peak_channels"] == 8
    assert max(found["binding"], key=lambda name: found["binding"][name]) == "fleet"


@pytest.mark.parametrize(
    ("pacing", "carriers", "binding"),
    [
        ({"seats": 200, "calls_per_second": 0.5}, (), "dialling_rate"),
        ({"seats": 200}, (Carrier(name="north", gateway="north", calls_per_second=1, channels=90),), "carrier_cps"),
        ({"seats": 200}, (Carrier(name="north", gateway="north", calls_per_second=50, channels=9),), "carrier_channels"),
        ({"seats": 9}, (), "seats"),
    ],
)
def test_what_binds_has_its_name(pacing: dict[str, float], carriers: tuple[Carrier, ...], binding: str):
    """The campaign's own rate, its carriers' rate, their channels, its seats: each is named as in production."""
    asked = question(campaign=campaign(pacing=pacing), carriers=carriers, agents=60)
    found = figures(asked, simulate(asked))
    assert max(found["binding"], key=lambda name: found["binding"][name]) == binding


def test_without_detection_machines_reach_the_agents():
    """Half of the rest are machines: with detection none is put through, without it, and in power, they are and cost time."""
    habits = Habits(machine_share=0.5)
    machines = {}
    for mode, enabled in (("predictive", True), ("predictive", False), ("power", True)):
        course = simulate(question(campaign=campaign(mode=mode, amd={"enabled": enabled}), habits=habits))
        machines[mode, enabled] = course.machines_connected
    assert machines["predictive", True] == 0
    assert machines["predictive", False] > 20
    assert machines["power", True] > 20


def test_only_outcomes_of_the_campaign_are_tried_again():
    """Three attempts for those who did not answer: busy numbers are not tried twice when the campaign does not say so."""
    habits = Habits(answer_rate=0.0, failed_share=1.0, machine_share=0.0)
    retried, once = (
        simulate(
            question(
                campaign=campaign(
                    mode="agentless", connect={"playback": "tone.wav"}, retry={"max_attempts": 3, "delay_minutes": 1, "on": on}
                ),
                agents=0, contacts=100, habits=habits,
            )
        )
        for on in (["busy"], ["no_answer"])
    )  # fmt: skip
    assert (retried.calls, once.calls) == (300, 100)


def test_progressive_takes_as_long_as_calculated():
    """Ten agents, every call answered after 10 s, a talk of 50 s, no wrap-up to speak of: 3 000 contacts are 300 minutes."""
    certain = Habits(
        answer_rate=1.0, ring=Spread(10.0, 0.0), talk=Spread(50.0, 0.0), wrap_up=Spread(0.1, 0.0), wait_seconds=2.0
    )
    spec = campaign(mode="progressive", amd={"enabled": False})
    course = simulate(question(campaign=spec, contacts=3000, agents=10, habits=certain, hours=8.0))
    assert course.seconds == pytest.approx(300 * 60.0, rel=0.02)
    assert course.occupancy == pytest.approx(5 / 6, abs=0.01)
