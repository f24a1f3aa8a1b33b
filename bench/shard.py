"""A real shard, `ingestor --shard 0`, in a process of its own: its configuration, its /metrics, its CPU."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import psutil  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from bench.measure import ROOT
from ingestor.errors import IngestorError
from ingestor.simulator import MarketSpec, demo_config, write_config

SCRAPE_WITHIN_S = 5.0
STOP_WITHIN_S = 30.0


class Moment(NamedTuple):
    """What the shard said and cost at one time. Samples without their labels, summed; buckets by upper bound."""

    at_s: float
    cpu_s: float
    samples: dict[str, float]
    buckets: dict[str, dict[float, float]]


class Shard:
    """Use as a context: at its end the shard is stopped, and must have ended well."""

    def __init__(
        self, folder: Path, addresses: Mapping[str, str], markets: Sequence[MarketSpec], sink: Mapping[str, Any],
        **sections: Any,
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "shard.log"
        config = folder / "ingestor.yaml"
        write_config(config, demo_config(addresses, markets), sink=dict(sink), http={"port": port}, **sections)
        self._out = self.log.open("wb")
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ingestor", "--shard", "0", "--config", str(config)], cwd=ROOT, stdout=self._out,
            stderr=subprocess.STDOUT)
        self._usage = psutil.Process(self.process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.process.send_signal(signal.SIGTERM)
            status = self.process.wait(STOP_WITHIN_S)
            if status and kind is None:
                raise self.failed(f"ended with status {status}")
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._out.close()

    def failed(self, what: str) -> IngestorError:
        """An error with the end of the shard's log."""
        return IngestorError(f"the shard {what}; its log ends with:\n{self.log.read_text(errors='replace')[-2000:]}")

    def look(self) -> Moment | None:
        """Scrape; None while nothing listens yet."""
        if self.process.poll() is not None:
            raise self.failed(f"ended early with status {self.process.returncode}")
        try:
            with urllib.request.urlopen(f"{self.url}/metrics", timeout=SCRAPE_WITHIN_S) as answer:
                text = answer.read().decode()
        except urllib.error.URLError:
            return None
        usage = self._usage.cpu_times()
        moment = Moment(time.monotonic(), usage.user + usage.system, defaultdict(float), {})
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.endswith("_bucket"):
                    buckets = moment.buckets.setdefault(family.name, {})
                    bound = float(sample.labels["le"])
                    buckets[bound] = buckets.get(bound, 0.0) + sample.value
                else:
                    moment.samples[sample.name] += sample.value
        return moment


def quantile(before: Mapping[float, float], after: Mapping[float, float], share: float) -> tuple[float, float, float]:
    """(seconds, lower bound, upper bound) of a quantile of what was observed between two scrapes.

    Linear inside its bucket, which is all that a histogram tells; the bounds are the bucket's.
    """
    bounds = sorted(after)
    counts = [after[bound] - before.get(bound, 0.0) for bound in bounds]
    wanted, lower, below = share * counts[-1], 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        if count >= wanted:
            inside = (wanted - below) / (count - below) if count > below else 1.0
            upper = bound if bound != float("inf") else lower
            return lower + (upper - lower) * inside, lower, bound
        lower, below = bound, count
    raise ValueError("nothing was observed between the scrapes")
