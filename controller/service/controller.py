"""The controller process: the one place that knows every room. Builds them from the settings, hands them to one another, starts
and stops the whole.

    database ─ ledger desk ┐
    Redis ─ limits, hopper ┼─ dial loop ─ call desk ─ switch (ESL)
    admin server, board, metrics, logs beside them

Stopping (``SIGTERM``): no more calls begin; calls in progress end, or the drain limit passes and they are left to be adopted by
the next controller; then the link closes and the stores close. A second ``SIGTERM`` does not wait.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import gevent
import structlog
from gevent.event import Event

from controller import logs
from controller.admin import bus
from controller.admin.commands import Commands, Desk
from controller.admin.verbs import VERBS
from controller.clock import RealClock
from controller.config import Settings
from controller.domain.calls.events import CallEvent
from controller.domain.pacing.priority import Turns
from controller.domain.site import PREDEFINED_DISPOSITIONS
from controller.engine.adopt import adopt_live_attempts
from controller.engine.agent_desk import AgentDesk
from controller.engine.call_desk import CallDesk
from controller.engine.crews import Crews
from controller.engine.dial_loop import DialLoop
from controller.engine.drop_desk import DropDesk
from controller.engine.formula_desk import FormulaDesk, deadline
from controller.engine.ledger_desk import LedgerDesk
from controller.engine.lessons import Lessons
from controller.engine.preview_desk import PreviewDesk
from controller.engine.slots import SlotDesk
from controller.engine.supervisor import Supervisor
from controller.engine.talks import Talks
from controller.errors import LiveStateDown, Refused, Unavailable
from controller.formulas.prometheus import formula_source
from controller.live.agents import RedisAgents, agents_for_any_thread
from controller.live.board import BoardForAnyThread, RedisBoard
from controller.live.hopper import RedisHopper
from controller.live.limits import RedisLimits
from controller.live.previews import RedisPreviews, previews_for_any_thread
from controller.metrics import Metrics, MetricsEndpoint
from controller.one_of_a_name import one_of_a_name
from controller.service.link_watch import LinkWatch
from controller.service.memory import NodeMemory
from controller.service.survey import Survey
from controller.storage.agents import SqlAgentRecords
from controller.storage.attempts import SqlAttemptStore
from controller.storage.database import Database
from controller.storage.drop_counts import SqlDropCounts
from controller.storage.leads import SqlLeadStore
from controller.storage.nodes import NodeStore
from controller.storage.runs import SqlRunStore
from controller.storage.site import SiteStore
from controller.threads import Threads
from esl_handlers.listening.ear import EarSettings
from esl_handlers.switch import FreeSwitch

log = structlog.get_logger("service")

READERS = 4
"""Native threads for reading and for admin commands; the ledger has one of its own."""
PUBLISH_SECONDS = 1.0
EPOCH_SECONDS = 1.0
"""How often it is looked whether Redis is still the one that holds our slots; well below the limits' settling time."""
REMEMBER_SECONDS = 5.0
SURVEY_SECONDS = 5.0
"""How often the figures that lie in the database are read for the metrics."""
ADOPT_RETRY_SECONDS = 1.0


