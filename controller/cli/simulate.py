"""``trunkline campaign simulate``: what a campaign would come to, from its own settings, before a single phone rings.

Reads the campaign, its lists, carriers and queue as they are stored; changes nothing. What the options do not say is taken from
the campaign's last run, where it made a hundred attempts, or assumed.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from controller.cli.common import AsJson, emit, perform
from controller.errors import Refused


def simulate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the campaign.")],
    agents: Annotated[int | None, typer.Option(min=1, help="Agents at work; left out: those of the campaign's queue.")] = None,
    hours: Annotated[
        float, typer.Option(min=0.01, max=744.0, help="Longest time to simulate, by the clock on the wall.")
    ] = 8.0,
    start: Annotated[
        datetime | None, typer.Option(help="When it begins, in the campaign's zone; left out: when calling hours next begin.")
    ] = None,
    contacts: Annotated[int | None, typer.Option(min=1, help="Contacts; left out: those on the campaign's lists.")] = None,
    mode: Annotated[str | None, typer.Option(help="Another dialling mode: agentless, progressive, power, predictive.")] = None,
    ratio: Annotated[float | None, typer.Option(min=1.0, max=10.0, help="Power: lines for an agent.")] = None,
    answer_rate: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Share of calls a person picks up.")] = None,
    talk: Annotated[float | None, typer.Option(min=0.1, help="Mean talk, seconds (120).")] = None,
    wrap_up: Annotated[float | None, typer.Option(min=0.1, help="Mean wrap-up, seconds (15).")] = None,
    ring: Annotated[float | None, typer.Option(min=0.1, help="Mean time until somebody picks up, seconds (12).")] = None,
    machines: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of the calls without a person that a machine takes (0.2).")
    ] = None,
    failures: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of the calls without a person that fail at once (0.2).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another day of the same kind.")] = 1,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write the course of the day as an SVG picture.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a run: finish time, calls, occupancy, abandon rate, channels, and what limits the pace. Dials nobody."""
    from controller.domain.campaigns.campaign import Campaign
    from controller.domain.site import Carrier
    from controller.simulator.forecast import Question, carriers_of, figures, learned, text
    from controller.simulator.forecast import simulate as live
    from controller.simulator.hours import fresh_start
    from controller.simulator.people import Habits, Spread
    from controller.simulator.picture import svg

    shown = perform("campaign.show", name=name)
    site = tomllib.loads(perform("site.export")["toml"])
    campaign = Campaign.model_validate(shown["spec"])
    campaign = _changed(campaign, mode, ratio)
    queue = _queue(campaign, site)
    wrapping = Spread(max(float(queue.get("wrap_up_seconds", 15.0)), 0.1), 0.5)
    habits = Habits(wait_seconds=campaign.abandoned.patience_seconds, wrap_up=wrapping)
    source = "assumed"
    for run in shown["runs"]:
        habits, known = learned(run["totals"], habits)
        if known:
            source = f"run {run['number']}"
            break
    stated: dict[str, Any] = {"answer_rate": answer_rate, "machine_share": machines, "failed_share": failures}
    for key, seconds in (("talk", talk), ("wrap_up", wrap_up), ("ring", ring)):
        stated[key] = Spread(seconds, getattr(habits, key).cv) if seconds is not None else None
    window = campaign.window.window()
    try:
        question = Question(
            campaign=campaign,
            carriers=carriers_of(
                campaign,
                [Carrier.model_validate(one) for one in site.get("carrier", [])],
                {one["number"]: one["carrier"] for one in site.get("number", [])},
            ),
            contacts=contacts if contacts is not None else _on_lists(campaign.lists),
            agents=agents if agents is not None else _of_queue(campaign, site),
            hours=hours,
            habits=replace(habits, **{key: value for key, value in stated.items() if value is not None}),
            start=start.replace(tzinfo=window.zone) if start is not None else fresh_start(window, datetime.now(UTC)),
            fleet=_fleet(campaign, site),
            seed=seed,
        )
    except ValueError as error:
        raise Refused(f"campaign {name} cannot be simulated: {error}; see --agents, --contacts, --mode") from error
    found = figures(question, live(question)) | {"rates_from": source}
    if picture is not None:
        try:
            picture.write_text(svg(found), encoding="utf-8")
        except OSError as error:
            raise Refused(f"the picture cannot be written to {picture}: {error.strerror}; see --picture") from error
    emit(found, as_json, lambda value: f"{text(value)}\nrates            {_rates(question.habits)} ({source}, unless stated)")


def _changed(campaign: Any, mode: str | None, ratio: float | None) -> Any:
    """The campaign with another mode or ratio; whom its calls would be connected to does not matter here."""
    pacing = campaign.pacing if ratio is None else campaign.pacing.model_copy(update={"ratio": ratio})
    return campaign.model_copy(update={"pacing": pacing, "mode": mode or campaign.mode})


def _on_lists(lists: tuple[str, ...]) -> int:
    return sum(one["size"] for one in perform("list.ls") if one["name"] in lists)


def _queue(campaign: Any, site: dict[str, Any]) -> dict[str, Any]:
    name = campaign.connect.queue if campaign.connect is not None else None
    return next((queue for queue in site.get("queue", []) if queue["name"] == name), {})


def _fleet(campaign: Any, site: dict[str, Any]) -> int | None:
    """How many calls the campaign's bot can take; None where its calls go to somebody else."""
    if campaign.mode != "agentless" or campaign.connect is None:
        return None
    return next((bot["capacity"] for bot in site.get("bot", []) if bot["name"] == campaign.connect.bot), None)


def _of_queue(campaign: Any, site: dict[str, Any]) -> int:
    queue = campaign.connect.queue if campaign.connect is not None else None
    return sum(queue in agent.get("queues", ()) for agent in site.get("agent", []))


def _rates(habits: Any) -> str:
    return (
        f"{habits.answer_rate:.1%} answered, ring {habits.ring.mean:g} s, talk {habits.talk.mean:g} s, "
        f"wrap-up {habits.wrap_up.mean:g} s"
    )
