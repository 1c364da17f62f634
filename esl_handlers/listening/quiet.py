"""Whether a machine has finished its greeting: it was loud, and has been quiet for long.

Only asked after the verdict ``machine``, where no beep comes: cheap levels are enough, no speech detector is needed. Quiet
means close to the line's own noise floor, or below what a telephone passes as speech.
"""

from __future__ import annotations

import numpy as np

SAMPLES_A_SECOND = 8000
BLOCK = 160
BLOCKS_AT_ONCE = 5
"""A tenth of a second is soon enough, and NumPy's price is by the call."""
ALWAYS_QUIET = 65.0
"""RMS of 16-bit samples: -54 dB below full scale; speech on a line lies between -35 and -10."""
ABOVE_FLOOR = 2.0
"""6 dB above the noise floor is still noise."""
FLOOR_BLOCKS = 250
"""The floor is the quietest of the last 5 s."""


class Quiet:
    """seconds: how long it must have been quiet. ``hear`` says so once."""

    def __init__(self, seconds: float) -> None:
        self._wanted = int(seconds * SAMPLES_A_SECOND / BLOCK)
        self._rest = b""
        self._levels: list[float] = []
        self._quiet = 0
        self._spoke = False
        self._said = False

    def hear(self, pcm: bytes) -> bool:
        """16-bit samples at 8 kHz. True when the silence has just become long enough."""
        data = self._rest + pcm
        piece = 2 * BLOCK * BLOCKS_AT_ONCE
        whole = len(data) // piece * piece
        self._rest = data[whole:]
        if not whole or self._said:
            return False
        samples = np.frombuffer(data[:whole], dtype="<i2").astype(np.float32).reshape(-1, BLOCK)
        for level in np.sqrt((samples * samples).mean(axis=1)).tolist():
            self._levels = [*self._levels[1 - FLOOR_BLOCKS :], level]
            if level <= max(ALWAYS_QUIET, min(self._levels) * ABOVE_FLOOR):
                self._quiet += 1
            else:
                self._quiet, self._spoke = 0, True
        self._said = self._spoke and self._quiet >= self._wanted
        return self._said
