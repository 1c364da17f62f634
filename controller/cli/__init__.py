"""The ``trunkline`` command: assembles the verbs of each file into one application.

Each file of this package offers ``register(app)``, which adds its commands or its group of commands to the
root.
"""

from __future__ import annotations

import typer

from controller.cli import admin, agents, amd, calls, campaigns, dnc, lists, processes, reconcile, records, site
from controller.cli.common import Group

ROOMS = (processes, site, lists, dnc, campaigns, records, reconcile, calls, agents, amd, admin)
"""In the order in which ``trunkline --help`` shows their commands."""


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="trunkline",
        cls=Group,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        epilog="Every command takes --json. Exit codes: 0 done, 1 refused, 2 mistakes in a file or the command "
        "line, 3 database, Redis or a controller is not there just now.",
    )

    @app.callback()
    def root() -> None:
        """Outbound campaigns beside FreeSWITCH: load contacts, run campaigns, watch and stop them.

        Verbs lie in groups: `trunkline campaign --help` lists those of campaigns.
        """

    for room in ROOMS:
        room.register(app)
    return app
