"""Who answers: rules, shares, and the same people again for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from controller.errors import BadFile
from esl_handlers.virtual_switch import people_file
from esl_handlers.virtual_switch.people import Fate, Seconds, Who, draw_voice
from esl_handlers.virtual_switch.people_file import people_from, read_people
from esl_handlers.virtual_switch.voice import Voice


def test_the_documented_example_is_a_good_people_file(tmp_path: Path) -> None:
    """What the people file's own page shows can be copied and used."""
    assert people_file.__doc__ is not None
    lines = [line[4:] for line in people_file.__doc__.splitlines() if line.startswith("    ")]
    path = tmp_path / "people.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    people = read_people(path)
    assert (people.seed, len(people.rules), len(people.bots), sorted(people.gateways)) == (7, 3, 1, ["carrier-a", "carrier-b"])
    assert people.fate("9199900", "carrier-a").kind == "no_answer"
    assert people.fate("5013", "carrier-b").sip_status == 503
    assert people.fate("5013", "carrier-a").sip_status != 503


def fates(seed: int, numbers: list[str]) -> dict[tuple[str, int], Fate]:
    who = [{"kind": "person", "share": 0.5}, {"kind": "busy", "share": 0.3}, {"kind": "no_answer", "share": 0.2}]
    people = people_from({"seed": seed, "number": [{"who": who}]}, "test")
    nth: Counter[str] = Counter()
    found = {}
    for number in numbers:
        found[number, nth[number]] = people.fate(number, "g")
        nth[number] += 1
    return found


def test_the_draw_does_not_depend_on_the_order_of_calls() -> None:
    """A number's first, second … call come out the same whatever was dialled in between."""
    numbers = [str(n) for n in range(50)] * 3
    assert fates(1, numbers) == fates(1, sorted(numbers, reverse=True))
    assert fates(1, numbers) != fates(2, numbers)


def test_shares_are_kept() -> None:
    """Of many numbers, about the given share is of each kind."""
    kinds = Counter(fate.kind for fate in fates(1, [str(n) for n in range(2000)]).values())
    assert 900 < kinds["person"] < 1100
    assert 500 < kinds["busy"] < 700


def test_a_number_that_nobody_has_is_invalid() -> None:
    """No rule fits: 404."""
    assert people_from({"number": [{"prefix": "1", "who": [{"kind": "dead"}]}]}, "test").fate("2", "g").sip_status == 404


def test_every_mistake_is_told_at_once() -> None:
    """A people file is mended in one go."""
    wrong = {
        "sead": 1,
        "number": [{"pattern": "(", "who": [{"kind": "ghost"}, {"kind": "person", "talk_seconds": "long", "smile": True}]}],
        "gateway": {"g": {"state": "asleep"}},
    }
    with pytest.raises(BadFile) as found:
        people_from(wrong, "people.toml")
    text = str(found.value)
    for part in ("'sead'", "no regular expression", "'ghost'", "talk_seconds must be seconds", "'smile'", "'asleep'"):
        assert part in text


def test_what_is_heard_of_who_answers() -> None:
    """A person says a word and waits; a machine talks until its greeting is over, beeps if it does, and records behind that."""
    chance = random.Random(3)
    voice, lasts = draw_voice(Who("person"), 20.0, chance)
    assert 0.4 <= voice.talk_until - voice.talk_from <= 0.7
    assert (voice.beep_at, lasts) == (None, 20.0)
    voice, lasts = draw_voice(Who("machine"), 5.0, chance)
    assert (voice.talk_until, voice.beep_at, lasts) == (5.0, None, 5.0)
    mailbox = Who("machine", beep_after_seconds=Seconds("constant", 0.5), record_seconds=Seconds("constant", 30.0))
    voice, lasts = draw_voice(mailbox, 5.0, chance)
    assert (voice.talk_until, voice.beep_at) == (5.0, 5.5)
    assert lasts == pytest.approx(35.9)


def test_a_voice_is_the_same_however_it_is_cut() -> None:
    """Silence, talk and beep follow one another to the sample."""
    voice = Voice(0.5, 33.0, 33.5)
    whole = voice.pcm(0, 40 * 8000)
    assert b"".join(voice.pcm(place, 777) for place in range(0, 40 * 8000, 777))[: len(whole)] == whole
    loud = [any(whole[second * 8000 : second * 8000 + 8000]) for second in range(80)]
    assert (loud.index(True), loud[66], loud[67]) == (1, False, True)
    assert not any(whole[2 * round(33.9 * 8000) :])
