"""How patient and how sure the detector must be: every number once, with its unit, and three presets.

The costs behind the presets: a person called machine is hung up on and is taken as twenty times worse than a machine passed
on. By Wald's sequential test that asks for less than about a 2 % chance of a person before anything is called a machine, and
about 90 % before a person is connected; a short pause asks for more, as a machine's pause between two sentences looks the same.
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
        high; likewise middle_ and long_. Pauses must not fall, and chances must not rise, from short to long.
    machine_chance: a machine is reported once the chance of a person stays below this for three steps (180 ms).
    decide_within_seconds: so long after the first word doubt becomes ``unknown``.
    silence_seconds: nobody spoke for so long after the answer: ``unknown``. Never a machine.
    ringback_seconds: how long ringing that goes on after a false answer may hold that clock.
    listen_on_seconds: how long after a person verdict a machine is still listened for; 0 makes a person verdict final.
    revise_chance: a person verdict is revised once the chance of a person stays below this for three steps.
    """

    short_pause_seconds: float = 0.26
    short_pause_chance: float = 0.98
    middle_pause_seconds: float = 0.5
    middle_pause_chance: float = 0.95
    long_pause_seconds: float = 0.8
    long_pause_chance: float = 0.9
    machine_chance: float = 0.02
    decide_within_seconds: float = 4.0
    silence_seconds: float = 8.0
    ringback_seconds: float = 30.0
    listen_on_seconds: float = 5.0
    revise_chance: float = 0.02

    def __post_init__(self) -> None:
        mistakes = []
        for setting in fields(self):
            value = getattr(self, setting.name)
            low, high = (0.0, 1.0) if setting.name.endswith("_chance") else _SECONDS[setting.name]
            if not low <= value <= high:
                mistakes.append(f"{setting.name} is {value}; it must lie between {low} and {high}")
        if not self.short_pause_seconds <= self.middle_pause_seconds <= self.long_pause_seconds:
            mistakes.append("short_pause_seconds, middle_pause_seconds, long_pause_seconds: a later one must not be smaller")
        if not self.short_pause_chance >= self.middle_pause_chance >= self.long_pause_chance:
            mistakes.append("short_pause_chance, middle_pause_chance, long_pause_chance: a later one must not be larger")
        if not self.machine_chance < self.long_pause_chance:
            mistakes.append(f"machine_chance is {self.machine_chance}; it must lie below long_pause_chance")
        if mistakes:
            raise Refused(*mistakes)

    def chance_wanted(self, pause_seconds: float) -> float:
        """How sure of a person one must be in a pause of this length; above 1.0, that is never, where it is too short."""
        if pause_seconds >= self.long_pause_seconds:
            return self.long_pause_chance
        if pause_seconds >= self.middle_pause_seconds:
            return self.middle_pause_chance
        if pause_seconds >= self.short_pause_seconds:
            return self.short_pause_chance
        return 2.0


_SECONDS = {
    "short_pause_seconds": (0.16, 5.0),
    "middle_pause_seconds": (0.16, 5.0),
    "long_pause_seconds": (0.16, 5.0),
    "decide_within_seconds": (0.5, 30.0),
    "silence_seconds": (1.0, 60.0),
    "ringback_seconds": (0.0, 120.0),
    "listen_on_seconds": (0.0, 30.0),
}

PRESETS: Mapping[str, Settings] = MappingProxyType(
    {
        "careful": Settings(machine_chance=0.01, revise_chance=0.01),
        "balanced": Settings(),
        "fast": Settings(
            short_pause_chance=0.95,
            middle_pause_chance=0.9,
            long_pause_chance=0.8,
            machine_chance=0.03,
            decide_within_seconds=3.0,
            silence_seconds=5.0,
            revise_chance=0.03,
        ),
    }
)
