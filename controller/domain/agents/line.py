"""An agent's line: the leg to the agent's phone, what can be asked of it, and what happens to it.

    open ──► ringing ──► up (music) ──join──► talking ──person leaves──► up …
              │                                │  ▲
              └► no answer, refused        hold ▼  │ resume
                                             holding (consult ► transfer)

Nailed-up: one call to the phone is held open for the agent's whole day; between talks it plays music, and a person is joined at
once. On-hook: the phone rings for each call, and its line ends with the talk.

The switch itself brings a line back to music when the person leaves, and takes care of a person whose agent's line drops,
whether a controller lives or not. Who talks to whom, and what an agent's state is, others decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LineKind(StrEnum):
    """How an agent's phone is reached."""

    NAILED_UP = "nailed_up"
    ON_HOOK = "on_hook"


@dataclass(frozen=True, slots=True)
class LineOrder:
    """A line to be opened. One agent has at most one line at a time.

    phone: ``user/1001`` or ``user/1001@domain`` (registered at the switch), ``sip:1001@10.0.0.5:5060`` (any SIP address), or
    ``gateway/NAME/NUMBER`` (any telephone, through a carrier's gateway). ring_seconds: on-hook as long as a person may wait.
    caller_id: number the phone shows while it rings, "" = the switch's own. shows: headers of the INVITE to the phone
    (``X-Trunkline-<name>``), for who rings; hostile until proven otherwise. music: sound between talks of a nailed-up line,
    "" = the switch's.
    """

    agent_id: str
    phone: str
    kind: LineKind = LineKind.NAILED_UP
    ring_seconds: int = 30
    caller_id: str = ""
    shows: tuple[tuple[str, str], ...] = ()
    music: str = ""


@dataclass(frozen=True, slots=True)
class JoinOrder:
    """A person to be joined with an agent whose line is up.

    cue: sound that the agent alone hears as the person comes, "" = none. name, number: whom the agent's phone shows from then
    on, where it can; hostile until proven otherwise.
    """

    attempt_id: str
    agent_id: str
    cue: str = "tone_stream://%(120,40,880);%(120,0,1320)"
    name: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """Where a talking or held person is to go. to: as ``LineOrder.phone``. caller_id: as there."""

    to: str
    ring_seconds: int = 30
    caller_id: str = ""


class SuperviseMode(StrEnum):
    """Who hears a supervisor: nobody, the agent alone, both."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"


@dataclass(frozen=True, slots=True)
class LineRinging:
    """The agent's phone rings."""

    at: float


@dataclass(frozen=True, slots=True)
class LineUp:
    """The agent picked up and hears music: a person can be joined."""

    at: float


@dataclass(frozen=True, slots=True)
class RingNoAnswer:
    """The phone rang ``ring_seconds`` long, nobody picked up, and it rings no more. There is no line."""

    at: float


@dataclass(frozen=True, slots=True)
class LineDown:
    """The line is gone. reason: ``hung_up`` by the agent, ``closed`` by us, ``talk_over`` (on-hook), ``refused`` (busy, not
    registered, wrong address …), ``switch_restarted``, ``unseen`` (while we did not listen), ``fault``. cause: the switch's
    word, for the record."""

    at: float
    reason: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class TalkBegan:
    """Agent and person hear each other; the call's own ``Connected`` says the same. Also after ``PersonHeld``."""

    at: float
    attempt_id: str


@dataclass(frozen=True, slots=True)
class PersonHeld:
    """The person hears music, the agent's line is free of them."""

    at: float
    attempt_id: str


@dataclass(frozen=True, slots=True)
class TalkEnded:
    """The agent and this person no longer belong together; the line is back in music, or gone.

    person_waits: the person is still there (the line dropped, or ``part``), hears music, and must be joined with somebody else
    within ``LOST_AGENT_SECONDS``, or the switch itself treats them as abandoned.
    """

    at: float
    attempt_id: str
    person_waits: bool = False


@dataclass(frozen=True, slots=True)
class JoinFailed:
    """The person was not joined: the line or the call was gone. The other one stays as it was. reason: ``person_gone``,
    ``line_down`` or ``switch_down``."""

    at: float
    attempt_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConsultRinging:
    """The third party of an attended transfer is being called; the person is held."""

    at: float


@dataclass(frozen=True, slots=True)
class ConsultUp:
    """Agent and third party hear each other, the person does not."""

    at: float


@dataclass(frozen=True, slots=True)
class ConsultEnded:
    """The third party is gone, or never came; the person is held, or being resumed. reason: ``hung_up``, ``no_answer``,
    ``refused``, or ``let_go`` by us."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Transferred:
    """The person was handed on, and the agent has nothing more to do with the call. to: as ordered."""

    at: float
    attempt_id: str
    to: str


@dataclass(frozen=True, slots=True)
class LineKey:
    """The agent pressed a key of the phone. key: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""

    at: float
    key: str


@dataclass(frozen=True, slots=True)
class SupervisorOn:
    """A supervisor hears the agent's line, or changed the mode (by command, or the keys 0 listen, 1 whisper, 3 barge)."""

    at: float
    supervisor: str
    mode: SuperviseMode


@dataclass(frozen=True, slots=True)
class SupervisorOff:
    """A supervisor is gone, or could not be reached. reason: ``hung_up``, ``no_answer``, ``refused`` or ``line_down``."""

    at: float
    supervisor: str
    reason: str


LineEvent = (
    LineRinging
    | LineUp
    | RingNoAnswer
    | LineDown
    | TalkBegan
    | PersonHeld
    | TalkEnded
    | JoinFailed
    | ConsultRinging
    | ConsultUp
    | ConsultEnded
    | Transferred
    | LineKey
    | SupervisorOn
    | SupervisorOff
)

LOST_AGENT_SECONDS = 15
"""How long the switch keeps a person in music whose agent's line dropped, before it plays the abandoned-call message."""


@dataclass(frozen=True, slots=True)
class LiveLine:
    """A line as the switch has it now. attempt_id: the person on it, or held by it. held: that person hears music."""

    agent_id: str
    kind: LineKind
    up: bool
    attempt_id: str | None = None
    held: bool = False
