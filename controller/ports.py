"""What the engine asks of the world. Each port has two or more fulfilments and one contract suite (tests/contracts/).

Everything here may block the calling greenlet or thread for a short time; nothing here blocks the whole process. Fulfilments
raise ``Unavailable`` (``StoreDown``, ``LiveStateDown``, ``SwitchDown``) when their world is away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from controller.domain.agents.agent import LOGIN, AgentState, Refusal, ReservationEnd, Seizure, SeizureOutcome
from controller.domain.agents.line import JoinOrder, LineEvent, LineKind, LineOrder, LiveLine, SuperviseMode, TransferOrder
from controller.domain.agents.preview import Card, CardEnd, Choice, ChoiceRefusal
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.answering import Detection, Treatment
from controller.domain.calls.events import CallEvent, DialFailed, HungUp
from controller.domain.calls.record import AttemptDraft, AttemptEnd, OpenAttempt, Opening
from controller.domain.campaigns.plan import RunPlan
from controller.domain.hopper.lead import HopperLead, LeadState
from controller.domain.pacing.drop_guard import Tally, WindowName
from controller.domain.pacing.formula_value import Reading

T = TypeVar("T")


class InThread(Protocol):
    """Runs blocking work in a native thread while the calling greenlet waits."""

    def __call__(self, work: Callable[[], T]) -> T: ...


class Clock(Protocol):
    """Both of people's clocks; virtual in tests and in the simulator."""

    def now(self) -> float:
        """UTC epoch seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; for durations and deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let others run for that long."""
        ...


class SwitchListener(Protocol):
    """Who is told what the switch reports. Called from the link's own greenlet: put and return."""

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        """Something happened to a call. Calls that are not ours are not reported."""
        ...

    def link_lost(self) -> None:
        """No events come any more; calls go on without us."""
        ...

    def link_restored(self, same_core: bool) -> None:
        """Events come again. same_core: False when the switch itself was restarted, so every call it had is dead."""
        ...


@dataclass(frozen=True, slots=True)
class Missed:
    """A call that did not leave, because the switch did not take it by its moment; it may have another one. why: a sentence."""

    why: str


class Switch(Protocol):
    """FreeSWITCH over ESL · the simulator's people."""

    @property
    def ready(self) -> bool:
        """Whether calls can be placed and their events seen."""
        ...

    @property
    def backlog(self) -> int:
        """Commands that are out and unanswered: how far the switch is behind. An overloaded one falls behind, it does not
        refuse."""
        ...

    def dial(self, order: DialOrder, not_after: float = math.inf) -> DialFailed | Missed | None:
        """Place one call. not_after: monotonic seconds until which the moment holds that the rates gave it.

        Returns once the command's fate is known or its reply is late: a ``DialFailed`` with ``left=False`` when it is
        certain that nothing left the box, ``Missed`` when that is so because it could not leave in time, else None and events
        follow. Bytes that were written count as dialled.
        """
        ...

    def connect(self, attempt_id: str, target: Target, attributes: Sequence[tuple[str, str]]) -> None:
        """Join a parked, answered call with a target; ``Connected`` or ``ConnectFailed`` follows."""
        ...

    def screen(self, attempt_id: str, detection: Detection) -> None:
        """Listen to an answered call, parked or connected.

        One ``VerdictGiven`` follows, whatever goes wrong (``unknown``, and why), at the latest about ``max_seconds`` from now.
        After it, while still listening: ``VerdictRevised``, and with ``beep`` ``BeepHeard`` or ``GreetingEnded``. Never raises;
        ends by itself, at the latest with the call.
        """
        ...

    def stop_screening(self, attempt_id: str) -> None:
        """Listen no more; nothing further is said about the call's audio. Twice, or too late, is no error."""
        ...

    def park(self, attempt_id: str, seconds: int) -> None:
        """Take the call from whatever it is joined with and hold it in silence; after ``seconds`` the switch itself hangs up.

        SwitchDown when it is certain that nothing was sent; so with the next two.
        """
        ...

    def leave_message(self, attempt_id: str, sound: str) -> None:
        """Play a sound to the far end; then ``MessagePlayed`` and, by the switch itself, the hang-up.

        ``ConnectFailed`` when the sound cannot be played. A call that is screened is listened to for somebody who picks up:
        ``VerdictRevised`` with kind person.
        """
        ...

    def stop_message(self, attempt_id: str) -> None:
        """Cut a message short: the call waits again, for the order's ``verdict_seconds``, and no ``MessagePlayed`` follows.
        ``connect`` and ``park`` cut it short as well."""
        ...

    def treat(self, attempt_id: str, treatment: Treatment) -> None:
        """Play the abandoned-call message to an answered person, whatever they hear now; then hang up. ``MessagePlayed`` at its
        end, ``KeyPressed`` when the opt-out key was pressed meanwhile (``HungUp`` names it again)."""
        ...

    def waits(self, attempt_id: str) -> bool:
        """Whether the switch holds that call answered and joined with nobody, for us to fetch it. SwitchDown when it cannot be
        asked."""
        ...

    def hang_up(self, attempt_id: str, why: str) -> None:
        """End a call; ``HungUp`` follows. A call that is already gone is no error."""
        ...

    def alive(self, attempt_id: str) -> bool:
        """Whether the switch has a call of that identity now."""
        ...

    def end_of(self, attempt_id: str) -> HungUp | None:
        """How a call ended, from the switch's own record of ended calls; None when that holds no such call. SwitchDown when
        the record cannot be read."""
        ...

    @property
    def keeps_record(self) -> bool:
        """Whether there is such a record at all."""
        ...

    @property
    def core(self) -> str:
        """Which life of the switch this is; another word after it was restarted. Empty before the first link."""
        ...


