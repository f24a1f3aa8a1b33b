"""What a shard of ten thousand instruments through three providers holds in memory, once every market has spoken."""

import json
import subprocess
import sys

INSTRUMENTS = 10_000
MIB_MAX = 300       # the whole process: interpreter, tables, books, arbitration, writer

FILL = f"""
import json
from bench.sinks import null_sink
from ingestor._core import Pipeline
from ingestor.providers.registry import load
from tests.markets import NOW, Market, binance_quote, binance_trade, build

def resident():
    with open("/proc/self/status") as status:
        return int(status.read().split("VmRSS:")[1].split()[0]) / 1024

told = {{"before": resident()}}
providers = ("binance-spot", "binance-us", "binance-usdm")
names = [f"a{{i}}-usd" for i in range({INSTRUMENTS})]
pipeline = Pipeline(build(names, [Market(name, provider, name.upper().replace("-", ""), provider)
                                  for name in names for provider in providers]), null_sink()[0])
told["built"] = resident()
for number, provider in enumerate(providers):
    connection = pipeline.open(load(provider), "", f"c{{number}}")
    for i in range({INSTRUMENTS}):
        connection.feed_bytes(binance_quote(1, "100", "100.02", f"A{{i}}USD"), NOW)
        for id in range(3):
            connection.feed_bytes(binance_trade(id + 1, symbol=f"A{{i}}USD"), NOW)
        if i % 100 == 99:       # as many as speak within the linger of a batch, at a hundred thousand a second
            connection.drained_now(NOW)
            pipeline.flush(NOW)
told["spoken"] = resident()
told["priced"] = sum(fair["n"] == len(providers) for fair in pipeline.fairs())
told["trades"] = sum(path["trades"] for path in pipeline.counters()["paths"])
print(json.dumps(told))
"""


def test_ten_thousand_instruments_of_three_providers_stay_within_the_budget():
    told = json.loads(subprocess.run([sys.executable, "-c", FILL], check=True, capture_output=True, timeout=120).stdout)
    assert told["priced"] == INSTRUMENTS, told
    assert told["trades"] == 9 * INSTRUMENTS, told
    assert told["spoken"] < MIB_MAX, told
