"""How far the journal is settled: no line that may still be needed is passed over by the next life."""

from __future__ import annotations

import math
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from esl_handlers import settled
from esl_handlers.journal import Place
from esl_handlers.settled import Settled


def at(offset: int) -> Place:
    return Place(1, offset)


def test_a_call_of_an_earlier_life_holds_the_place():
    """Its line may stand right behind it, however much has been read since."""
    journal = Settled(at(10))
    journal.note(1.0, at(500))
    assert journal.place(-math.inf) == at(10)
    assert journal.place(math.inf) == at(500)


def test_a_place_is_settled_when_no_older_call_is_open():
    """A call that began after the reading has its line behind it."""
    journal = Settled(None)
    for now, offset in ((1.0, 100), (2.0, 200), (3.0, 300)):
        journal.note(now, at(offset))
    assert journal.place(0.5) is None
    assert journal.place(2.5) == at(200)
    assert journal.place(1.5) == at(200), "what was settled once stays so"


@given(
    st.lists(st.tuples(st.sampled_from(["call", "end", "told", "look"]), st.integers(0, 5)), max_size=80),
    st.integers(2, 6),
)
def test_the_line_of_an_open_call_is_never_passed(steps: list[tuple[str, int]], most: int):
    """Calls begin, end at the switch and are told to the ledger in any order: every line not told lies behind the place."""
    began: dict[int, float] = {}
    lines: list[int] = []
    told: set[int] = set()
    journal = Settled(at(0))
    with patch.object(settled, "MOST_PLACES", most):
        for now, (what, which) in enumerate(steps):
            if what == "call" and which not in began:
                began[which] = float(now)
            elif what == "end" and which in began and which not in lines:
                lines.append(which)
            elif what == "told" and which in lines:
                told.add(which)
            elif what == "look":
                journal.note(float(now), at(len(lines)))
            place = journal.place(min((began[one] for one in began if one not in told), default=math.inf))
            assert place is not None
            assert set(lines[: place.offset]) <= told