class LineListener(Protocol):
    """Who is told what happens on agents' lines. Called from the link's own greenlet: put and return."""

    def hear_line(self, agent_id: str, event: LineEvent) -> None: ...


class AgentLines(Protocol):
    """Agents' phones at the switch, and the talk on them: FreeSWITCH over ESL.

    Every method sends and returns; what comes of it is an event. A method that asks for what cannot be (no line, no talk, an
    address that is none) raises ``WrongState`` or ``Refused``, and nothing was done; ``SwitchDown`` when nothing was sent.
    A person is named by the call's attempt id, and must be answered and parked, held, or talking.
    """

    def attend(self, listener: LineListener) -> None:
        """Who hears of the lines from now on; before the first ``open``."""
        ...

    def open(self, order: LineOrder) -> None:
        """Ring the agent's phone: ``LineRinging``, then ``LineUp``, ``RingNoAnswer`` or ``LineDown``."""
        ...

    def close(self, agent_id: str) -> None:
        """Hang up the agent's phone: ``LineDown``. No line is no error. A person on it waits (``TalkEnded``)."""
        ...

    def join(self, order: JoinOrder) -> None:
        """Agent and person hear each other: ``TalkBegan`` and the call's ``Connected``, or ``JoinFailed``.

        The person may still be on the way into the wait when asked: the join follows as soon as they are there.
        """
        ...

    def part(self, agent_id: str) -> None:
        """End the talk and keep both: the line in music, the person waiting for somebody else (``TalkEnded``)."""
        ...

    def hold(self, agent_id: str) -> None:
        """The person hears music, the agent waits: ``PersonHeld``."""
        ...

    def resume(self, agent_id: str) -> None:
        """Back to the held person; a consulted third party is let go: ``TalkBegan``."""
        ...

    def mute(self, agent_id: str, muted: bool) -> None:
        """The person does not hear the agent, until told otherwise or the talk ends."""
        ...

    def send_keys(self, agent_id: str, keys: str) -> None:
        """Press keys (``0-9 * # A-D``, ``w`` half a second's pause) towards the person's end."""
        ...

    def transfer(self, agent_id: str, order: TransferOrder) -> None:
        """Blind: the person goes there alone, the line back to music: ``Transferred``. Who does not get through hears so."""
        ...

    def consult(self, agent_id: str, order: TransferOrder) -> None:
        """Attended: hold the person and call a third party: ``PersonHeld``, ``ConsultRinging``, ``ConsultUp`` or
        ``ConsultEnded``."""
        ...

    def complete(self, agent_id: str) -> None:
        """Join the held person with the third party: ``Transferred``, the line back to music."""
        ...

    def start_recording(self, attempt_id: str, file: str) -> None:
        """Both sides, stereo (left the person, right whoever they hear), into ``file``, until stopped or the call's end."""
        ...

    def pause_recording(self, attempt_id: str, paused: bool) -> None:
        """Silence in the file instead of speech, for card numbers and the like."""
        ...

    def stop_recording(self, attempt_id: str) -> None: ...

    def supervise(self, agent_id: str, supervisor: str, phone: str, mode: SuperviseMode) -> None:
        """Ring a supervisor's phone and let it hear the agent's line, over talks: ``SupervisorOn``/``SupervisorOff``. A
        supervisor who is there already changes the mode."""
        ...

    def stop_supervising(self, agent_id: str, supervisor: str) -> None: ...

    def lines(self) -> list[LiveLine]:
        """The lines that the switch has now, by its own word; those not known here are adopted: after a restart of ours."""
        ...


