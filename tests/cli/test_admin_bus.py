"""Admin commands over the Redis stream: claimed once, answered always, by whoever can; and with nothing but redis-cli."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis

from controller.admin import bus
from controller.admin.bus import AdminServer, connect, send
from controller.admin.commands import Commands, Desk
from controller.admin.verbs import VERBS
from controller.config import Limits
from controller.domain.calls.actions import DialOrder, Target
from controller.domain.calls.states import Call, CallState
from controller.errors import LiveStateDown, Refused, Unavailable
from controller.storage.audit import Audit, AuditEntry
from tests.cli.conftest import Shell

CALL = "6f1b7a52-0000-4000-8000-000000000001"


class HeldCalls:
    """The live calls of one controller."""

    def __init__(self, *attempt_ids: str) -> None:
        self.held = {
            attempt_id: Call(
                DialOrder(
                    attempt_id=attempt_id,
                    campaign="june",
                    run_id=1,
                    gateway="north",
                    dial_string_number="919812345601",
                    caller_id="+911140001000",
                    ring_seconds=30,
                    max_seconds=600,
                    target=Target("bot", "collections", "sip:c@127.0.0.1"),
                ),
                placed_at=1.0,
                state=CallState.RINGING,
            )
            for attempt_id in attempt_ids
        }
        self.hung_up: list[tuple[str, str]] = []

    def holds(self, attempt_id: str) -> bool:
        return attempt_id in self.held

    def calls(self) -> list[Call]:
        return list(self.held.values())

    def hang_up(self, attempt_id: str, why: str) -> bool:
        self.hung_up.append((attempt_id, why))
        return attempt_id in self.held


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with connect(redis_url) as client:
        yield client


def controller(shell: Shell, redis_url: str, node: str = "n1", calls: HeldCalls | None = None) -> AdminServer:
    held = calls or HeldCalls()
    commands = Commands(Desk(shell.database, Limits()), VERBS, held)
    return AdminServer(connect(redis_url, blocking=True), connect(redis_url), commands, node)


def give(redis: Redis, **fields: str | bytes) -> str:
    entry: Any = redis.xadd(bus.STREAM, fields)
    return str(entry.decode())


def answer(redis: Redis, identity: str) -> dict[str, Any]:
    popped: Any = redis.lpop(bus.REPLY_PREFIX + identity)
    assert popped is not None, f"no answer to {identity}"
    found: dict[str, Any] = json.loads(popped)
    return found


def audit(shell: Shell) -> list[AuditEntry]:
    return [entry for entry in Audit(shell.database).latest() if entry.by != "root"]


@contextmanager
def serving(*servers: AdminServer) -> Iterator[None]:
    threads = [threading.Thread(target=server.run) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.stop()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)


def test_a_command_is_executed_answered_and_on_record(shell: Shell, redis: Redis, redis_url: str):
    """The verb does what the shell's does; the answer expires; the audit has who, what and the result."""
    shell.ready()
    give(redis, id="1", verb="campaign.start", args='{"name": "june"}', by="ops")
    assert controller(shell, redis_url).serve_once() == 1
    assert 0 < redis.ttl(bus.REPLY_PREFIX + "1") <= bus.REPLY_SECONDS
    assert answer(redis, "1")["result"]["run_state"] == "preparing"
    (line,) = [entry for entry in audit(shell) if entry.verb == "campaign.start"]
    assert (line.by, line.args, line.ok) == ("ops", {"name": "june"}, True)
    assert shell.ask("campaign", "show", "june")["state"] == "active"