class Controller:
    """One controller beside one FreeSWITCH. dropped_lines: log lines lost so far, for the metrics."""

    def __init__(self, settings: Settings, dropped_lines: Callable[[], int]) -> None:
        if not settings.freeswitch.host:
            raise Refused("freeswitch.host: is not set; name the FreeSWITCH beside which this controller runs, or use `run`")
        self._settings = settings
        self._clock = RealClock()
        self._metrics = Metrics()
        self._supervisor = Supervisor()
        self._stop_wanted = Event()
        self._drain_wanted = Event()
        self._adopted = False
        self._build_stores()
        self._survey = Survey(self._database, self._runs, self._in_thread, self._metrics, dropped_lines)
        self._build_engine()
        self._build_doors()

    def _build_stores(self) -> None:
        settings = self._settings
        self._in_ledger_thread = Threads(1)
        self._in_thread = Threads(READERS)
        self._in_formula_thread = Threads(1)  # a Prometheus that does not answer must not hold up readers
        self._ledger_database = Database(settings.database_url, durable=True, pool_size=2)
        self._database = Database(settings.database_url, pool_size=READERS)
        self._redis = bus.connect(settings.redis_url)
        self._limits = RedisLimits(self._redis, settings.dialling.slot_lease_seconds)
        self._board = RedisBoard(self._redis)
        self._attempts = SqlAttemptStore(self._ledger_database, settings.dialling.number_busy_seconds)
        self._runs = SqlRunStore(self._database)
        self._database.upgrade()
        self._memory = NodeMemory(
            settings.node, NodeStore(self._database), settings.freeswitch.cdr_journal, self._in_thread, self._clock
        )

    def _build_engine(self) -> None:
        settings, clock, watch = self._settings, self._clock, self._metrics
        self.switch = FreeSwitch(
            host=settings.freeswitch.host,
            port=settings.freeswitch.port,
            password=settings.freeswitch.password,
            command_links=settings.freeswitch.command_links,
            reply_seconds=settings.freeswitch.reply_seconds,
            heartbeat_seconds=settings.freeswitch.heartbeat_seconds,
            clock=clock,
            observer=LinkWatch(self._metrics),
            journal=self._memory.journal,
            ear=_ear(settings),
        )
        self._ledger = LedgerDesk(self._attempts, self._in_ledger_thread, clock, watch)
        self._slots = SlotDesk(self._limits, clock, freed=lambda: self._dial_loop.wake())
        lease_seconds = settings.dialling.slot_lease_seconds
        pool, hopper, leads = RedisAgents(self._redis, lease_seconds), RedisHopper(self._redis), SqlLeadStore(self._database)
        self.agents = AgentDesk(
            settings.node,
            pool,
            self.switch.lines,
            SqlAgentRecords(self._database),
            self._in_thread,
            clock,
            watch,
            tell=lambda attempt_id, event: self.desk.hear(attempt_id, event),
            hang_up=lambda attempt_id, why: self.desk.hang_up(attempt_id, why),
            freed=lambda: self._dial_loop.wake(),
            recordings=str(_folder(settings.data_dir / "recordings")),
        )
        self._lessons = Lessons(clock)
        self.desk = CallDesk(
            self.switch,
            self._ledger,
            self._slots,
            clock,
            watch,
            self.agents.calls,
            self._lessons,
            may_dial=lambda run_id: self._dial_loop.may_dial(run_id),
            call_ended=lambda: self._dial_loop.wake(),
        )
        self.switch.lines.attend(self.agents)
        source = formula_source(settings.formula.prometheus_url, settings.formula.query_seconds, clock.now, deadline)
        self._formulas = FormulaDesk(source, self._in_formula_thread, clock, watch)
        self._talks = Talks(settings.node, self._board, self.desk.people)
        self._drops = DropDesk(
            SqlDropCounts(self._database), self._in_thread, clock, watch, self._talks.of, self._machine_dispositions
        )
        previews = RedisPreviews(self._redis, lease_seconds)
        self._dial_loop = DialLoop(
            node=settings.node,
            runs=self._runs,
            leads=leads,
            hopper=hopper,
            limits=self._limits,
            ledger=self._ledger,
            slots=self._slots,
            desk=self.desk,
            switch_ready=lambda: self._adopted and self.switch.ready,
            switch_backlog=lambda: self.switch.backlog,
            in_thread=self._in_thread,
            clock=clock,
            watch=watch,
            turns=Turns(settings.dialling.priority, Random()),
            formulas=self._formulas,
            drops=self._drops,
            crew=Crews(self.agents),
            lessons=self._lessons,
            previews=PreviewDesk(settings.node, previews, self.agents.calls, pool, hopper, leads, self._in_thread, clock),
            pulse_seconds=settings.dialling.pulse_seconds,
            number_busy_seconds=settings.dialling.number_busy_seconds,
        )

    def _build_doors(self) -> None:
        settings = self._settings
        board = BoardForAnyThread(partial(bus.connect, settings.redis_url))
        formulas = formula_source(settings.formula.prometheus_url, settings.formula.query_seconds, self._clock.now, deadline)
        pool = partial(agents_for_any_thread, partial(bus.connect, settings.redis_url), settings.dialling.slot_lease_seconds)
        cards = partial(previews_for_any_thread, partial(bus.connect, settings.redis_url), settings.dialling.slot_lease_seconds)
        desk = Desk(self._database, settings.limits, board, formulas, settings.amd, open_agents=pool, open_previews=cards)
        commands = Commands(desk, VERBS, self.desk, self.agents)
        self._admin = bus.AdminServer(
            bus.connect(settings.redis_url, blocking=True),
            self._redis,
            commands,
            settings.node,
            in_thread=self._in_thread,
            sleep=gevent.sleep,
        )
        self._endpoint = MetricsEndpoint(self._metrics.exposition, settings.metrics.host, settings.metrics.port)

    # ------------------------------------------------------------------ life

    def run(self) -> int:
        """Serve until told to stop; the exit code."""
        gevent.signal_handler(signal.SIGTERM, self._asked_to_stop)
        gevent.signal_handler(signal.SIGINT, self._asked_to_stop)
        if self._settings.metrics.port:
            self._endpoint.start()
        lasting = self._supervisor.lasting
        lasting("ledger", self._ledger.run)
        lasting("slots", self._slots.run)
        self.switch.start(self)
        lasting("lines", self.agents.listen)
        lasting("adopt", self._adopt_until_done)
        lasting("formulas", self._formulas.run)
        lasting("drop guard", self._drops.run)
        lasting("agents", self.agents.run)
        lasting("agents' day", self.agents.write)
        lasting("dial loop", self._dial_loop.run)
        lasting("admin", self._admin.run)
        self._supervisor.every("renew", self._settings.dialling.slot_lease_seconds / 3.0, self._renew)
        self._supervisor.every("epoch", EPOCH_SECONDS, lambda: self._slots.renew_if_lost(self.desk.uses))
        self._supervisor.every("publish", PUBLISH_SECONDS, self._publish)
        self._supervisor.every("survey", SURVEY_SECONDS, self._survey.look)
        self._supervisor.every("remember", REMEMBER_SECONDS, self._remember)
        log.info("controller", to="up", node=self._settings.node)
        gevent.wait([self._drain_wanted, self._stop_wanted, self._supervisor.failed], count=1)
        self._wind_down()
        return 1 if self._supervisor.failed.is_set() else 0

    def _asked_to_stop(self) -> None:
        if self._drain_wanted.is_set():
            self._stop_wanted.set()
        self._drain_wanted.set()

    def _wind_down(self) -> None:
        seconds = self._settings.dialling.drain_seconds
        log.info("controller", to="draining", live_calls=len(self.desk), limit_seconds=seconds)
        self._dial_loop.drain()
        self._dial_loop.stop(2.0)
        if not self._supervisor.failed.is_set():
            self._wait_for_calls(seconds)
        left = len(self.desk)
        if not self._ledger.flushed(5.0):
            log.error("ends not written", reason="the database is away; the switch's journal keeps them")
        self._admin.stop()
        self.switch.stop()
        self._supervisor.stop()
        self._endpoint.stop()
        self._ledger_database.dispose()
        self._database.dispose()
        log.info("controller", to="down", calls_left_to_adopt=left, failure=self._supervisor.failure or None)

    def _wait_for_calls(self, seconds: float) -> None:
        """Until the last call has ended, the time is up, or somebody wants it at once."""
        deadline = self._clock.monotonic() + seconds
        while self._clock.monotonic() < deadline and not self.desk.wait_empty(0.2):
            if self._stop_wanted.is_set() or self._supervisor.failed.is_set():
                return

    # ------------------------------------------------------------------ told by the switch

    def hear(self, attempt_id: str, event: CallEvent) -> None:
        self.desk.hear(attempt_id, event)

    def link_lost(self) -> None:
        self.desk.link_lost()
        self._dial_loop.wake()

    def link_restored(self, same_core: bool) -> None:
        if self._adopted:
            self.desk.link_restored(same_core)
        self._dial_loop.wake()

    # ------------------------------------------------------------------ work for the supervisor

    def _adopt_until_done(self) -> None:
        """Nothing is dialled before what an earlier life left has been settled."""
        while not self._adopted:
            if self.switch.ready:
                try:
                    adopt_live_attempts(
                        self._settings.node,
                        self._memory.core,
                        self._attempts,
                        self._runs,
                        self.desk,
                        self._slots,
                        self._in_thread,
                        self._clock,
                    )
                except Unavailable as error:
                    log.warning("not adopted yet", reason=str(error))
                    gevent.sleep(ADOPT_RETRY_SECONDS)
                    continue
                self._adopted = True
                self.agents.tell_talks()
                self._remember()
                self._dial_loop.nudge()
            else:
                gevent.sleep(0.1)

    def _renew(self) -> None:
        self._slots.renew(self.desk.uses())

    def _publish(self) -> None:
        try:
            self._board.publish(self._settings.node, self._dial_loop.standing())
        except LiveStateDown as error:
            log.debug("board not published", reason=str(error))
        self._talks.look()

    def _remember(self) -> None:
        self._memory.remember(self.desk, self._adopted)

    def _machine_dispositions(self) -> frozenset[str]:
        """Words by which agents say that a machine was on the line."""
        dispositions = (*PREDEFINED_DISPOSITIONS, *SiteStore(self._database).site().disposition)
        return frozenset(one.name for one in dispositions if one.machine)


def _folder(path: Path) -> Path:
    """The folder, made if need be; the switch writes into it, too, whoever it runs as."""
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def _ear(settings: Settings) -> EarSettings:
    amd = settings.amd
    return EarSettings(
        audio_dir=settings.audio_dir,
        evidence_dir=settings.evidence_dir,
        tap=amd.tap,
        calls=amd.calls,
        unicast_port=amd.unicast_port,
        evidence_seconds=amd.evidence_seconds,
        evidence_days=amd.evidence_days,
    )


def run_controller(settings: Settings) -> int:
    """``trunkline controller``; the process must be patched by gevent before anything else was imported."""
    writer = logs.configure(settings.logging)
    logs.bind(node=settings.node)
    try:
        with one_of_a_name(settings.node, settings.data_dir):
            return Controller(settings, lambda: writer.dropped).run()
    finally:
        writer.close()
