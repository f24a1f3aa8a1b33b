"""Connecting and upgrading: what is sent, every way it can fail, and that nothing is left behind."""

import asyncio
import socket

import pytest
import websockets.asyncio.server

from ingestor.errors import ConfigError
from ingestor.feeds import tls
from ingestor.feeds.door import ConnectionFault, Reason
from tests.feeds.certificates import Authority
from tests.feeds.doors import fault_of, open_door, until
from tests.feeds.peer import BINARY, CONTINUATION, TEXT, Intake, Peer, Server, closing, frame
from tests.feeds.test_deflate import Deflater
from tests.proxy import Proxy


async def hold(peer: Peer) -> None:
    await peer.hear_close()
    await peer.send(closing(1000))


async def refused(url: str, **options) -> ConnectionFault:
    with pytest.raises(ConnectionFault) as caught:
        await open_door(url, Intake(), **options)
    return caught.value


async def test_the_path_the_query_and_the_headers_reach_the_server():
    async with Server(hold) as server:
        door = await open_door(f"{server.url}/v1/stream?depth=1", Intake(), headers={"X-Api-Key": "key", "X-Two": "2"})
        await door.close()
        peer = server.peers[0]
    assert peer.path == "/v1/stream?depth=1"
    assert (peer.headers["x-api-key"], peer.headers["x-two"]) == ("key", "2")
    assert peer.headers["host"] == f"127.0.0.1:{server.port}"
    assert "sec-websocket-extensions" not in peer.headers


def answering(text: str):
    async def script(peer: Peer) -> None:
        await peer.send(text.replace("\n", "\r\n").encode())
        await peer.reader.read()
    return Server(script, upgrade=False)


@pytest.mark.parametrize(("answer", "reason", "retryable"), [
    ("HTTP/1.1 401 Unauthorized\nContent-Length: 0\n\n", Reason.UNAUTHENTICATED, False),
    ("HTTP/1.1 403 Forbidden\nContent-Length: 0\n\n", Reason.HANDSHAKE_REFUSED, True),
    ("HTTP/1.1 503 Service Unavailable\nContent-Length: 4\n\nbusy", Reason.HANDSHAKE_REFUSED, True),
    ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", Reason.HANDSHAKE_REFUSED, True),
    ("HTTP/1.1 302 Found\nLocation: ws://127.0.0.1:1/elsewhere\n\n", Reason.HANDSHAKE_REFUSED, True),
    ("HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: bm8=\n\n",
     Reason.HANDSHAKE_REFUSED, True),
    ("not HTTP at all\n\n", Reason.HANDSHAKE_REFUSED, True),
    (f"HTTP/1.1 101 Switching Protocols\nX-Long: {'x' * 20_000}\n\n", Reason.HANDSHAKE_REFUSED, True),
], ids=["401", "403", "503", "200", "302", "a wrong accept key", "no HTTP", "endless headers"])
async def test_an_upgrade_answered_otherwise_is_refused(answer, reason, retryable):
    async with answering(answer) as server:
        fault = await refused(server.url)
        assert (fault.reason, fault.retryable) == (reason, retryable)


async def test_a_retry_after_is_read():
    async with answering("HTTP/1.1 429 Too Many Requests\nRetry-After: 17\nContent-Length: 0\n\n") as server:
        assert (await refused(server.url)).retry_after_s == 17


async def test_a_retry_after_that_is_a_date_is_passed_over():
    text = "HTTP/1.1 429 Too Many Requests\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\nContent-Length: 0\n\n"
    async with answering(text) as server:
        assert (await refused(server.url)).retry_after_s == 0


async def test_a_server_that_hangs_up_during_the_upgrade_is_no_connection():
    async def script(peer: Peer) -> None:
        return

    async with Server(script, upgrade=False) as server:
        assert (await refused(server.url)).reason is Reason.HANDSHAKE_REFUSED


async def test_nobody_listening_is_told():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        fault = await refused(f"ws://127.0.0.1:{unused.getsockname()[1]}")
    assert fault.reason is Reason.CONNECT_FAILED


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ws:///path", "nonsense", "ws://127.0.0.1/#part"])
async def test_what_is_no_websocket_url_is_told_without_the_url(url):
    fault = await refused(url + "?key=secret")
    assert (fault.reason, fault.retryable) == (Reason.CONNECT_FAILED, False)
    assert "secret" not in str(fault)


async def gone(peer: Peer) -> None:
    """The script of a server whose client must hang up by itself."""
    await peer.reader.read()


