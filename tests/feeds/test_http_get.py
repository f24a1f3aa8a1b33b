"""GET for histories against a small server: answers, refusals, pauses that are named, and servers that misbehave."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from ingestor.feeds import http_get
from ingestor.feeds.fetch import FetchFault
from ingestor.feeds.http_get import HttpFetch
from ingestor.providers.history import Request

TRADES = Request("/api/v3/historicalTrades", (("symbol", "BTC/USD"), ("fromId", "5")), (("X-MBX-APIKEY", "k"),))


def answer(status="200 OK", body=b"[]", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def serving(*answers, hold=False):
    """A server that gives these answers in turn; yields its URL and the heads of what it was asked."""
    asked, left = [], list(answers)
    held = asyncio.Event()

    async def serve(reader, writer):
        try:
            while left:
                asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
                writer.write(left.pop(0))
                await writer.drain()
            if hold:
                await held.wait()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        held.set()
        server.close()


async def got(*answers, request=TRADES, **options):
    """The body of one GET, and the head that was sent."""
    async with serving(*answers, **options) as (url, asked):
        fetch = HttpFetch(url, None)
        try:
            [body] = await fetch(request)
        finally:
            await fetch.close()
        return body, asked


def fault_of(*answers, **options):
    with pytest.raises(FetchFault) as caught:
        asyncio.run(got(*answers, **options))
    return caught.value


def test_a_request_bears_its_query_and_headers():
    body, [head] = asyncio.run(got(answer(body=b'[{"id":5}]')))
    assert body == b'[{"id":5}]'
    line, *headers = head.split("\r\n")
    assert line == "GET /api/v3/historicalTrades?symbol=BTC/USD&fromId=5 HTTP/1.1"
    assert "X-MBX-APIKEY: k" in headers


def test_its_connection_is_kept_between_requests():
    async def story():
        async with serving(answer(), answer()) as (url, asked):
            fetch = HttpFetch(url, None)
            await fetch(TRADES)
            await fetch(TRADES)
            await fetch.close()
            return len(asked)

    assert asyncio.run(story()) == 2


@pytest.mark.parametrize("status", ["429 Too Many Requests", "418 I'm a teapot"])
def test_too_many_requests_name_their_pause(status):
    fault = fault_of(answer(status, b'{"code":-1003}', "Retry-After: 37"))
    assert (fault.retryable, fault.retry_after_s, fault.status) == (True, 37.0, int(status[:3]))
    assert "-1003" in str(fault)


def test_a_pause_that_is_a_date_is_left_to_the_back_off():
    fault = fault_of(answer("429 Slow", b"", "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT"))
    assert (fault.retryable, fault.retry_after_s) == (True, 0.0)


@pytest.mark.parametrize(("status", "retryable"), [
    ("400 Bad Request", False), ("401 Unauthorized", False), ("403 Forbidden", False), ("404 Not Found", False),
    ("302 Found", False), ("500 Oops", True), ("503 Busy", True), ("408 Timeout", True)])
def test_a_status_says_whether_asking_again_helps(status, retryable):
    fault = fault_of(answer(status, b"words", "Location: http://127.0.0.1:1/"))
    assert fault.retryable is retryable
    assert str(fault) == f"{status[:3]}: words"


def test_a_server_that_hangs_up_may_be_asked_again():
    assert fault_of(b"").retryable
    assert fault_of(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[").retryable
    assert fault_of(b"this is no HTTP\r\n\r\n").retryable


def test_a_server_that_is_not_there_may_be_asked_again():
    async def story():
        fetch = HttpFetch("http://127.0.0.1:1", None)
        try:
            await fetch(TRADES)
        finally:
            await fetch.close()

    with pytest.raises(FetchFault) as caught:
        asyncio.run(story())
    assert caught.value.retryable


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(http_get, "ANSWER_WITHIN_S", 0.2)
    fault = fault_of(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", hold=True)
    assert fault.retryable
    assert "no answer within 0.2 s" in str(fault)


def test_an_endless_answer_is_cut_at_the_limit(monkeypatch):
    monkeypatch.setattr(http_get, "ANSWER_BYTES_MAX", 1000)
    fault = fault_of(answer(body=b"x" * 1001))
    assert not fault.retryable
    assert "beyond 1000 bytes" in str(fault)
    assert asyncio.run(got(answer(body=b"x" * 1000)))[0] == b"x" * 1000
