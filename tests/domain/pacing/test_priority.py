"""Priority between running campaigns (features 1.11)."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.pacing.priority import Turns


def test_strict_serves_the_higher_first():
    """Every call of priority 8 comes before any of priority 5; equals are mixed."""
    order = Turns("strict", Random(1)).order({"low": (5, 3), "a": (8, 20), "b": (8, 20)})
    assert set(order[:40]) == {"a", "b"}
    assert order[40:] == ["low"] * 3
    assert order[:20] != ["a"] * 20


def test_weighted_shares_in_proportion():
    """Two campaigns at 5 and 3 get 62.5 % and 37.5 % of what is granted, pulse after pulse."""
    turns, got = Turns("weighted", Random(1)), Counter[str]()
    for _ in range(800):
        order = turns.order({"five": (5, 4), "three": (3, 4)})
        got[order[0]] += 1
        turns.granted(order[0])
    assert got == {"five": 500, "three": 300}


def test_weighted_does_not_save_up():
    """A campaign that wanted nothing for an hour does not block the others when it comes back."""
    turns = Turns("weighted", Random(1))
    for _ in range(1000):
        turns.granted(turns.order({"busy": (5, 1)})[0])
    first = [turns.order({"busy": (5, 1), "back": (5, 1)})[0] for _ in range(1)]
    got = Counter[str]()
    for _ in range(100):
        key = turns.order({"busy": (5, 1), "back": (5, 1)})[0]
        got[key] += 1
        turns.granted(key)
    assert first[0] in {"busy", "back"}
    assert abs(got["busy"] - got["back"]) <= 1


@given(
    st.sampled_from(["strict", "weighted"]),
    st.dictionaries(st.text(min_size=1, max_size=3), st.tuples(st.integers(1, 10), st.integers(0, 30)), max_size=6),
)
def test_everybody_gets_to_ask_as_often_as_they_want(policy: str, wants: dict[str, tuple[int, int]]):
    """The order holds each campaign exactly as often as it wants calls: nobody is left out."""
    assert Counter(Turns(policy, Random(2)).order(wants)) == Counter({k: n for k, (_, n) in wants.items() if n})


def test_unknown_policy():
    """A typo in the setting is told."""
    with pytest.raises(ValueError, match="neither strict nor weighted"):
        Turns("fair", Random(1))
