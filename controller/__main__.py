"""``python -m controller`` and the ``trunkline`` command.

The controller process lives on gevent, and patching must come before anything else is imported. Every other command stays
as Python made it: workers fork and keep their own signals (rq), a command line has no use for a loop.
"""

from __future__ import annotations

import sys

if sys.argv[1:2] == ["controller"]:
    from gevent import monkey

    monkey.patch_all()

from controller.cli import build


def main() -> None:
    """The command line."""
    build()(prog_name="trunkline")


if __name__ == "__main__":
    main()
