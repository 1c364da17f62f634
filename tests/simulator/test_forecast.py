"""From a campaign file to a forecast: which settings count, what is learned, what is reported and drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from controller.domain.campaigns.campaign import Campaign, read_campaign
from controller.domain.site import Carrier
from controller.simulator.forecast import Question, carriers_of, figures, interval, learned, simulate, text
from controller.simulator.people import Habits
from controller.simulator.picture import svg

WINDOW = {"timezone": "Asia/Kolkata", "open": [{"hours": ["09:00-18:00"]}]}


def campaign(**keys: object) -> Campaign:
    found = read_campaign(
        {"name": "june", "mode": "predictive", "connect": {"queue": "sales"}, "window": WINDOW, "pacing": {"seats": 200}} | keys
    )
    assert isinstance(found, Campaign), found
    return found


def question(**keys: object) -> Question:
    asked = Question(campaign(), (), contacts=100_000, agents=12, hours=0.5, habits=Habits())
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
