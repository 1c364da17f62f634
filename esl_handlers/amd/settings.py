"""How patient and how sure the detector must be: every number once, with its unit, and three presets.

The costs behind the presets: a person called machine is hung up on and is taken as twenty times worse than a machine passed
on. By Wald's sequential test that asks for one chance in twenty; the model's chances, which give both kinds the same weight
at every moment, are met by one in twelve for three steps in a row (under one person in a hundred on voices never heard, see
MODEL.md). The other way a mistake is cheap, for it is taken back within seconds, and waiting is dear, for the person hears
nothing. So the longer they wait the less is asked for: 0.88 in a pause that a machine makes between two words, 0.72 after 1
s, and 0.4 once they have waited for 1.7 s, so that they are known within the two seconds that the law gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from controller.errors import Refused


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one detection. All chances are 0.0 to 1.0, all times seconds; Refused, naming every mistake.

    short_pause_seconds, short_pause_chance: a person is reported in a pause this long once the chance of a person is this
        high; likewise middle_, long_ and waiting_. Pauses must not fall, and chances must not rise, from short to waiting.
    machine_chance: a machine is reported once the chance of a person stays below this for three steps (180 ms).
    least_talk_seconds: with less talk than this nothing is a machine, whatever the model says: a word and a silence are not
        enough to hang up on.
    decide_within_seconds, doubt_chance: so long after the first word a person is reported if the chance is this high, even
        while they talk; else it is ``unknown``.
    silence_seconds: nobody spoke for so long after the answer: ``unknown``. Never a machine.
    ringback_seconds: how long ringing that goes on after a false answer may hold that clock.
    listen_on_seconds: how long after a person or unknown verdict a machine is still listened for; 0 makes it final.
    revise_chance: such a verdict is revised once the chance of a person stays below this for three steps.
    """

    short_pause_seconds: float = 0.26
    short_pause_chance: float = 0.88
    middle_pause_seconds: float = 0.44
    middle_pause_chance: float = 0.74
    long_pause_seconds: float = 1.0
    long_pause_chance: float = 0.72
    waiting_pause_seconds: float = 1.7
    waiting_pause_chance: float = 0.4
    machine_chance: float = 0.08
    least_talk_seconds: float = 1.0
    decide_within_seconds: float = 7.0
    doubt_chance: float = 0.25
    silence_seconds: float = 8.0
    ringback_seconds: float = 30.0
    listen_on_seconds: float = 5.0
    revise_chance: float = 0.1

    def __post_init__(self) -> None:
        mistakes = []
        for setting in fields(self):
            value = getattr(self, setting.name)
            low, high = (0.0, 1.0) if setting.name.endswith("_chance") else _SECONDS[setting.name]
            if not low <= value <= high:
                mistakes.append(f"{setting.name} is {value}; it must lie between {low} and {high}")
        if self._pauses != tuple(sorted(self._pauses)):
            mistakes.append("short_, middle_, long_, waiting_pause_seconds: a later one must not be smaller")
        if self._chances != tuple(sorted(self._chances, reverse=True)):
            mistakes.append("short_, middle_, long_, waiting_pause_chance: a later one must not be larger")
        if not self.machine_chance < min(self.waiting_pause_chance, self.doubt_chance):
            mistakes.append(f"machine_chance is {self.machine_chance}; it must lie below waiting_pause_chance and doubt_chance")
        if mistakes:
            raise Refused(*mistakes)

    def chance_wanted(self, pause_seconds: float) -> float:
        """How sure of a person one must be in a pause of this length; above 1.0, that is never, where it is too short."""
        reached = [chance for pause, chance in zip(self._pauses, self._chances, strict=True) if pause_seconds >= pause]
        return reached[-1] if reached else 2.0

    @property
    def _pauses(self) -> tuple[float, ...]:
        return self.short_pause_seconds, self.middle_pause_seconds, self.long_pause_seconds, self.waiting_pause_seconds

    @property
    def _chances(self) -> tuple[float, ...]:
        return self.short_pause_chance, self.middle_pause_chance, self.long_pause_chance, self.waiting_pause_chance


_SECONDS = {
    "short_pause_seconds": (0.16, 5.0),
    "middle_pause_seconds": (0.16, 5.0),
    "long_pause_seconds": (0.16, 5.0),
    "waiting_pause_seconds": (0.16, 5.0),
    "least_talk_seconds": (0.0, 10.0),
    "decide_within_seconds": (0.5, 30.0),
    "silence_seconds": (1.0, 60.0),
    "ringback_seconds": (0.0, 120.0),
    "listen_on_seconds": (0.0, 30.0),
}

PRESETS: Mapping[str, Settings] = MappingProxyType(
    {
        "careful": Settings(machine_chance=0.04, revise_chance=0.05),
        "balanced": Settings(),
        "fast": Settings(
            short_pause_chance=0.8,
            middle_pause_chance=0.66,
            long_pause_chance=0.6,
            waiting_pause_chance=0.35,
            machine_chance=0.14,
            revise_chance=0.16,
            decide_within_seconds=5.0,
            silence_seconds=5.0,
        ),
    }
)
