"""How fast is each dialect's decoder, from bytes to exact records, beside orjson.loads and msgspec on the same frames?

Only frames that yield records count, so that nothing is won by ignoring depth. orjson makes Python objects
and looks at no field; msgspec makes structs of the fields we use and leaves numbers as they stand (for the dialects
that bench/peers.py has structs of); ours makes records with exact decimals, times in ns and ids. Kaiko is protobuf:
there the peer is Google's parser.
"""

from functools import partial

from bench.frames import Frames, recorded
from bench.measure import Outcome, Variant, interleave, timed, versioned
from bench.peers import MSGSPEC, ORJSON, PROTOBUF, TYPED, msgspec_decode, orjson_loads, protobuf_parse
from ingestor.decode import Decoder
from ingestor.providers.registry import MODULES

FRAMES_MIN = 20_000     # a few captured frames are repeated up to this: a turn takes milliseconds
FRAMES_SMOKE = 200
TURNS = 15


def enough(found: Frames, smoke: bool) -> list[bytes]:
    """The frames of one turn."""
    if smoke:
        return found.frames[:FRAMES_SMOKE]
    return found.frames * -(-FRAMES_MIN // len(found))


def told(found: Frames) -> Decoder:
    """The decoder of a connection that has heard what goes before the frames."""
    decoder = Decoder(found.dialect)
    decoder.count_all(list(found.before))
    return decoder


def ours(found: Frames, frames: list[bytes], records: int) -> float:
    """Seconds to decode; fails unless it yields exactly `records` and refuses nothing."""
    decoder = told(found)
    counted = None

    def work() -> None:
        nonlocal counted
        counted = decoder.count_all(frames)

    seconds = timed(work)
    if counted != (records, 0):
        raise AssertionError(f"{found.dialect}: (records, malformed) are {counted}, not {(records, 0)}")
    return seconds


def run(smoke: bool = False) -> Outcome:
    """decode_<dialect>_ticks_per_s, with the best peer's messages as its peer."""
    outcome = Outcome()
    for dialect in MODULES:
        found = recorded(dialect)
        frames = enough(found, smoke)
        records = told(found).count_all(frames)[0]
        variants: dict[str, Variant] = {"ours": partial(ours, found, frames, records)}
        if dialect == "kaiko":
            variants[PROTOBUF] = partial(protobuf_parse, frames)
        else:
            variants[ORJSON] = partial(orjson_loads, frames)
            if dialect in TYPED:
                variants[MSGSPEC] = partial(msgspec_decode, dialect, frames)
        timings = interleave(variants, 2 if smoke else TURNS)
        best = min((name for name in variants if name != "ours"), key=lambda name: timings[name].best)
        outcome.rate(
            f"decode_{dialect.replace('-', '_')}_ticks_per_s", records / timings["ours"].best, "ticks/s",
            f"{best} ({versioned(best.split('.')[0].split()[0])}), messages/s", len(frames) / timings[best].best)
        outcome.details[dialect] = {
            **found.about(), "frames_a_turn": len(frames), "records_a_turn": records,
            "ns_a_frame": {name: timing.as_dict(len(frames)) for name, timing in timings.items()}}
    return outcome
