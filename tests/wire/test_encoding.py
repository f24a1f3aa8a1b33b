"""Every record in every form: byte for byte as the plain twin, and equal when a stock reader reads it."""

import io
from decimal import Context, Decimal

import fastavro
import pytest
from fastavro.schema import fingerprint as stock_fingerprint
from fastavro.schema import to_parsing_canonical_form
from hypothesis import example, given
from hypothesis import strategies as st

from ingestor.wire.plain import VALUE_NAMES, write_fair, write_record
from ingestor.wire.schemas import (
    NAMES,
    avro_long,
    canonical_form,
    confluent_prefix,
    fingerprint,
    schema,
    single_object_prefix,
)
from ingestor.wire.topics import MODES, TOPICS
from tests.reference import avro as twin
from tests.wire.kept import NOW, Kept, quote, read, trade, writer_into

INT64 = st.integers(-2**63 + 1, 2**63 - 1)      # -2^63 is ABSENT
NS = st.integers(0, 2**63 - 1)
MANTISSA = st.integers(-2**63 + 1, 2**63 - 1) | st.integers(-10**6, 10**6)
PLACES = st.integers(-18, 1)                    # exponents that keep any mantissa exact: 20 digits before the point
DECIMAL = st.tuples(MANTISSA, PLACES)
COMMON = {"ts_event_ns": st.none() | INT64, "ts_provider_ns": st.none() | INT64, "ts_recv_ns": NS,
          "sequence": st.none() | INT64, "record_sequence": NS, "flags": st.integers(0, 63) | st.integers(128, 191)}
OWN = {
    "trade": {"id": st.none() | st.text(max_size=60), "side": st.sampled_from(("unknown", "buy", "sell")),
              "price": DECIMAL, "size": DECIMAL},
    "quote": dict.fromkeys(VALUE_NAMES["quote"], st.none() | DECIMAL),
    "bar": {**dict.fromkeys(VALUE_NAMES["bar"], st.none() | DECIMAL), "count": st.none() | INT64,
            "start_ns": st.none() | INT64, "end_ns": st.none() | INT64},
    "reference": {**dict.fromkeys(VALUE_NAMES["reference"], st.none() | DECIMAL), "next_funding_ns": st.none() | INT64},
}
RECORDS = st.sampled_from(list(OWN)).flatmap(
    lambda kind: st.fixed_dictionaries({"kind": st.just(kind), **COMMON, **OWN[kind]}))
TOPIC_OF = {kind: topic for topic, kind in NAMES.items()}
HEAD = {"shard": 3, "epoch": 11, "slot": 100, "instrument": "i0-usd", "reference_version": 0}
SUBSCRIPTION = {"provider": "provider1", "venue": "venue1", "symbol": "I0USD", "channel": "trade"}
DOUBLE = st.none() | st.floats(allow_nan=False)
FAIRS = st.fixed_dictionaries({
    "ts_event_ns": st.none() | INT64, "ts_emit_ns": NS, "version": NS,
    "status": st.sampled_from(("OK", "DEGRADED", "SINGLE", "DISPERSED", "HELD", "UNAVAILABLE")),
    **dict.fromkeys(("price", "conf", "q25", "q75", "anchor", "gate", "n_eff", "score", "age_freshest_s",
                     "age_oldest_s"), DOUBLE),
    **dict.fromkeys(("n", "n_used", "venues_used"), st.integers(0, 2**31 - 1))})


def encoded(record: dict, mode: str) -> bytes:
    sink = Kept()
    writer = writer_into(sink, mode)
    assert write_record(writer, 1, record) == 0
    writer.flush_now(NOW)
    [payload] = sink.payloads(TOPIC_OF[record["kind"]])
    return payload


