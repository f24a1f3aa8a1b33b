"""The metrics before real readers: promtool, and a Prometheus that scrapes them over HTTP."""

import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from ingestor.http import serve
from ingestor.metrics import Metrics
from tests.metered import FakeSource, NothingYet


@pytest.fixture
def tool():
    """The path of a program of Debian's prometheus package."""
    def find(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"no {name}: install prometheus (scripts/setup test)")
        return found

    return find


@pytest.mark.parametrize("source", [FakeSource(), NothingYet()], ids=["running", "nothing yet"])
def test_promtool_has_nothing_to_complain_about(tool, source):
    _, body = Metrics(source).render()
    ran = subprocess.run([tool("promtool"), "check", "metrics"], input=body, capture_output=True)
    assert (ran.returncode, ran.stdout.decode(), ran.stderr.decode()) == (0, "", "")


@pytest.fixture
def prometheus(tool, tmp_path):
    """Starts Prometheus on a target; returns query(expression) -> vector."""
    started = []

    def start(target: str):
        (tmp_path / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "ingestor", "static_configs": [{"targets": [target]}]}]}))
        process = subprocess.Popen(
            [tool("prometheus"), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
             "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        started.append(process)
        line = next(line for line in process.stderr if "TLS is disabled" in line)
        address = line.split("address=")[1].split()[0]
        # What it logs further must be taken away, or it stops when the pipe is full.
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        started.append(reader)

        def query(expression: str) -> list:
            try:
                with urllib.request.urlopen(f"http://{address}/api/v1/query?query={expression}", timeout=5) as answer:
                    return json.load(answer)["data"]["result"]
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 503:   # it is still starting
                        raise
                return []

        return query

    yield start
    for each in started:
        if isinstance(each, subprocess.Popen):
            each.terminate()
            each.wait()
        else:
            each.join()
    for each in started:
        if isinstance(each, subprocess.Popen):
            each.stderr.close()


def test_a_real_prometheus_scrapes_the_shard_and_answers(prometheus):
    metrics = Metrics(FakeSource())
    server = serve("127.0.0.1", 0, metrics=metrics.render, health=float, ready=lambda: (True, {}), prices=dict,
                   alerts=dict)
    try:
        host, port = server.address
        query = prometheus(f"{host}:{port}")
        deadline = time.monotonic() + 60    # it finds its targets about 5 s after the start
        while not query("ingestor_fair_price") and time.monotonic() < deadline:
            time.sleep(0.2)
        [price] = query("ingestor_fair_price")
        assert (price["metric"]["instrument"], price["value"][1]) == ("btc-usd", "50000")
        [quantile] = query("histogram_quantile(0.5,ingestor_receive_to_enqueue_seconds_bucket)")
        assert 16e-6 <= float(quantile["value"][1]) <= 32e-6
        assert [each["value"][1] for each in query("up")] == ["1"]
    finally:
        server.close()