def test_without_an_id_the_answer_goes_to_the_entrys_own(shell: Shell, redis: Redis, redis_url: str):
    """`id`, `args` and `by` may be left out."""
    entry = give(redis, verb="campaign.ls")
    controller(shell, redis_url).serve_once()
    assert answer(redis, entry) == {"ok": True, "result": []}
    assert audit(shell)[0].by == "redis"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"verb": "campaign.pause", "args": "{"}, "args: not JSON"),
        ({"verb": "campaign.pause", "args": '"june"'}, "args: a JSON object is wanted"),
        ({"verb": "campaign.pause", "args": '{"name": NaN}'}, "NaN is no JSON value"),
        ({"verb": "campaign.pause", "args": "[" * 5000}, "args: not JSON"),
        ({"verb": "campaign.pause", "args": "{}"}, "name: is missing; campaign.pause takes name"),
        ({"verb": "campaign.pause", "args": '{"name": "june", "colour": 1}'}, "colour: no such key"),
        ({"verb": "campaign.pause", "args": '{"name": "nobody"}'}, "no campaign named nobody"),
        ({"verb": "campaign.explode"}, "verb 'campaign.explode' does not exist; the verbs are agent.complete"),
        ({"verb": b"\xff\xfe\x00", "args": b"\xff"}, "does not exist"),
        ({"verb": "campaign.pause", "args": '{"name": "\\ud800"}'}, "half of a surrogate pair"),
        ({"verb": "campaign.pause", "args": '{"name": "\\u0000"}'}, "with a NUL"),
        ({"note": "hello"}, "verb '' does not exist"),
    ],
)
def test_a_malformed_command_is_answered(shell: Shell, redis: Redis, redis_url: str, fields: dict[str, str | bytes], told: str):
    """What cannot be done is said, with what, where and how to mend; it is on record; the next command is served."""
    server = controller(shell, redis_url)
    give(redis, id="odd", **fields)
    give(redis, id="next", verb="campaign.ls")
    server.serve_once()
    refused = answer(redis, "odd")
    assert refused["ok"] is False
    assert told in refused["error"]
    assert answer(redis, "next")["ok"] is True
    assert [entry.ok for entry in audit(shell)] == [True, False]


def test_of_several_controllers_one_executes(shell: Shell, redis: Redis, redis_url: str):
    """Every controller reads every command; the first to claim it does it, and one answer is given."""
    shell.ready()
    servers = [controller(shell, redis_url, node) for node in ("n1", "n2", "n3")]
    give(redis, id="7", verb="campaign.start", args='{"name": "june"}')
    for server in servers:
        assert server.serve_once() == 1
    assert redis.llen(bus.REPLY_PREFIX + "7") == 1
    assert answer(redis, "7")["ok"] is True
    assert len([entry for entry in audit(shell) if entry.verb == "campaign.start"]) == 1


def test_a_restarted_controller_does_not_repeat_commands(shell: Shell, redis: Redis, redis_url: str):
    """It looks a minute back, so a command given during the restart is done, and one that was done is not done again."""
    shell.ready()
    give(redis, id="1", verb="campaign.start", args='{"name": "june"}')
    controller(shell, redis_url).serve_once()
    give(redis, id="2", verb="campaign.ls")
    assert controller(shell, redis_url).serve_once() == 2
    assert answer(redis, "1")["ok"] is True
    assert answer(redis, "2")["result"][0]["name"] == "june"
    assert redis.llen(bus.REPLY_PREFIX + "1") == 0


def test_only_the_holder_of_a_call_hangs_it_up(shell: Shell, redis: Redis, redis_url: str):
    """A controller that does not hold the call leaves the command to the one that does."""
    calls = HeldCalls(CALL)
    other, holder = controller(shell, redis_url, "n1"), controller(shell, redis_url, "n2", calls)
    give(redis, id="1", verb="call.hangup", args=json.dumps({"attempt_id": CALL, "reason": "wrong script"}))
    give(redis, id="2", verb="call.show", args=json.dumps({"attempt_id": CALL}))
    other.serve_once()
    assert redis.llen(bus.REPLY_PREFIX + "1") == 0
    holder.serve_once()
    assert answer(redis, "1")["result"] == {"attempt_id": CALL, "hanging_up": True}
    assert answer(redis, "2")["result"]["state"] == "ringing"
    assert calls.hung_up == [(CALL, "wrong script")]
    assert [entry.verb for entry in audit(shell)] == ["call.show", "call.hangup"]


def test_a_call_that_nobody_holds_is_answered_for(shell: Shell, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch):
    """When no controller claims it in time, one answers from the ledger: nothing hangs."""
    monkeypatch.setattr(bus, "UNHELD_SECONDS", 0.0)
    give(redis, id="1", verb="call.hangup", args=json.dumps({"attempt_id": CALL}))
    for node in ("n1", "n2"):
        controller(shell, redis_url, node).serve_once()
    assert redis.llen(bus.REPLY_PREFIX + "1") == 1
    refused = answer(redis, "1")
    assert refused["ok"] is False
    assert f"no call has the id {CALL}" in refused["error"]