async def test_a_server_that_never_answers_times_out_and_the_line_is_closed():
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await gone(peer)
        left.set()

    async with Server(script, upgrade=False) as server:
        assert (await refused(server.url, connect_within_s=0.05)).reason is Reason.CONNECT_TIMEOUT
        await asyncio.wait_for(left.wait(), 5)


async def test_an_attempt_that_is_cancelled_closes_its_line():
    left = asyncio.Event()

    async def script(peer: Peer) -> None:
        await gone(peer)
        left.set()

    async with Server(script, upgrade=False) as server:
        attempt = asyncio.create_task(open_door(server.url, Intake()))
        await until(lambda: server.peers)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await asyncio.wait_for(left.wait(), 5)


@pytest.mark.parametrize("turns", range(12))
async def test_an_attempt_may_be_cancelled_at_any_moment(turns):
    async with Server(gone) as server:
        attempt = asyncio.create_task(open_door(server.url, Intake()))
        for _ in range(turns):
            await asyncio.sleep(0.001)
        attempt.cancel()
        for outcome in await asyncio.gather(attempt, return_exceptions=True):
            if not isinstance(outcome, asyncio.CancelledError):
                await outcome.close()


# A line that breaks.


@pytest.mark.parametrize("reset", [False, True], ids=["with FIN", "with RST"])
async def test_a_line_cut_in_the_middle_is_a_lost_connection(reset):
    async def script(peer: Peer) -> None:
        await peer.send(frame(b"arrived"))
        await gone(peer)

    async with Server(script) as server, Proxy(server.port) as proxy:
        intake = Intake()
        door = await open_door(f"ws://127.0.0.1:{proxy.port}", intake)
        await intake.until(1)
        await proxy.cut(reset=reset)
        assert (await fault_of(door)).reason is Reason.CONNECTION_LOST
        await door.close()


async def test_a_line_cut_at_each_byte_of_a_frame_feeds_whole_messages_only():
    stream = frame(b"first message") + frame(b"x" * 200) + frame(b"", 9) + frame(b"last")
    ends = {b"first message": 15, b"x" * 200: 15 + 204, b"last": len(stream)}

    async def script(peer: Peer) -> None:
        await peer.send(stream)
        await gone(peer)

    async with Server(script) as server, Proxy(server.port) as proxy:
        async with asyncio.timeout(20):
            head = len(await _upgrade_bytes(server))
        for cut in range(0, len(stream), 7):
            intake = Intake()
            proxy.cut_after = head + cut
            door = await open_door(f"ws://127.0.0.1:{proxy.port}", intake)
            assert (await fault_of(door)).reason is Reason.CONNECTION_LOST
            await door.close()
            assert intake.messages == [message for message, end in ends.items() if end <= cut]


async def _upgrade_bytes(server: Server) -> bytes:
    """What the upgrade's answer costs: it has one length whatever the key."""
    door = await open_door(server.url, Intake())
    await door.close()
    return server.peers[-1].upgrade()


async def test_a_slow_line_delivers_everything():
    async def script(peer: Peer) -> None:
        for i in range(20):
            await peer.send(frame(b"%d" % i))
        await hold(peer)

    async with Server(script) as server, Proxy(server.port) as proxy:
        proxy.latency_s = 0.01
        intake = Intake()
        door = await open_door(f"ws://127.0.0.1:{proxy.port}", intake)
        assert await intake.until(20) == [b"%d" % i for i in range(20)]
        await door.close()


# TLS.


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


async def test_a_certificate_of_the_given_authority_is_accepted(authority):
    async with Server(hold, tls=authority.server_context("127.0.0.1")) as server:
        door = await open_door(server.url, Intake(), tls=tls.context(str(authority.file)))
        await door.close()


async def test_messages_of_all_sizes_come_through_tls(authority):
    async def script(peer: Peer) -> None:
        await peer.send(frame(b"small"), frame(b"x" * 3_000_000), frame(b"small again"))
        await hold(peer)

    async with Server(script, tls=authority.server_context("127.0.0.1")) as server:
        intake = Intake()
        door = await open_door(server.url, intake, tls=tls.context(str(authority.file)))
        assert [len(message) for message in await intake.until(3)] == [5, 3_000_000, 11]
        door.send(b"still speaking")
        await door.close()


async def test_another_authority_is_refused(authority, tmp_path):
    other = Authority(tmp_path, "other authority")
    async with Server(hold, tls=authority.server_context("127.0.0.1")) as server:
        assert (await refused(server.url, tls=tls.context(str(other.file)))).reason is Reason.TLS_REFUSED


