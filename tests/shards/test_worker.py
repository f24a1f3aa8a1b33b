"""One shard as a process: it starts, says what is wrong, and ends with everything delivered."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ingestor.simulator import BlastSpec, Simulator, SimulatorSpec, demo_config, write_config

ROOT = Path(__file__).resolve().parent.parent.parent
WITHIN_S = 60.0


class Running:
    """A shard in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict] = []

    async def event(self, name: str) -> dict:
        """The next event of that name in its log."""
        async with asyncio.timeout(WITHIN_S):
            while line := await self.process.stdout.readline():
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == name:
                    return self.events[-1]
        raise AssertionError(f"the log ended without {name}: {self.events}")

    async def page(self, path: str) -> tuple[int, dict]:
        """Status and body of a page."""
        listening = next(event for event in self.events if event["event"] == "http_listening")
        return await asyncio.to_thread(_fetch, f"http://127.0.0.1:{listening['port']}{path}")

    async def until(self, path: str, holds) -> dict:
        """The page when `holds(status, body)` for the first time."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                status, body = await self.page(path)
                if holds(status, body):
                    return body
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and standard error after a signal."""
        self.process.send_signal(number)
        async with asyncio.timeout(WITHIN_S):
            _, err = await self.process.communicate()
        return self.process.returncode, err.decode()


def _fetch(url: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@contextlib.asynccontextmanager
async def shard(config: Path, *, number: int = 0, **environ: str):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingestor", "--shard", str(number), "--config", str(config), cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "INGESTOR_HTTP__PORT": "0", **environ})
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@contextlib.asynccontextmanager
async def simulated(config: Path, spec: SimulatorSpec, **settings):
    """A simulator, and a configuration for it."""
    simulator = Simulator(spec)
    write_config(config, demo_config(await simulator.start(), simulator.markets), **settings)
    try:
        yield simulator
    finally:
        await simulator.stop()


LAZY = {name: {"linger_ms": 60_000, "records_max": 1_000_000} for name in ("trades", "quotes", "reference", "fair")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_what_waited_in_batches_is_delivered(tmp_path, number, records):
    config, folder = tmp_path / "ingestor.yaml", tmp_path / "records"
    spec = SimulatorSpec(dialects=("binance-spot",), blast=BlastSpec(frames=400, trades_only=True), settle_s=0.1)

    async def run() -> tuple[list, int, str]:
        sink = {"kind": "files", "files": {"path": str(folder)}}
        async with simulated(config, spec, sink=sink, topics=LAZY), shard(config) as running:
            await running.event("shard_started")
            await running.until("/prices", lambda _, page: page["totals"]["trades"] >= 400)
            before = records(folder, "trades")
            return before, *await running.end(number)

    assert asyncio.run(run()) == ([], 0, "")
    trades = records(folder, "trades")
    assert len(trades) == len({(each["symbol"], each["id"]) for each in trades}) == 400


def test_it_is_ready_when_its_feeds_are_live_and_publishes_prices(tmp_path):
    config = tmp_path / "ingestor.yaml"
    spec = SimulatorSpec(dialects=("binance-spot", "okx-v5", "bybit-v5"), rate=2000)

    async def run() -> None:
        async with simulated(config, spec, sink={"kind": "null"}), shard(config) as running:
            await running.event("shard_started")
            await running.until("/readyz", lambda status, _: status == 200)
            page = await running.until("/prices", lambda _, page: all(
                fair["status"] == "OK" for fair in page["fairs"] if fair["data_class"] == "spot") and page["fairs"])
            assert {fair["instrument"] for fair in page["fairs"]} >= {"btc-usdt", "eth-usdt"}
            assert (await running.page("/healthz"))[0] == 200
            assert await running.end() == (0, "")

    asyncio.run(run())


def test_records_as_text_have_standard_output_to_themselves_and_the_log_goes_to_standard_error(tmp_path):
    config = tmp_path / "ingestor.yaml"

    async def run() -> tuple[list[dict], int, str]:
        spec = SimulatorSpec(dialects=("kraken-v2",), rate=2000)
        async with simulated(config, spec, sink={"kind": "ndjson"}), shard(config) as running:
            async with asyncio.timeout(WITHIN_S):
                lines = [json.loads(await running.process.stdout.readline()) for _ in range(20)]
            return lines, *await running.end()

    lines, status, err = asyncio.run(run())
    assert status == 0
    assert {line["kind"] for line in lines} <= {"trade", "quote", "fair"}
    assert [json.loads(line)["event"] for line in err.splitlines()][-1] == "shard_stopped"


def test_a_broker_that_is_not_there_keeps_it_running_and_unready(tmp_path):
    config = tmp_path / "ingestor.yaml"
    sink = {"kind": "kafka", "kafka": {"bootstrap_servers": f"127.0.0.1:{_free_port()}"}, "close_within_s": 0.5}

    async def run() -> None:
        spec = SimulatorSpec(dialects=("kraken-v2",))
        async with simulated(config, spec, sink=sink), shard(config) as running:
            await running.event("shard_started")
            await running.until("/prices", lambda _, page: page["totals"]["published"] > 0)
            status, page = await running.page("/readyz")
            assert status == 503
            assert page["conditions"]["sink"]["ok"] is False
            assert page["conditions"]["sink"]["reason"]
            status, err = await running.end()
            assert status == 1
            assert "records could not be delivered within 0.5 s" in err
            assert err.count("\n") == 1

    asyncio.run(run())


def test_a_port_in_use_is_one_line_and_status_2(tmp_path, process):
    config = configuration(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        outcome = process("--shard", "0", "--config", config, INGESTOR_HTTP__PORT=str(taken.getsockname()[1]))
    assert outcome.status == 2
    assert f"http: 127.0.0.1 port {taken_port(outcome.err)} is in use" in outcome.err
    assert outcome.err.count("\n") == 1


def taken_port(text: str) -> str:
    return text.partition(" port ")[2].partition(" ")[0]


def test_files_that_cannot_be_written_are_one_line(tmp_path, process):
    (tmp_path / "file").write_text("")
    config = configuration(tmp_path, f"sink: {{files: {{path: {tmp_path / 'file' / 'records'}}}}}\n")
    outcome = process("--shard", "0", "--config", config, INGESTOR_HTTP__PORT="0")
    assert outcome.status == 1
    assert str(tmp_path / "file") in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(("settings", "told"), [
    ("", "--shard is 1, but shards is 1: use 0 to 0"),
    ("shards: 2\nproviders: {kraken-v2: {key_env: NOT_SET_ANYWHERE}}\n", "names NOT_SET_ANYWHERE, which is not set"),
    ("shards: 2\nproviders: {kraken-v2: {tls_ca_file: nowhere.pem}}\n", "tls_ca_file is 'nowhere.pem': No such file"),
    ("shards: 2\nproviders: {kraken-v2: {tls_ca_file: instruments.yaml}}\n", "instruments.yaml"),
])
def test_what_is_wrong_before_the_start_is_one_line_and_status_2(tmp_path, process, settings, told):
    outcome = process("--shard", "1", "--config", configuration(tmp_path, settings), INGESTOR_HTTP__PORT="0")
    assert outcome.status == 2
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


def configuration(folder: Path, settings: str = "") -> str:
    (folder / "ingestor.yaml").write_text(settings)
    (folder / "instruments.yaml").write_text(
        "instruments:\n  usdt-usd: {markets: [{provider: kraken-v2, symbol: USDT/USD}]}\n")
    return str(folder / "ingestor.yaml")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
