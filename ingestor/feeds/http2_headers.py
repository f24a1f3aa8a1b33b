"""Header lists of HTTP/2, packed and unpacked by HPACK (RFC 7541), within bounds. The one file that knows hpack."""

from collections.abc import Iterable, Mapping

from hpack import Decoder, Encoder, HPACKError, NeverIndexedHeaderTuple

from ingestor.feeds.door import ConnectionFault, Reason
from ingestor.feeds.http2_faults import ErrorCode, Http2Fault

#: Unpacked, counted as the RFC does (32 bytes more a field). We announce it; gRPC's own limit is the same.
HEADER_LIST_BYTES_MAX = 16 << 10
#: Of our own table for packing, whatever the server would allow: HPACK's default.
TABLE_BYTES_MAX = 4096
#: No table of anybody's remembers these.
SECRET = ("authorization", "cookie", "x-api-key")

Headers = list[tuple[str, str]]


class HeaderCodec:
    """Both directions of one connection; the tables live as long as it does."""

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._decoder = Decoder(HEADER_LIST_BYTES_MAX)

    def limit_table(self, size: int) -> None:
        """The server's SETTINGS_HEADER_TABLE_SIZE."""
        self._encoder.header_table_size = min(size, TABLE_BYTES_MAX)

    def pack(self, headers: Iterable[tuple[str, str]]) -> bytes:
        """One header block. Raises ConnectionFault for what no header may hold; the value is not shown."""
        fields = []
        for name, value in headers:
            if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
                raise ConnectionFault(
                    Reason.CONNECT_FAILED, f"the header {name!r} has a character that no header may have: check the "
                    "key for line ends and letters beyond ASCII", retryable=False)
            fields.append(NeverIndexedHeaderTuple(name, value) if name in SECRET else (name, value))
        packed: bytes = self._encoder.encode(fields)
        return packed

    def unpack(self, block: bytes) -> Headers:
        """The fields of one block. Raises Http2Fault: after a block that can't be read no other one can."""
        try:
            fields = self._decoder.decode(block, raw=True)
        except HPACKError as error:
            raise Http2Fault(
                f"headers that don't unpack within {HEADER_LIST_BYTES_MAX} bytes: {type(error).__name__}",
                ErrorCode.COMPRESSION_ERROR) from error
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


def request(path: str, authority: str, *, secure: bool, metadata: Mapping[str, str]) -> Headers:
    """The headers of a gRPC call, as github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md orders them.

    Only `identity` is accepted as an encoding of messages: no message is ever inflated.
    """
    return [
        (":method", "POST"), (":scheme", "https" if secure else "http"), (":path", path), (":authority", authority),
        ("te", "trailers"), ("content-type", "application/grpc"), ("user-agent", "ingestor"),
        ("grpc-accept-encoding", "identity"), *((name.lower(), value) for name, value in metadata.items()),
    ]
