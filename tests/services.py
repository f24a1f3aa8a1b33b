"""Real services for tests: Redis, Apache Kafka by scripts/kafka, and Apicurio's schema registry, both from Maven.

Plugin of tests/conftest.py. Each runs once a session, on free ports, in folders of its own; both are
loopback only and end with the session.
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

ROOT = Path(__file__).resolve().parent.parent
KAFKA = [sys.executable, str(ROOT / "scripts" / "kafka")]
APICURIO_VERSION = "3.0.9"
QUICK_START = "-Xms256m -Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1"    # half the CPU of a start
STARTS_WITHIN_S = 120.0
READS_WITHIN_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Redis:
    """One Redis. `stop` ends it with what it holds; `pause` stops it where it stands, its sockets open."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.port, self._options = folder, free_port(), options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "Redis":
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder),
             *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                assert self._process.poll() is None, "Redis ended"
                assert time.monotonic() < end, f"Redis did not answer within {STARTS_WITHIN_S} s"
                time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def __call__(self, *command: str, password: str = "") -> str:
        """Run a command by redis-cli; what it answers."""
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *command], capture_output=True, text=True, timeout=20, check=True,
            env={**os.environ, "REDISCLI_AUTH": password} if password else None)
        return done.stdout.strip()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """An empty Redis of this test's own."""
    server = Redis(tmp_path).start()
    yield server
    server.stop()


@dataclass
class Kafka:
    """One broker. `kill` is SIGKILL; `start` brings it back on the same port with the same data."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        started = subprocess.run(
            [*KAFKA, "start", "--port", str(self.port), "--dir", str(self.folder)], capture_output=True, text=True,
            timeout=STARTS_WITHIN_S, check=False, env={**os.environ, "KAFKA_JVM_OPTIONS": QUICK_START})
        assert started.returncode == 0, started.stderr

    def kill(self) -> None:
        os.kill(int((self.folder / "pid").read_text().split()[0]), signal.SIGKILL)
        end = time.monotonic() + 10
        while self.answers():
            assert time.monotonic() < end
            time.sleep(0.02)

    def stop(self) -> None:
        subprocess.run([*KAFKA, "stop", "--dir", str(self.folder)], capture_output=True, timeout=60, check=True)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address})

    def create(self, topic: str, partitions: int, **config: str) -> None:
        admin = self.admin()
        admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(30)

    def alter(self, topic: str, name: str, value: str) -> None:
        """Set one configuration of a topic."""
        admin = self.admin()
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(30)

    def read(self, topic: str, least: int = 0) -> list[Message]:
        """All messages of a topic, by partition and offset; waits until there are `least` of them."""
        consumer = Consumer({
            "bootstrap.servers": self.address, "group.id": "tests", "enable.auto.commit": False,
            "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        try:
            partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
            found: list[Message] = []
            ended: set[int] = set()
            end = time.monotonic() + READS_WITHIN_S
            while len(ended) < len(partitions) or len(found) < least:
                assert time.monotonic() < end, f"{len(found)} messages of {least} after {READS_WITHIN_S} s"
                for message in consumer.consume(10_000, timeout=0.2):
                    if message.error() is None:
                        found.append(message)
                        ended.discard(message.partition())
                    elif message.error().code() == KafkaError._PARTITION_EOF:
                        ended.add(message.partition())
            return sorted(found, key=lambda message: (message.partition(), message.offset()))
        finally:
            consumer.close()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A running broker; a test that takes it down brings it back."""
    broker = Kafka(tmp_path_factory.mktemp("kafka"), free_port())
    broker.start()
    yield broker
    broker.stop()
    shutil.rmtree(broker.folder / "data", ignore_errors=True)


def apicurio() -> Path:
    """The folder of Apicurio Registry, fetched by Maven the first time."""
    folder = ROOT / "build" / "registry"
    home = folder / APICURIO_VERSION
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            artifact = f"io.apicurio:apicurio-registry-app:{APICURIO_VERSION}:tar.gz:all"
            subprocess.run(["mvn", "-q", "-B", "dependency:copy",
                            f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"], check=True, timeout=280)
            archive = folder / f"apicurio-registry-app-{APICURIO_VERSION}-all.tar.gz"
            with tarfile.open(archive) as packed:
                packed.extractall(folder / "unpacked", filter="data")
            archive.unlink()
            (folder / "unpacked").rename(home)
    return home


@pytest.fixture(scope="session")
def schema_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a running registry that speaks Confluent's interface."""
    home, port = apicurio(), free_port()
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    with (tmp_path_factory.mktemp("registry") / "log").open("wb") as log:
        process = subprocess.Popen(
            ["java", *QUICK_START.split(), "-Dquarkus.http.host=127.0.0.1",
             f"-Dquarkus.http.port={port}", "-cp", f"apicurio-registry-app-{APICURIO_VERSION}-runner.jar:lib/*",
             "io.quarkus.runner.GeneratedMain"], cwd=home, stdout=log, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                with urllib.request.urlopen(f"{url}/subjects", timeout=2):
                    break
            except OSError:
                assert process.poll() is None, "the registry ended"
                assert time.monotonic() < end, f"the registry did not answer within {STARTS_WITHIN_S} s"
                time.sleep(0.2)
        yield url
    finally:
        process.kill()
        process.wait()
