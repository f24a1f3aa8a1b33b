"""The handle through which the pipeline and the feeds know a dialect.

A decoder takes one frame (or one gRPC message), reads it in place and fills `out`. It keeps no
pointer into the frame, calls no Python and returns a DecodeStatus. `state` is the connection's
own, made by `state_new` (NULL for dialects without state) and freed by `state_free`.
"""
from libc.stdint cimport uint8_t, uint32_t

from ingestor.records cimport TickBatch

ctypedef int (*DecodeFunction)(const uint8_t* at, size_t size, void* state, TickBatch* out) noexcept nogil
ctypedef void* (*StateNew)() noexcept nogil
ctypedef void (*StateFree)(void* state) noexcept nogil


cdef class Provider:
    cdef DecodeFunction decode      # never NULL
    cdef StateNew state_new         # NULL: the dialect keeps no state
    cdef StateFree state_free
    cdef readonly str name          # FIXED dialect name: "binance-spot"
    cdef readonly str transport     # "websocket" or "grpc"
    cdef readonly str venue         # the venue itself for an exchange; "" for an aggregator
    cdef readonly str url           # production endpoint; the configuration may replace it
    cdef readonly tuple channels    # of Channel; Tick.channel is an index into it
    cdef readonly object limits     # Limits
    cdef readonly object session    # Session: the hooks a feed calls


cdef Provider provider(DecodeFunction decode, StateNew state_new, StateFree state_free, dict about)