class AttemptStore(Protocol):
    """The ledger of calls: SQLAlchemy · in memory. Both methods are one transaction for the whole batch."""

    def open_attempts(self, drafts: Sequence[AttemptDraft]) -> list[Opening]:
        """Write ahead. One answer a draft, in order.

        OPENED: the attempt row is durable and the lead is DIALING. Otherwise no row exists. A second attempt with the same
        lead, or to a number that has a live attempt, is refused here whatever the caller believes.
        """
        ...

    def close_attempts(self, ends: Sequence[AttemptEnd]) -> list[bool]:
        """Write ends and move the leads. True for each attempt that was open until now; a repeat changes nothing."""
        ...

    def open_attempts_of(self, node: str) -> list[OpenAttempt]:
        """The live attempts that this controller placed."""
        ...


class LeadStore(Protocol):
    """Leads of runs: SQLAlchemy · in memory."""

    def claim(self, run_id: int, limit: int, now: float, leased_until: float) -> list[HopperLead]:
        """Up to ``limit`` leads: promised calls that are due, fresh ones by rank, others that are due by due time, promised
        calls of the next ten minutes. Each becomes HOPPER with a new claim."""
        ...

    def give_back(self, leads: Sequence[HopperLead]) -> int:
        """Leads that will not be dialled now return to where they were, if the claim still holds. How many did."""
        ...

    def defer(self, lead: HopperLead, due_at: float, reason: str) -> bool:
        """A gate refused: WAITING until ``due_at`` for ``reason``, if the claim still holds."""
        ...

    def hold(self, lead: HopperLead, leased_until: float) -> bool:
        """Keep a claimed lead in hand until that moment (it is shown to an agent), if the claim still holds."""
        ...

    def reap(self, now: float, limit: int = 5000) -> int:
        """Return leads whose lease lapsed. How many."""
        ...

    def close_waiting(self, run_id: int, into: LeadState, limit: int = 5000) -> int:
        """Fresh, waiting and hopper leads of a run become final ``into``; call until it returns 0."""
        ...

    def unfinished(self, run_id: int) -> bool:
        """Whether any lead of the run is not final."""
        ...

    def next_due(self, run_id: int) -> float | None:
        """Due time of the earliest waiting lead (0.0 while fresh ones are left); None when none waits."""
        ...


@dataclass(frozen=True, slots=True)
class RunningRun:
    """A run as the controller sees it. state: ``RunState`` value."""

    run_id: int
    number: int
    state: str
    plan: RunPlan


class RunStore(Protocol):
    """Which runs there are to dial."""

    def running(self) -> list[RunningRun]:
        """Runs that are active, paused or closing."""
        ...


class Hopper(Protocol):
    """Leads about to be dialled: Redis · in memory. May be lost at any moment; the leads' leases bring them back."""

    def push(self, run_id: int, leads: Sequence[HopperLead]) -> None: ...

    def take(self, run_id: int, limit: int) -> list[HopperLead]: ...

    def depth(self, run_id: int) -> int: ...

    def drop(self, run_id: int) -> None:
        """Forget a run's hopper."""
        ...


