"""One real FreeSWITCH for the whole session; where there is none, what is in this folder skips, always."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.freeswitch.site import NotHere, Site, running_site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.freeswitch)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    try:
        with running_site(tmp_path_factory.mktemp("far-end")) as site:
            yield site
    except NotHere as missing:
        pytest.skip(str(missing))
