"""Work in native threads: its answer comes back, whatever it is."""

from __future__ import annotations

import gevent
import pytest

from controller.errors import StoreDown
from controller.threads import Threads


@pytest.mark.parametrize("error", [StoreDown("away"), ZeroDivisionError("a mistake of ours")], ids=type)
def test_an_error_comes_back_and_is_not_printed(error: Exception, capfd: pytest.CaptureFixture[str]) -> None:
    """Printed first, it would be lost on a full disk with the answer, and no end of a call written any more."""

    def fail() -> int:
        raise error

    threads = Threads(1)
    with gevent.Timeout(20), pytest.raises(type(error)) as caught:
        threads(fail)
    assert caught.value is error
    assert threads(lambda: 7) == 7
    assert capfd.readouterr().err == ""