async def test_the_public_authorities_do_not_know_a_private_one(authority):
    async with Server(hold, tls=authority.server_context("127.0.0.1")) as server:
        assert (await refused(server.url, tls=tls.context(None))).reason is Reason.TLS_REFUSED


async def test_a_certificate_for_another_host_is_refused(authority):
    async with Server(hold, tls=authority.server_context("elsewhere.example")) as server:
        assert (await refused(server.url, tls=tls.context(str(authority.file)))).reason is Reason.TLS_REFUSED


async def test_an_expired_certificate_is_refused(authority):
    async with Server(hold, tls=authority.server_context("127.0.0.1", days=-1)) as server:
        assert (await refused(server.url, tls=tls.context(str(authority.file)))).reason is Reason.TLS_REFUSED


async def test_a_server_without_tls_is_refused_where_tls_is_wanted(authority):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await refused(url, tls=tls.context(str(authority.file)))).reason is Reason.TLS_REFUSED


def test_an_authority_file_that_is_missing_or_no_pem_is_a_configuration_error(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for file in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match="tls_ca_file"):
            tls.context(str(file))


@pytest.mark.parametrize(("url", "wanted"), [
    ("wss://host", True), ("ws://host", False), ("host:443", True), ("https://host", True), ("http://host", False),
    ("grpc://host", False), ("grpcs://host", True),
])
def test_whether_a_url_wants_tls(url, wanted):
    assert tls.is_wanted(url) is wanted


# Compression.


@pytest.mark.parametrize(("answer", "deflate"), [
    ("permessage-deflate", Deflater()),
    ("permessage-deflate; server_no_context_takeover", Deflater(takeover=False)),
    ("permessage-deflate; server_max_window_bits=9; client_no_context_takeover", Deflater(bits=9)),
])
async def test_compressed_messages_arrive_whole_also_in_fragments_and_beside_plain_ones(answer, deflate):
    text = b'{"price":"64012.37","side":"buy"}' * 20

    async def script(peer: Peer) -> None:
        first, second, third = deflate(text), deflate(text), deflate(b"short")
        await peer.send(
            frame(first, TEXT, rsv=4), frame(b"plain"),
            frame(second[:7], BINARY, fin=False, rsv=4), frame(second[7:], CONTINUATION), frame(third, TEXT, rsv=4))
        await hold(peer)

    async with Server(script, headers=(f"Sec-WebSocket-Extensions: {answer}",)) as server:
        intake = Intake()
        door = await open_door(server.url, intake, deflate=True)
        assert await intake.until(4) == [text, b"plain", text, b"short"]
        assert server.peers[0].headers["sec-websocket-extensions"] == "permessage-deflate; client_no_context_takeover"
        await door.close()


@pytest.mark.parametrize(("sent", "reason", "code"), [
    (b"\xff\xff\xff", Reason.DEFLATE_ERROR, 1007),
    (Deflater()(bytes((16 << 20) + 1)), Reason.MESSAGE_TOO_BIG, 1009),
], ids=["garbage", "a bomb"])
async def test_bad_compressed_data_ends_the_connection_with_its_code(sent, reason, code):
    codes = []

    async def script(peer: Peer) -> None:
        await peer.send(frame(sent, rsv=4))
        codes.append(await peer.hear_close())

    async with Server(script, headers=("Sec-WebSocket-Extensions: permessage-deflate",)) as server:
        intake = Intake()
        door = await open_door(server.url, intake, deflate=True)
        assert (await fault_of(door)).reason is reason
        await door.close()
    assert codes == [code]
    assert intake.messages == []


async def test_an_extension_that_was_not_offered_is_refused():
    async with Server(gone, headers=("Sec-WebSocket-Extensions: permessage-deflate",)) as server:
        assert (await refused(server.url)).reason is Reason.HANDSHAKE_REFUSED


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_an_independent_server_understands_us_and_we_it(compression):
    texts = [f'{{"n":{i},"text":"{"x" * i}"}}' for i in range(0, 2000, 50)]
    heard = []

    async def handler(connection) -> None:
        heard.append(await connection.recv())
        for text in texts:
            await connection.send(text)
        await connection.send(list(texts))     # one message in fragments
        await connection.wait_closed()

    async with websockets.asyncio.server.serve(handler, "127.0.0.1", 0, compression=compression) as server:
        intake = Intake()
        door = await open_door(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", intake, deflate=True)
        assert door.compressed is bool(compression)
        door.send(b"hello")
        assert await intake.until(len(texts) + 1) == [text.encode() for text in [*texts, "".join(texts)]]
        await door.close()
    assert heard == ["hello"]