@dataclass(frozen=True, slots=True)
class CarrierChoice:
    """A carrier that may take the call, with the caller ids it may show. Tried in order."""

    name: str
    calls_per_second: float
    channels: int
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """Everything one call needs at once; all or nothing.

    campaign_key: whose seats and rate. rate: campaign's dialling rate, calls per second, None = no limit. bot: fleet name,
    None when no fleet is needed. phone: locked for the life of the call, system-wide.
    """

    attempt_id: str
    campaign_key: str
    phone: int
    seats: int
    rate: float | None
    bot: str | None
    bot_capacity: int
    carriers: tuple[CarrierChoice, ...]


@dataclass(frozen=True, slots=True)
class Granted:
    """Slots are held under a lease. launch_at: when the rates allow the call to leave, monotonic seconds; passed already when
    the answer was late. launch: that moment's name, for ``relaunch``."""

    carrier: str
    caller_id: str
    launch_at: float
    launch: str


@dataclass(frozen=True, slots=True)
class NoSlot:
    """limit: ``seats``, ``dialling_rate``, ``fleet``, ``carrier_channels``, ``carrier_cps``, ``carrier_down``, ``number_busy``,
    or ``settling`` (the live state was lost, living calls are being re-entered). retry_in_seconds: when to ask again."""

    limit: str
    retry_in_seconds: float


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch time that was given: where it counts (carrier, campaign's own rate if it has one) and its name."""

    carrier: CarrierChoice
    campaign_key: str
    rate: float | None
    name: str


@dataclass(frozen=True, slots=True)
class SlotUse:
    """What a campaign's call holds, so that it can be given back and renewed."""

    attempt_id: str
    campaign_key: str
    phone: int
    bot: str | None
    carrier: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Leases held now, by name, over all controllers."""

    seats: Mapping[str, int]
    fleets: Mapping[str, int]
    channels: Mapping[str, int]


class Limits(Protocol):
    """Seats, rate, fleet, channels, carrier CPS, number lock: Redis · in memory. Every slot is a lease."""

    def reserve(self, requests: Sequence[SlotRequest]) -> list[Granted | NoSlot]:
        """Atomic for each request, in order."""
        ...

    def relaunch(self, missed: Launch) -> tuple[float, Launch]:
        """A new launch time for a call that missed its own, which no longer counts: monotonic seconds, and its name."""
        ...

    def release(self, uses: Sequence[SlotUse]) -> None:
        """Give everything back. Twice is harmless."""
        ...

    def renew(self, uses: Sequence[SlotUse]) -> None:
        """Extend the leases of living calls (and re-enter them after Redis lost its data)."""
        ...

    def epoch(self) -> str:
        """Which life of the live state this is; another word after it was lost, and then living calls must be renewed."""
        ...

    def usage(self, campaign_keys: Sequence[str], bots: Sequence[str], carriers: Sequence[str]) -> Usage:
        """What is taken now."""
        ...

    def carrier_fault(self, carrier: str) -> None:
        """The carrier refused: slow it down, and rest it after several in a row."""
        ...

    def carrier_ok(self, carrier: str) -> None:
        """The carrier took a call: let its rate recover."""
        ...


class LiveBoard(Protocol):
    """What ``campaign status`` shows of the present moment: Redis · in memory. Expires by itself when nobody publishes."""

    def publish(self, node: str, campaigns: Mapping[str, Mapping[str, object]]) -> None: ...

    def read(self) -> dict[str, dict[str, dict[str, object]]]:
        """campaign → node → what that node published."""
        ...


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card now. age_seconds: since it was shown."""

    card: Card
    chosen: Choice | None
    age_seconds: float


class Previews(Protocol):
    """Contacts shown to agents: Redis · in memory. The rules are those of ``domain/agents/preview``.

    A card is a lease: who shows it keeps it by ``renew``, and one that nobody renews is gone, its contact free for others.
    Each method is atomic over all controllers.
    """

    def show(self, card: Card) -> bool:
        """False, and nothing changed, when the agent has a card already or the contact is on another's."""
        ...

    def renew(self, cards: Sequence[Card]) -> list[bool]:
        """Keep them shown. False: that card is gone."""
        ...

    def of_agent(self, agent: str) -> ShownCard | None:
        """What the agent sees."""
        ...

    def shown(self, node: str) -> list[ShownCard]:
        """The cards that a node shows, the oldest first."""
        ...

    def choose(self, agent: str, choice: Choice) -> ChoiceRefusal | None:
        """The agent says dial or skip; the first choice counts. None: taken."""
        ...

    def end(self, card: Card, how: CardEnd) -> bool:
        """Take the card away; True the first time only. A skip is counted, and with PASSED_ON remembered of the contact."""
        ...

    def skips(self, run_id: int, agent: str) -> int:
        """How often the agent has skipped in the run."""
        ...

    def skipped_by(self, run_id: int, lead_ids: Sequence[int]) -> list[frozenset[str]]:
        """For each lead the agents that skipped it, or let its time pass, in the run."""
        ...


class DropCounts(Protocol):
    """What the drop guard counts: SQLAlchemy · in memory."""

    def tallies(
        self, campaign_id: int, run_id: int, zone: str, now: float, machine_dispositions: Collection[str] = ()
    ) -> Mapping[WindowName, Tally]:
        """The campaign's ended calls that somebody picked up, by window; the run's window is that run's.

        zone: whose calendar month. now: UTC epoch seconds. machine_dispositions: by which agents say that a machine was on the
        line. A bot's first word later than two seconds makes its call an abandoned one.
        """
        ...


class FormulaSource(Protocol):
    """What a formula says now: a Prometheus server · constants alone."""

    def evaluate(self, expression: float | str) -> Reading:
        """A number is itself; a text is a PromQL query. Whatever goes wrong is a ``fault`` of the reading. Blocks the calling
        thread, for a few seconds at most."""
        ...


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """Who wants an agent, and which.

    holder: the attempt id, or any word of the asker's own when one agent is wanted for several calls (power). node: whose
    agents. skills: all are needed. only: nobody but this agent.
    """

    holder: str
    queue: str
    campaign: str
    node: str
    skills: frozenset[str] = frozenset()
    only: str | None = None


@dataclass(frozen=True, slots=True)
class NoAgent:
    """Nobody is free. outcome: TIMEOUT when somebody fitting is logged in, so that waiting may help; NONE when nobody is, or
    (settling) the live state was lost and agents are being re-entered. retry_in_seconds: when to ask again at the latest;
    0.0: when an agent becomes free."""

    outcome: SeizureOutcome
    retry_in_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Presence:
    """An agent whose line is at this node, as the node knows it. state and reason matter only where the pool does not know
    the agent (login, or the live state was lost); RESERVED and TALKING are re-entered by ``AgentPool.renew``. again: not at
    login, but proving later on that the line is up."""

    name: str
    node: str
    queues: tuple[str, ...]
    skills: frozenset[str] = frozenset()
    state: AgentState = AgentState.AWAY
    reason: str = LOGIN
    again: bool = False


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent now, with ages in seconds instead of moments: for boards and pacing.

    age: since the state began. idle: since the agent last became free, READY only. left: until wrap-up is over, WRAP_UP only.
    last_call: attempt of the present or last talk.
    """

    name: str
    node: str
    queues: tuple[str, ...]
    skills: frozenset[str]
    state: AgentState
    reason: str
    age_seconds: float
    idle_seconds: float
    left_seconds: float
    then_pause: str
    seizure: Seizure | None
    last_call: str = ""


@dataclass(frozen=True, slots=True)
class AgentChange:
    """One finished stretch of an agent's day, oldest first from ``AgentPool.changes``.

    number: grows by one a change at a node; a change read twice has the same. state … until: what is over; times are UTC epoch
    seconds of the pool's clock. to, to_reason: what the agent is now; None after leaving the pool. end: how the reservation
    ended, RESERVED only.
    """

    number: int
    agent: str
    node: str
    state: AgentState
    reason: str
    since: float
    until: float
    to: AgentState | None
    to_reason: str
    queue: str = ""
    campaign: str = ""
    holder: str = ""
    end: ReservationEnd | None = None


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """An agent as the site has it. address: as ``LineOrder.phone``."""

    name: str
    address: str
    kind: LineKind
    queues: tuple[str, ...]
    skills: frozenset[str]


@dataclass(frozen=True, slots=True)
class QueueRules:
    """A queue as the site has it. skills: needed of every agent who takes its calls. music, cue: sounds."""

    name: str
    wrap_up_seconds: float
    rona_seconds: int
    skills: frozenset[str] = frozenset()
    music: str = ""
    cue: str = ""


class AgentRecords(Protocol):
    """What lasts of agents: SQLAlchemy · in memory. Raises StoreDown."""

    def agents(self) -> dict[str, AgentProfile]:
        """Everybody who may log in, by name."""
        ...

    def queues(self) -> dict[str, QueueRules]:
        """The queues, by name."""
        ...

    def address(self, phone: str, carrier: str | None) -> str:
        """Where a line to ``phone`` goes, as ``LineOrder.phone``: an agent of the site by name, a user or extension, a SIP URI,
        or a number with the carrier that rings it. Refused."""
        ...

    def transfers(self, campaign: str) -> frozenset[str]:
        """Which transfers the campaign allows: ``blind``, ``attended``."""
        ...

    def logged_in(self, agent: str, node: str, address: str, kind: LineKind, at: float) -> None:
        """A session begins; one of the same agent that was never ended, ends. at: UTC epoch seconds, as below."""
        ...

    def logged_out(self, agent: str, at: float, reason: str) -> None:
        """The agent's session ends. Twice is harmless."""
        ...

    def sessions(self, node: str) -> list[str]:
        """Agents with a session at that node that was not ended."""
        ...

    def note(self, changes: Sequence[AgentChange]) -> None:
        """Stretches of agents' days that are over. One that is known already is not written twice."""
        ...

    def recorded(self, attempt_id: str, file: str) -> None:
        """A recording of the call is being made, in that file."""
        ...


class AgentPool(Protocol):
    """Agents on duty and who holds them: Redis · in memory. The rules are those of ``domain/agents``.

    Everything is a lease. A node keeps its agents in the pool by ``enter``; who holds an agent keeps the hold by ``renew``.
    What nobody renews ends by itself: an agent whose node is gone leaves, a reservation is a timeout, a talk makes the agent
    away. Each method is atomic for each item, over all controllers.
    """

    def enter(self, agents: Sequence[Presence]) -> list[bool]:
        """Log in, or prove that the line is still up (well within the lease). An agent who is known keeps its state; queues and
        skills are taken as given. False: another node has this agent."""
        ...

    def leave(self, agent: str, node: str, forced: bool) -> Refusal | None:
        """Log out. forced: the line is gone; whatever held the agent loses it. Otherwise refused while reserved or talking."""
        ...

    def ready(self, agent: str) -> Refusal | None:
        """The agent says ready: from away or wrap-up; while talking it takes a pause back. None: done."""
        ...

    def pause(self, agent: str, reason: str) -> Refusal | None:
        """The agent says pause; while talking it follows the call's wrap-up. None: done."""
        ...

    def reserve(self, requests: Sequence[AgentRequest]) -> list[Seizure | NoAgent]:
        """The longest-idle agent for each, in order. Asked again by the same holder, the answer is the same agent."""
        ...

    def renew(self, seizures: Sequence[Seizure]) -> list[bool]:
        """Extend holds, reserved and talking (well within the lease). After the live state was lost, an agent that is entered
        anew is held again. False: the agent is no longer this holder's; ``connect`` would be refused too."""
        ...

    def connect(self, seizure: Seizure, attempt_id: str) -> Seizure | None:
        """Reserved → talking, before the legs are joined. The hold to ``renew`` and ``finish`` from now on; its holder is the
        attempt. None: the agent is no longer this holder's, or the attempt has another, and must not be joined."""
        ...

    def release(self, seizure: Seizure, end: ReservationEnd) -> bool:
        """Reserved → ready (RETURNED, TIMEOUT) or away (RONA). False: it had ended already."""
        ...

    def finish(self, seizure: Seizure, wrap_up_seconds: float) -> bool:
        """Talking → wrap-up of that length, or on at once for 0. False: it had ended already."""
        ...

    def extend_wrap_up(self, agent: str, seconds: float) -> bool:
        """False: the agent is not in wrap-up."""
        ...

    def snapshot(self, node: str | None = None) -> list[AgentView]:
        """Every agent, or those of a node, by name."""
        ...

    def changes(self, node: str, limit: int = 1000) -> list[AgentChange]:
        """What happened to the node's agents and is not yet noted; lapsed states are ended first."""
        ...

    def noted(self, node: str, number: int) -> None:
        """Changes up to that number are recorded and need not be told again."""
        ...
