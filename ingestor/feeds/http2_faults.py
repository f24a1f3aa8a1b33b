"""What HTTP/2 can end with, in words: our own faults by number, and the peer's error codes.

Source: rfc-editor.org/rfc/rfc9113, section 7 (November 2026).
"""

from enum import IntEnum

from ingestor.feeds.door import ConnectionFault, Reason


class ErrorCode(IntEnum):
    """Why a stream was reset, or a connection left."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


def code_name(code: int) -> str:
    """The RFC's name; a code that it does not know is as good as INTERNAL_ERROR, and shown as it came."""
    return ErrorCode(code).name if code in ErrorCode._value2member_map_ else f"error {code:#x}"


class Http2Fault(ConnectionFault):
    """The peer broke HTTP/2, or a limit of ours; `code` is what the GOAWAY tells it."""

    def __init__(
        self, message: str, code: ErrorCode = ErrorCode.PROTOCOL_ERROR, reason: Reason = Reason.PROTOCOL_ERROR,
    ) -> None:
        super().__init__(reason, message)
        self.code = code


_PROTOCOL, _SIZE, _CALM = ErrorCode.PROTOCOL_ERROR, ErrorCode.FRAME_SIZE_ERROR, ErrorCode.ENHANCE_YOUR_CALM

#: By the numbers of Fault in http2_frames.pxd.
READER_FAULTS: dict[int, tuple[str, ErrorCode]] = {
    1: ("the server does not speak HTTP/2: its first frame is not SETTINGS; check host, port and TLS", _PROTOCOL),
    2: ("a frame longer than the 16384 bytes we allow", _SIZE),
    3: ("a frame of fixed size with another size", _SIZE),
    4: ("a frame of the connection on a stream, or of a stream on the connection", _PROTOCOL),
    5: ("a stream that we did not open", _PROTOCOL),
    6: ("padding longer than its frame", _PROTOCOL),
    7: ("a header block was broken off by another frame", _PROTOCOL),
    8: ("a continuation of no header block", _PROTOCOL),
    9: ("a header block of more than 16 continuations", _CALM),
    10: ("a header block of more than 16384 bytes", _CALM),
    11: ("a pushed stream, which we forbid", _PROTOCOL),
    12: ("a flood: more than 4096 frames in a second that bring nothing", _CALM),
    13: ("a setting with a value that HTTP/2 forbids", _PROTOCOL),
    14: ("an initial window beyond 2^31-1", ErrorCode.FLOW_CONTROL_ERROR),
    15: ("a window update of zero", _PROTOCOL),
}


def reader_fault(number: int) -> Http2Fault:
    """The fault that the frame reader found."""
    words, code = READER_FAULTS[number]
    return Http2Fault(words, code)
