"""Files as such, without a store: anything read is either right or a ``BadFile``; anything written reads back the same."""

from __future__ import annotations

import string

import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.domain.calls.outcome import NEVER_RETRIED, Outcome
from controller.domain.campaigns.campaign import Campaign
from controller.domain.site import Site
from controller.errors import BadFile
from controller.files import changes, read_document, site_items, site_of, to_toml
from tests.cli.conftest import JUNE, SITE

NAME_START = string.ascii_letters + string.digits
names = st.builds("{}{}".format, st.sampled_from(NAME_START), st.text(st.sampled_from(NAME_START + "_.-"), max_size=20))
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=60).map(str.strip)
phones = st.integers(10**7, 10**15 - 1).map("+{}".format)
minutes = st.floats(0.01, 40_000, allow_nan=False)
spans = st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)).map(lambda t: f"{t[0]:02d}:{t[1]:02d}-24:00")
days = st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1, max_size=7)

campaigns = st.fixed_dictionaries(
    {
        "name": names,
        "window": st.fixed_dictionaries(
            {
                "timezone": st.sampled_from(["Asia/Kolkata", "America/New_York", "UTC"]),
                "open": st.lists(
                    st.fixed_dictionaries({"days": days, "hours": st.lists(spans, min_size=1, max_size=3)}),
                    min_size=1,
                    max_size=3,
                ),
            }
        ),
    },
    optional={
        "description": texts,
        "notes": texts,
        "priority": st.integers(1, 10),
        "lists": st.lists(names, max_size=5, unique=True),
        "dnc": names,
        "run": st.sampled_from(["single_day", "continuous"]),
        "dispositions": st.lists(texts.filter(bool), max_size=3),
        "connect": st.one_of(
            st.fixed_dictionaries({"bot": names}), st.just({"playback": "ivr/welcome.wav"}), st.just({"ivr": "9*"})
        ),
        "numbers": st.fixed_dictionaries({"pool": st.lists(phones, min_size=1, max_size=4, unique=True)}),
        "pacing": st.fixed_dictionaries({"seats": st.integers(1, 1000)}, optional={"calls_per_second": st.floats(0.1, 1000)}),
        "retry": st.fixed_dictionaries(
            {"max_attempts": st.integers(1, 50)},
            optional={
                "on": st.lists(st.sampled_from(sorted(set(Outcome) - NEVER_RETRIED)), max_size=4).map(
                    lambda outcomes: [outcome.value for outcome in outcomes]
                ),
                "delays": st.dictionaries(st.sampled_from(["no_answer", "busy"]), minutes),
            },
        ),
    },
)
header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20).map(str.strip)
sites = st.fixed_dictionaries(
    {
        "carrier": st.just([{"name": "north", "gateway": "north", "calls_per_second": 10, "channels": 5, "allowed": ["+91"]}]),
        "number": st.lists(phones, max_size=4, unique=True).map(
            lambda numbers: [{"number": number, "carrier": "north"} for number in numbers]
        ),
        "bot": st.lists(names, max_size=3, unique=True).flatmap(
            lambda chosen: st.lists(
                st.dictionaries(st.sampled_from(["X-One", "X-Two"]), header_values),
                min_size=len(chosen),
                max_size=len(chosen),
            ).map(
                lambda headers: [
                    {"name": name, "uri": f"sip:{i}@10.0.0.5", "capacity": 3, "headers": headers[i]}
                    for i, name in enumerate(chosen)
                ]
            )
        ),
        "disposition": st.lists(texts.filter(bool), max_size=3, unique=True).map(
            lambda chosen: [{"name": name, "retry": True} for name in chosen]
        ),
    }
)

values = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), texts, st.datetimes(), st.dates(), st.times()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
keys = st.one_of(st.sampled_from([*Campaign.model_fields, *Site.model_fields]), texts)


def read(content: bytes) -> Site | Campaign | tuple[str, ...]:
    """What the file says, or why it is refused."""
    try:
        return read_document("odd.toml", content)
    except BadFile as error:
        return error.reasons


def read_or_refused(content: bytes) -> None:
    found = read(content)
    assert found
    if isinstance(found, tuple):
        assert all(reason.startswith("odd.toml: ") for reason in found)


@given(campaigns)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_campaign_written_is_the_campaign_read(data: dict[str, object]):
    """Whatever a campaign holds, its export is the same campaign again."""
    campaign = Campaign.model_validate(data)
    assert read_document("x.toml", to_toml(campaign).encode()) == campaign


@given(sites)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_site_written_is_the_site_read(data: dict[str, object]):
    """Whatever a site holds, its export is the same site again, and there is nothing to change between the two."""
    site = Site.model_validate(data)
    again = read_document("x.toml", to_toml(site).encode())
    assert isinstance(again, Site)
    assert again == site == site_of(site_items(site).values())
    assert changes(site_items(site), site_items(again)) == []


@given(st.binary(max_size=200))
def test_bytes_are_never_a_crash(content: bytes):
    """Any bytes are read or refused with reasons that begin with the file."""
    read_or_refused(content)


@given(st.dictionaries(keys, values, max_size=6))
def test_any_toml_is_never_a_crash(data: dict[str, object]):
    """Any TOML, with the right keys and the wrong values too, is read or refused with reasons."""
    read_or_refused(tomli_w.dumps(data).encode())


@given(st.sampled_from([JUNE, SITE]), st.integers(0, 600), st.binary(max_size=4), st.integers(0, 5))
def test_a_file_with_a_slip_is_never_a_crash(text: str, place: int, put: bytes, taken: int):
    """One slip of the hand anywhere in a good file is read or refused with reasons."""
    content = text.encode()
    read_or_refused(content[:place] + put + content[place + taken :])