def expected(record: dict, mode: str) -> bytes:
    topic = TOPIC_OF[record["kind"]]
    value = {**HEAD, **SUBSCRIPTION, **record}
    if mode == "block":
        value = {**HEAD, "subscriptions": [SUBSCRIPTION], "records": [{"subscription": 0, **record}]}
    prefix = b"" if mode == "container" else single_object_prefix(topic, mode)
    return prefix + twin.encode(twin.load(NAMES[topic] + ("_block" if mode == "block" else "")), value)


@given(RECORDS, st.sampled_from(MODES))
@example(trade(flags=0, record_sequence=1, side="buy", id=""), "block")
def test_every_record_is_written_as_its_plain_twin_writes_it(record, mode):
    assert encoded(record, mode) == expected(record, mode)


def as_read(value):
    return Decimal(value[0]).scaleb(value[1], Context(prec=60)) if isinstance(value, tuple) else value


@given(RECORDS, st.sampled_from(MODES))
def test_a_stock_reader_reads_every_record_as_it_was(record, mode):
    topic = TOPIC_OF[record["kind"]]
    found = read(topic, mode, encoded(record, mode))
    if mode == "block":
        [found] = found["records"]
    assert {name: found[name] for name in record if name != "kind"} == {
        name: as_read(value) for name, value in record.items() if name != "kind"}


