"""Whatever is in ``trunkline.toml``, it is read, or refused with reasons that begin with its name."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import config
from controller.errors import BadFile

GOOD = """node = "n1"
[database]
url = "postgresql://u:p@127.0.0.1/t"
[freeswitch]
host = "127.0.0.1"
port = 8021
[dialling]
priority = "weighted"
pulse_seconds = 0.2
"""
SECTIONS = tuple(config.Settings.model_fields)
values = st.recursive(
    st.one_of(st.none().map(str), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


def loaded(file: Path) -> config.Settings | tuple[str, ...]:
    """The settings, or the reasons against the file."""
    try:
        return config.load(file)
    except BadFile as refused:
        return refused.reasons


def read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "odd.toml"
        file.write_bytes(content)
        found = loaded(file)
    assert found
    if isinstance(found, tuple):
        assert all(reason.startswith(str(file)) for reason in found)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_are_never_a_crash(content: bytes):
    """Any bytes are read or refused."""
    read_or_refused(content)


@settings(deadline=None)
@given(st.dictionaries(st.one_of(st.sampled_from(SECTIONS), st.text(max_size=8)), values, max_size=5))
def test_any_toml_is_never_a_crash(data: dict[str, object]):
    """The right keys with the wrong values, and keys that nobody knows."""
    read_or_refused(tomli_w.dumps(data).encode("utf-8", "surrogatepass"))


@settings(deadline=None)
@given(st.integers(0, len(GOOD)), st.binary(max_size=4), st.integers(0, 5))
def test_a_file_with_a_slip_is_never_a_crash(place: int, put: bytes, taken: int):
    """One slip of the hand anywhere in a good file."""
    content = GOOD.encode()
    read_or_refused(content[:place] + put + content[place + taken :])


@pytest.mark.parametrize("content", [b"a = " + b"[" * 5000, b"a = " + b"{a=" * 5000, b"\0", b"\xff\xfe", b"a = " + b"1" * 5000])
def test_files_that_were_made_to_break_a_reader(content: bytes):
    """Nested without end, zero bytes, another encoding."""
    read_or_refused(content)
