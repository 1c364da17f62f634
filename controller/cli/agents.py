"""``trunkline agent …``: agents at work. What touches a phone is asked of the controller that has the line, over Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.cli.common import AsJson, ask_controller, columns, emit, moment, perform

if TYPE_CHECKING:
    from rich.console import RenderableType

ANSWER_SECONDS = 15.0

Agent = Annotated[str, typer.Argument(metavar="AGENT", help="Name that the agent logs in as, see `agent ls`.")]
Off = Annotated[bool, typer.Option("--off", help="Undo it.")]
Carrier = Annotated[str | None, typer.Option(metavar="NAME", help="Who rings it, where it is a number.")]
Supervisor = Annotated[str, typer.Argument(metavar="SUPERVISOR", help="Who listens, by any name.")]
Phone = Annotated[
    str, typer.Argument(metavar="PHONE", help="The supervisor's phone: an agent's name, user, SIP URI or number.")
]

app = typer.Typer(no_args_is_help=True, help="Agents: log in and out, ready and pause, and what they do with a call.")


def register(root: typer.Typer) -> None:
    """Add the group to the root."""
    root.add_typer(app, name="agent")


@app.command("ls")
def ls(
    queue: Annotated[str | None, typer.Option(metavar="NAME", help="Only agents of this queue.")] = None,
    state: Annotated[str | None, typer.Option(help="Only: out, away, ready, reserved, talking, wrap_up.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the agents: where each stands, for how long, on which call."""
    emit(perform("agent.ls", queue=queue, state=state), as_json, _table)