@given(st.integers(-2**63 + 1, 2**63 - 1), st.integers(-128, 127))
@example(10**18 - 1, 1)
@example(10**18, 19)
@example(9_999_999_999_999_999_999 // 10, 20)
@example(1, 19)
@example(10, 19)
@example(1, 37 - 18)
@example(9, 37 - 18)
@example(5, -19)
@example(15, -19)
@example(25, -19)
@example(-15, -19)
@example(5_000_000_000_000_000_000, -37)
@example(5_000_000_000_000_000_001, -37)
@example(2**63 - 1, -38)
@example(10**18, -36)
@example(0, 127)
def test_a_decimal_is_exact_or_rounded_half_even_and_flagged_or_refused(mantissa, exponent):
    sink = Kept()
    writer = writer_into(sink, "record")
    status = write_record(writer, 1, trade(price=(mantissa, exponent)))
    writer.flush_now(NOW)
    counts = writer.stats()["trades"]
    scaled = twin.unscaled(mantissa, exponent)
    if scaled is None:
        assert (status, counts.unwritable, counts.records, sink.written) == (1, 1, 0, [])
        return
    integer, rounded = scaled
    found = read("trades", "record", sink.payloads("trades")[0])
    assert status == 0
    assert int(found["price"].scaleb(18, Context(prec=60))) == integer
    assert (found["flags"], counts.rounded, counts.unwritable) == ((64, 1, 0) if rounded else (0, 0, 0))


@given(INT64)
@example(0)
@example(-1)
@example(63)
@example(64)
@example(-64)
@example(-65)
@example(2**55 - 1)
@example(2**55)
@example(2**62)
@example(-2**63 + 1)
def test_a_long_takes_the_bytes_that_avro_says(value):
    assert avro_long(value) == twin.long(value)
    assert encoded(trade(sequence=value), "container") == expected(
        trade(sequence=value, record_sequence=1, flags=0, side="unknown"), "container")


@given(FAIRS, st.lists(st.integers(0, 3), unique=True), st.sampled_from(MODES))
def test_every_fair_price_is_written_as_its_plain_twin_writes_it(record, flagged, mode):
    sink = Kept()
    writer = writer_into(sink, mode)
    assert write_fair(writer, 1, record, flagged) == 0
    writer.flush_now(NOW)
    names = [f"provider{number % 2}/venue{number % 2}/I{number // 2}USD" for number in flagged]
    head = {"shard": 3, "epoch": 11, "slot": 101, "instrument": "i1-usd", "reference_version": 0,
            "method": "consensus_v1", "parameters_hash": "", "conversions": []}
    body = {**record, "record_sequence": 1, "flagged": names}
    value = {**head, "records": [body]} if mode == "block" else {**head, **body}
    [payload] = sink.payloads("fair")
    prefix = b"" if mode == "container" else single_object_prefix("fair", mode)
    assert payload == prefix + twin.encode(twin.load("fair_block" if mode == "block" else "fair"), value)
    found = read("fair", mode, payload)
    assert (found["records"][0] if mode == "block" else found)["flagged"] == names


def test_a_fair_price_tells_its_method_its_parameters_and_its_conversions():
    sink = Kept()
    writer = writer_into(sink, instruments=0)
    writer.define_instrument(0, "btc-usd", b"btc-usd", 7, method="pyth_median", parameters_hash="9f2c",
                             conversions=("usdt-usd", "usdc-usd"))
    write_fair(writer, 0, {"price": 1.5, "ts_emit_ns": NOW})
    writer.flush_now(NOW)
    found = read("fair", "block", sink.payloads("fair")[0])
    assert (found["method"], found["parameters_hash"], found["conversions"]) == (
        "pyth_median", "9f2c", ["usdt-usd", "usdc-usd"])


def test_a_nan_in_a_fair_price_is_null():
    sink = Kept()
    writer = writer_into(sink, "record")
    write_fair(writer, 0, {"price": float("nan"), "status": "UNAVAILABLE"})
    writer.flush_now(NOW)
    assert read("fair", "record", sink.payloads("fair")[0])["price"] is None


@pytest.mark.parametrize("mode", ["record", "block"])
@pytest.mark.parametrize("topic", TOPICS)
def test_the_fingerprint_is_the_one_that_a_stock_library_computes(topic, mode):
    parsed = schema(topic, mode)
    assert canonical_form(parsed) == to_parsing_canonical_form(parsed)
    stock = bytes.fromhex(stock_fingerprint(to_parsing_canonical_form(parsed), "CRC-64-AVRO"))
    assert single_object_prefix(topic, mode) == b"\xc3\x01" + stock


@pytest.mark.parametrize(("of", "value"), [
    ("null", 7195948357588979594), ("boolean", -6970731678124411036), ("int", 8247732601305521295)])
def test_the_fingerprints_are_those_of_avros_own_test_data(of, value):
    assert fingerprint(of) == value % 2**64


def test_a_registrys_prefix_is_zero_and_its_id():
    assert confluent_prefix(0x01020304) == b"\x00\x01\x02\x03\x04"


@pytest.mark.parametrize("topic", TOPICS)
def test_a_full_record_is_the_blocks_head_then_its_body(topic):
    full = [(field["name"], field["type"]) for field in schema(topic, "record")["fields"]]
    block = {field["name"]: field["type"] for field in schema(topic, "block")["fields"]}
    body = [(field["name"], field["type"]) for field in block.pop("records")["items"]["fields"]]
    listed = block.pop("subscriptions", None)
    shared = [(field["name"], field["type"]) for field in listed["items"]["fields"]] if listed else []
    assert full == [*block.items(), *shared, *(body[1:] if listed else body)]


@pytest.mark.parametrize("mode", ["record", "block"])
@pytest.mark.parametrize("topic", TOPICS)
def test_every_field_says_what_it_means_and_every_optional_one_has_a_default(topic, mode):
    def fields(of):
        for field in of["fields"]:
            yield field
            inner = field["type"]
            if isinstance(inner, dict) and isinstance(inner.get("items"), dict):
                yield from fields(inner["items"])
    for field in fields(schema(topic, mode)):
        assert field["doc"]
        if isinstance(field["type"], list):
            assert (field["type"][0], field["default"]) == ("null", None)


def test_container_datums_stand_one_behind_the_other():
    sink = Kept()
    writer = writer_into(sink, "container")
    for number in range(3):
        write_record(writer, 1, quote(record_sequence=number))
    writer.flush_now(NOW)
    stream = io.BytesIO(sink.payloads("quotes")[0])
    assert [fastavro.schemaless_reader(stream, schema("quotes", "container"), None)["record_sequence"]
            for _ in range(3)] == [0, 1, 2]
    assert stream.read() == b""
