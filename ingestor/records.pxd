"""The shared records of records.h, and the enums that name their numbers.

A number in one of these enums is written to files and topics: members are never renumbered.
"""
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "records.h" nogil:
    const int64_t ABSENT
    const int VALUES_MAX
    const int DIGITS_MAX
    const uint32_t FRAME_BYTES_MAX
    const int DEPTH_MAX
    const uint32_t TICKS_MAX
    const uint32_t SCRATCH_BYTES_MAX
    const int CHANNELS_MAX
    const uint32_t PATH_NONE

    ctypedef struct Text:
        const uint8_t* at
        uint32_t size

    ctypedef struct Tick:
        int64_t mantissa[6]
        int8_t exponent[6]
        uint8_t present
        uint8_t kind
        uint8_t side
        uint8_t channel
        uint16_t flags
        uint32_t path
        int64_t ts_event_ns
        int64_t ts_provider_ns
        int64_t ts_recv_ns
        int64_t sequence
        int64_t next_funding_ns
        int64_t count
        int64_t start_ns
        int64_t end_ns
        Text symbol
        Text venue
        Text section
        Text id
        uint64_t record_sequence

    ctypedef struct TickBatch:
        Tick* ticks
        uint32_t count
        uint32_t capacity
        uint8_t* scratch
        uint32_t scratch_used
        uint32_t scratch_capacity
        uint64_t rounded
        int64_t frame_sequence

    ctypedef struct Fair:
        double price
        double conf
        double q25
        double q75
        double gate
        double n_eff
        double score
        double anchor
        int64_t ts_event_ns
        int64_t ts_emit_ns
        double age_freshest_s
        double age_oldest_s
        uint32_t status
        uint32_t n
        uint32_t n_used
        uint32_t venues_used
        uint64_t version


cpdef enum TickKind:
    TRADE = 0
    QUOTE = 1
    BAR = 2
    REFERENCE = 3
    KINDS = 4

cpdef enum Value:
    PRICE = 0           # trade
    SIZE = 1
    BID = 0             # quote
    BID_SIZE = 1
    ASK = 2
    ASK_SIZE = 3
    OPEN = 0            # bar
    HIGH = 1
    LOW = 2
    CLOSE = 3
    VOLUME = 4
    VWAP = 5
    MARK = 0            # reference
    INDEX = 1
    FUNDING = 2
    OPEN_INTEREST = 3

cpdef enum Side:
    SIDE_UNKNOWN = 0
    BUY = 1
    SELL = 2

cpdef enum TickFlag:
    SNAPSHOT = 1        # sent as state or replay on subscribing
    REPLAY = 2          # from a provider's history, after a gap
    LATE = 4            # venue time before the newest seen on this subscription
    GAP_BEFORE = 8      # the sequence jumped: something before this record is missing
    OUTLIER = 16        # refused by the print filter of pricing
    CROSSED = 32        # bid above ask
    ROUNDED = 64        # a value had more than DIGITS_MAX digits
    ECHO = 128          # a trade that another provider had brought before

cpdef enum DecodeStatus:
    DECODED = 0         # at least one record
    IGNORED = 1         # understood, and of no concern: depth, statistics, unknown channels
    CONTROL = 2         # nothing to record, but the feed must see it: ack, error, heartbeat
    TRUNCATED = 3       # from here on: malformed, quarantined
    SYNTAX = 4          # not one RFC 8259 text, or not one protobuf message
    BAD_ESCAPE = 5
    BAD_UTF8 = 6
    BAD_NUMBER = 7      # a used field holds no number
    NUMBER_RANGE = 8    # a number that mantissa and exponent can't hold
    BAD_TIME = 9
    BAD_TYPE = 10       # a used field holds another JSON type than its kind
    MISSING_FIELD = 11  # a record without symbol, price or size
    TOO_DEEP = 12       # nesting beyond DEPTH_MAX
    TOO_LARGE = 13      # frame beyond FRAME_BYTES_MAX
    TOO_MANY = 14       # records beyond TICKS_MAX
    NO_MEMORY = 15
    DECODE_STATUSES = 16

cpdef enum FairStatus:
    OK = 0
    DEGRADED = 1
    SINGLE = 2
    DISPERSED = 3
    HELD = 4
    UNAVAILABLE = 5
    FAIR_STATUSES = 6