@app.command("report")
def report(
    since: Annotated[str | None, typer.Option(metavar="TIME", help="With its zone; else 24 hours before the end.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="With its zone; else now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how agents spent their time: by state, calls, reservations by how they ended, occupancy."""
    emit(perform("agent.report", since=since, until=until), as_json, _report)


@app.command("login")
def login(
    agent: Agent,
    node: Annotated[str | None, typer.Option(metavar="NAME", help="At this controller; else at any.")] = None,
    ready: Annotated[bool, typer.Option("--ready", help="Ready as soon as the phone is picked up.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ring the agent's phone; the agent is in, and away until ready, once it is picked up."""
    _ask("agent.login", as_json, agent=agent, node=node, ready=ready)


@app.command("logout")
def logout(agent: Agent, as_json: AsJson = False) -> None:
    """Hang up the agent's phone and end the agent's day. Refused while reserved (System Busy) or talking."""
    _ask("agent.logout", as_json, agent=agent)


@app.command("show")
def show(agent: Agent, as_json: AsJson = False) -> None:
    """Show where the agent stands, the contact on the agent's card or on the line, what was said before, and the script."""
    emit(perform("agent.show", agent=agent), as_json, _shown)


@app.command("dial")
def dial(agent: Agent, as_json: AsJson = False) -> None:
    """Ring the contact on the agent's card now."""
    emit(perform("agent.dial", agent=agent), as_json, _done)


@app.command("skip")
def skip(agent: Agent, as_json: AsJson = False) -> None:
    """Pass the contact on the agent's card on to another agent. Refused when the agent's skips are used up."""
    emit(perform("agent.skip", agent=agent), as_json, _done)


@app.command("ready")
def ready(agent: Agent, as_json: AsJson = False) -> None:
    """Take calls from now on; ends the wrap-up."""
    emit(perform("agent.ready", agent=agent), as_json, _line)


@app.command("pause")
def pause(
    agent: Agent,
    reason: Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why, for the record.")] = "break",
    as_json: AsJson = False,
) -> None:
    """Take no calls; while talking, after the call. Refused while reserved (System Busy)."""
    emit(perform("agent.pause", agent=agent, reason=reason), as_json, _line)


@app.command("extend")
def extend(
    agent: Agent,
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", help="How much more.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Take more wrap-up time."""
    emit(perform("agent.extend", agent=agent, seconds=seconds), as_json, _line)


@app.command("hangup")
def hangup(agent: Agent, as_json: AsJson = False) -> None:
    """Hang up on the person; the agent stays."""
    _ask("agent.hangup", as_json, agent=agent)


@app.command("hold")
def hold(agent: Agent, off: Off = False, as_json: AsJson = False) -> None:
    """Give the person music; --off brings them back."""
    _ask("agent.hold", as_json, agent=agent, off=off)


@app.command("mute")
def mute(agent: Agent, off: Off = False, as_json: AsJson = False) -> None:
    """Let the person not hear the agent; --off ends that."""
    _ask("agent.mute", as_json, agent=agent, off=off)


@app.command("transfer")
def transfer(
    agent: Agent,
    to: Annotated[str, typer.Argument(metavar="TO", help="Another agent's name, a user, a SIP URI or a number.")],
    carrier: Carrier = None,
    attended: Annotated[bool, typer.Option("--attended", help="Talk to them first; then `agent complete`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand the person on, where the campaign allows it."""
    _ask("agent.transfer", as_json, agent=agent, to=to, carrier=carrier, attended=attended)


@app.command("complete")
def complete(agent: Agent, as_json: AsJson = False) -> None:
    """End an attended transfer: the person talks with the third party, the agent is out of it."""
    _ask("agent.complete", as_json, agent=agent)


@app.command("keys")
def keys(
    agent: Agent,
    pressed: Annotated[str, typer.Argument(metavar="KEYS", help="0-9 * # A-D; w is a pause of half a second.")],
    as_json: AsJson = False,
) -> None:
    """Press keys (DTMF) towards the person's end."""
    _ask("agent.keys", as_json, agent=agent, keys=pressed)


@app.command("record")
def record(
    agent: Agent,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="start, stop, pause or resume.")] = "start",
    as_json: AsJson = False,
) -> None:
    """Record the present talk, both sides in stereo."""
    _ask("agent.record", as_json, agent=agent, action=action)


@app.command("listen")
def listen(agent: Agent, supervisor: Supervisor, phone: Phone, carrier: Carrier = None, as_json: AsJson = False) -> None:
    """Let a supervisor hear the agent's calls, unheard."""
    _supervise(agent, supervisor, phone, carrier, "listen", as_json)


@app.command("whisper")
def whisper(agent: Agent, supervisor: Supervisor, phone: Phone, carrier: Carrier = None, as_json: AsJson = False) -> None:
    """Let a supervisor speak to the agent alone."""
    _supervise(agent, supervisor, phone, carrier, "whisper", as_json)


@app.command("barge")
def barge(agent: Agent, supervisor: Supervisor, phone: Phone, carrier: Carrier = None, as_json: AsJson = False) -> None:
    """Let a supervisor speak to agent and person."""
    _supervise(agent, supervisor, phone, carrier, "barge", as_json)


@app.command("unsupervise")
def unsupervise(agent: Agent, supervisor: Supervisor, as_json: AsJson = False) -> None:
    """Hang up the supervisor's phone."""
    _ask("agent.unsupervise", as_json, agent=agent, supervisor=supervisor)


@app.command("dispose")
def dispose(
    agent: Agent,
    disposition: Annotated[str, typer.Argument(metavar="DISPOSITION", help="One of the campaign's.")],
    notes: Annotated[str | None, typer.Option("--notes", metavar="TEXT", help="What is worth knowing.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the agent's present or last call came to."""
    emit(perform("agent.dispose", agent=agent, disposition=disposition, notes=notes), as_json, disposed_line)


@app.command("later")
def later(
    agent: Agent,
    at: Annotated[str, typer.Argument(metavar="TIME", help="With its zone: 2026-11-21T15:30:00+05:30.")],
    mine: Annotated[bool, typer.Option("--mine", help="By this agent, not by anybody of the queue.")] = False,
    notes: Annotated[str, typer.Option("--notes", metavar="TEXT", help="For whoever calls.")] = "",
    as_json: AsJson = False,
) -> None:
    """Promise the person of the present or last call to call them again then."""
    emit(perform("agent.later", agent=agent, at=at, mine=mine, notes=notes), as_json, promised_line)


def disposed_line(done: dict[str, Any]) -> str:
    """For people: what was noted, and what follows."""
    follows = f"; called again at {moment(done['again_at'])}" if done["again_at"] else ""
    follows += f"; not called again: {done['not_again']}" if done.get("not_again") else ""
    follows += f"; the number is on do-not-call list {done['dnc_list']}" if done["dnc_list"] else ""
    return f"call {done['attempt_id']}: {done['disposition']}{follows}"


def promised_line(done: dict[str, Any]) -> str:
    """For people: what was promised."""
    by = f" by {done['agent']}" if done["agent"] else ""
    return f"call {done['attempt_id']}: to be called again at {moment(done['at'])}{by}"


def _supervise(agent: str, supervisor: str, phone: str, carrier: str | None, mode: str, as_json: bool) -> None:
    args = {"agent": agent, "supervisor": supervisor, "phone": phone, "carrier": carrier, "mode": mode}
    _ask("agent.supervise", as_json, **args)


def _ask(verb: str, as_json: bool, **args: Any) -> None:
    given = {key: value for key, value in args.items() if value is not None}
    emit(ask_controller(verb, ANSWER_SECONDS, **given), as_json, _done)


def _done(result: dict[str, Any]) -> str:
    words = [f"{key} {value}" for key, value in result.items() if key != "agent" and value is not None]
    return f"agent {result['agent']}: {', '.join(words)}"


def _line(row: dict[str, Any]) -> str:
    pause = f", then pause ({row['then_pause']})" if row["then_pause"] else ""
    left = f", {row['wrap_up_left']:.0f} s left" if row["wrap_up_left"] else ""
    reason = f" ({row['reason']})" if row["reason"] else ""
    return f"agent {row['agent']} is {row['state']}{reason}{left}{pause}"


def _report(found: list[dict[str, Any]]) -> RenderableType:
    states = ("ready", "reserved", "talking", "wrap_up", "away")
    rows = (
        (
            row["agent"],
            row["calls"],
            f"{row['occupancy']:.1%}" if row["occupancy"] is not None else "",
            *(f"{row['seconds'].get(state, 0.0):.0f} s" for state in states),
            ", ".join(f"{end} {count}" for end, count in sorted(row["reservations"].items()) if count),
        )
        for row in found
    )
    return columns(("AGENT", "CALLS", "OCCUPANCY", *(state.upper() for state in states), "RESERVATIONS"), rows)


def _shown(found: dict[str, Any]) -> str:
    card, call, lines = found["card"], found["call"], [_line(found)]
    if card is not None:
        lines.append(f"campaign {card['campaign']}: {_person(card)}, {card['attempts']} attempts so far")
        lines.append(f"{card['seconds_left']:g} s to choose, then {card['then']}; {card['skips_left']} skips left")
    elif call is not None:
        stands = {"reserved": "being dialled", "talking": "on the line"}.get(found["state"], "over")
        lines.append(f"campaign {call['campaign']}: {_person(call)}, {stands}")
        lines += [_earlier(one) for one in call["earlier"]]
    if found["script"]:
        lines += ["", found["script"].strip()]
    return "\n".join(lines)


def _person(shown: dict[str, Any]) -> str:
    contact = ", ".join(f"{name} {value}" for name, value in shown["attributes"].items())
    return f"{shown['phone']} ({contact})" if contact else str(shown["phone"])


def _earlier(one: dict[str, Any]) -> str:
    words = (one["outcome"], one["disposition"], one["agent"], one["notes"], one["promise"])
    return f"  called {moment(one['created_at'])}: {', '.join(word for word in words if word)}"


def _table(found: list[dict[str, Any]]) -> RenderableType:
    rows = (
        (
            row["agent"],
            f"{row['state']} ({row['reason']})" if row["reason"] else row["state"],
            f"{row['seconds']:.0f} s" if row["seconds"] is not None else "",
            ", ".join(row["queues"]),
            row["node"],
            row["campaign"],
            row["attempt_id"],
        )
        for row in found
    )
    return columns(("AGENT", "STATE", "SINCE", "QUEUES", "NODE", "CAMPAIGN", "CALL"), rows)
