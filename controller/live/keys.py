"""Every Redis key once: type, meaning, lifetime. All of it can be lost: the database and FreeSWITCH hold the truth.

| key | type | holds | ends |
|---|---|---|---|
| ``trunkline:hopper:<run>`` | list | leads about to be dialled, as JSON arrays | the leads' own leases |
| ``trunkline:seats:<campaign>`` | zset | attempt → lease end, ms | lease |
| ``trunkline:fleet:<bot>`` | zset | attempt → lease end, ms | lease |
| ``trunkline:channels:<carrier>`` | zset | attempt → lease end, ms | lease |
| ``trunkline:phone:<digits>`` | string | the attempt that is live to this number | lease |
| ``trunkline:launch:<carrier>`` | list | last launch times, ms, newest first | 60 s |
| ``trunkline:rate:<campaign>`` | list | the same for the campaign's dialling rate | 60 s |
| ``trunkline:turn:<campaign>:<carrier>`` | string | caller-id rotation | 1 day |
| ``trunkline:carrier:<carrier>`` | hash | ``factor`` of the rate, ``streak`` of faults, ``rest_until`` ms | 10 min |
| ``trunkline:epoch`` | hash | ``run`` id of this Redis, ``settled_at`` ms: nothing is granted before | - |
| ``trunkline:board:<node>`` | hash | campaign → what this controller publishes, JSON | 10 s |
| ``trunkline:nodes`` | zset | node → last seen, s | - |
| ``trunkline:agent:<agent>`` | hash | a logged-in agent: state, since when, who holds it, until when | presence lease |
| ``trunkline:agents:<node>`` | zset | agent → end of its presence, ms | presence lease |
| ``trunkline:agents-due:<node>`` | zset | agent → when its state ends by itself, ms | that state |
| ``trunkline:agents-ready:<node>:<queue>`` | zset | ready agent → idle since, ms | with the state |
| ``trunkline:agents-of:<node>:<queue>`` | set | logged-in agents of a queue | presence lease |
| ``trunkline:agents-held:<node>`` | hash | holder → agent | the hold's lease |
| ``trunkline:agents-nodes`` | set | nodes with agents | the last agent's presence |
| ``trunkline:agent-changes:<node>`` | list | what happened to agents and is not yet in the database, JSON | when noted |
| ``trunkline:agent-changes:<node>:number`` | string | number of the last change | - |
| ``trunkline:card:<agent>`` | hash | the contact that the agent is shown, and the choice | lease |
| ``trunkline:card-of:<run>:<lead>`` | string | the agent to whom the contact is shown | lease |
| ``trunkline:cards:<node>`` | set | agents of the node that are shown something | - |
| ``trunkline:skips:<run>`` | hash | agent → contacts skipped in the run | 30 days |
| ``trunkline:skipped:<run>:<lead>`` | set | agents that skipped the contact | 30 days |
| ``trunkline:lease:<name>`` | string | the holder's fencing token | lease |
| ``trunkline:lease:<name>:fence`` | string | tokens given out so far | - |
| ``trunkline:lease:<name>:turn`` | string | turns taken so far | - |

Times are Redis' own clock (``TIME``), in milliseconds, so that controllers' clocks do not matter.
"""

from __future__ import annotations

PREFIX = "trunkline:"
NODES = "trunkline:nodes"


def hopper(run_id: int) -> str:
    return f"{PREFIX}hopper:{run_id}"


def seats(campaign: str) -> str:
    return f"{PREFIX}seats:{campaign}"


def fleet(bot: str) -> str:
    return f"{PREFIX}fleet:{bot}"


def channels(carrier: str) -> str:
    return f"{PREFIX}channels:{carrier}"


def phone(digits: int) -> str:
    return f"{PREFIX}phone:{digits}"


def launches(carrier: str) -> str:
    return f"{PREFIX}launch:{carrier}"


def rate(campaign: str) -> str:
    return f"{PREFIX}rate:{campaign}"


def carrier(name: str) -> str:
    return f"{PREFIX}carrier:{name}"


def board(node: str) -> str:
    return f"{PREFIX}board:{node}"


def card(agent: str) -> str:
    return f"{PREFIX}card:{agent}"


def card_of(run_id: int, lead_id: int) -> str:
    return f"{PREFIX}card-of:{run_id}:{lead_id}"


def cards(node: str) -> str:
    return f"{PREFIX}cards:{node}"


def skips(run_id: int) -> str:
    return f"{PREFIX}skips:{run_id}"


def skipped_by(run_id: int, lead_id: int) -> str:
    return f"{PREFIX}skipped:{run_id}:{lead_id}"


def lease(name: str) -> str:
    return f"{PREFIX}lease:{name}"


def lease_fence(name: str) -> str:
    return f"{PREFIX}lease:{name}:fence"


def lease_turn(name: str) -> str:
    return f"{PREFIX}lease:{name}:turn"
