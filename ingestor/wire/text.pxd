"""Records as plain Python values: the NDJSON form that people read."""
from ingestor.records cimport Tick


cdef str decimal_text(long long mantissa, int exponent)
cdef dict tick_dict(const Tick* tick, str provider, str venue, object instrument)
