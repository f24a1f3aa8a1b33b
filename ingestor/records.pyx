"""Python names for the numbers of records.pxd: what NDJSON, metrics and logs print."""

KIND_NAMES = ("trade", "quote", "bar", "reference")
SIDE_NAMES = ("unknown", "buy", "sell")
FLAG_NAMES = ("snapshot", "replay", "late", "gap_before", "outlier", "crossed", "rounded")
STATUS_NAMES = (
    "decoded", "ignored", "control", "truncated", "syntax", "bad_escape", "bad_utf8", "bad_number",
    "number_range", "bad_time", "bad_type", "missing_field", "too_deep", "too_large", "too_many", "no_memory",
)
FAIR_STATUS_NAMES = ("OK", "DEGRADED", "SINGLE", "DISPERSED", "HELD", "UNAVAILABLE")

assert len(KIND_NAMES) == KINDS
assert len(STATUS_NAMES) == DECODE_STATUSES
assert len(FAIR_STATUS_NAMES) == FAIR_STATUSES