def test_an_answer_is_not_forced_into_somebody_elses_key(shell: Shell, redis: Redis, redis_url: str):
    """A reply key that holds something else is left alone, and the server goes on."""
    redis.set(bus.REPLY_PREFIX + "mine", "precious")
    give(redis, id="mine", verb="campaign.ls")
    give(redis, id="next", verb="campaign.ls")
    controller(shell, redis_url).serve_once()
    assert redis.get(bus.REPLY_PREFIX + "mine") == b"precious"
    assert answer(redis, "next")["ok"] is True


def test_send_returns_the_result_or_the_reasons(shell: Shell, redis_url: str):
    """The sender's side: a result, a refusal with its reasons one by one."""
    shell.ready()
    with serving(controller(shell, redis_url)):
        client = connect(redis_url, blocking=True)
        assert send(client, "campaign.clone", {"name": "june", "to": "july"}, "ops", 90)["state"] == "draft"
        with pytest.raises(Refused, match="july exists already"):
            send(client, "campaign.clone", {"name": "june", "to": "july"}, "ops", 90)
        with pytest.raises(Refused) as refused:
            send(client, "campaign.clone", {"colour": "red"}, "ops", 90)
        assert len(refused.value.reasons) == 3


def test_without_a_controller_the_sender_is_told(shell: Shell, redis_url: str):
    """No answer in time names the likely reason; no Redis is told apart from no controller."""
    with pytest.raises(Unavailable, match="no controller answered"):
        send(connect(redis_url, blocking=True), "campaign.ls", {}, "ops", 0.1)
    with pytest.raises(LiveStateDown, match="Redis does not answer"):
        send(connect(f"unix://{shell.folder}/none.sock", blocking=True), "campaign.ls", {}, "ops", 0.1)


def test_the_shells_admin_command_goes_through_the_stream(shell: Shell, redis_url: str):
    """`trunkline admin` takes key=value and whole files, and prints the answer; refusals are lines and exit code 1."""
    shell.ready()
    text = shell.give("export", "campaign", "june").out.replace('name = "june"', 'name = "july"', 1)
    july = shell.file("july.toml", text)
    with serving(controller(shell, redis_url)):
        assert shell.ask("admin", "campaign.apply", f"toml=@{july}", "--timeout", "90")["campaigns"][0]["campaign"] == "july"
        assert [row["name"] for row in shell.ask("admin", "campaign.ls", "sort=name", "--timeout", "90")] == ["july", "june"]
        refused = shell.give("admin", "campaign.pause", "name=june", "--by", "night-shift", "--timeout", "90")
        assert refused.code == 1
        assert refused.err.startswith("trunkline: campaign june is ready; pause needs it to be active")
    assert next(entry.by for entry in Audit(shell.database).latest()) == "night-shift"
    away = shell.give("admin", "campaign.ls", "--timeout", "0.1")
    assert away.code == 3
    assert "is `trunkline controller` (or `trunkline run`) running?" in away.err
    assert shell.give("admin", "campaign.ls", "name").code == 1


def redis_cli(redis_url: str) -> Callable[..., str]:
    program = shutil.which("redis-cli")
    if program is None:
        pytest.skip("no redis-cli on this machine; the raw client's tests give the same commands")

    def run(*words: str) -> str:
        socket = redis_url.removeprefix("unix://")
        command = [program, "-s", socket, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    return run


def test_any_shell_with_redis_cli_operates_the_system(shell: Shell, redis_url: str):
    """The two lines of the contract, as somebody would type them."""
    shell.ready()
    cli = redis_cli(redis_url)
    with serving(controller(shell, redis_url)):
        cli("XADD", "trunkline:admin", "*", "id", "1", "verb", "campaign.start", "args", '{"name": "june"}', "by", "ops")
        key, text = cli("BLPOP", "trunkline:reply:1", "90").splitlines()
    assert key == "trunkline:reply:1"
    assert json.loads(text)["result"]["state"] == "active"


def test_the_stream_stays_short(shell: Shell, redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch):
    """Entries that were added without a limit are trimmed, about, by whoever reads them."""
    monkeypatch.setattr(bus, "STREAM_LENGTH", 100)
    pipe = redis.pipeline()
    for milliseconds in range(1, 1001):  # long ago: before the minute that a controller looks back
        pipe.xadd(bus.STREAM, {"verb": "campaign.ls"}, id=f"{milliseconds}-0")
    pipe.execute()
    give(redis, id="last", verb="campaign.ls")
    assert controller(shell, redis_url).serve_once() == 1
    assert answer(redis, "last")["ok"] is True
    assert redis.xlen(bus.STREAM) <= 300
