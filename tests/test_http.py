"""The HTTP server, over real sockets: its pages, and what clients can do to it."""

import asyncio
import contextlib
import errno
import http.client
import json
import math
import socket
import socketserver
import threading
import time

import pytest

from ingestor import http as served
from ingestor.errors import ConfigError
from ingestor.http import HEAD_BYTES_MAX, PAGES, plain, prefers_openmetrics, serve

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")


class Shard:
    """What the pages are made of, to be changed by a test."""

    def __init__(self) -> None:
        self.heartbeat_age_s = 0.5
        self.ready = (True, {"sink": {"ok": True, "decides": True, "reason": ""}})
        self.alerts = {"counts": {"firing": 1}, "alerts": [{"rule": "stale", "value": 1.5}]}
        self.prices = {"shard": 0, "fairs": [{"instrument": "btc-usd", "price": 1.5}], "totals": {"frames": 3}}
        self.metrics_made = 0
        self.metrics_body = b"up 1\n"
        self.making = contextlib.nullcontext()

    def metrics(self, openmetrics: bool) -> tuple[str, bytes]:
        self.metrics_made += 1
        with self.making:
            return ("application/openmetrics-text" if openmetrics else "text/plain"), self.metrics_body


@pytest.fixture
def shard() -> Shard:
    return Shard()


@pytest.fixture
def start(shard, monkeypatch):
    monkeypatch.setattr(served, "POLL_S", 0.01)
    started = []

    def begin(host="127.0.0.1", port=0, page_reuse_s=0.0):
        server = serve(host, port, metrics=shard.metrics, health=lambda: shard.heartbeat_age_s,
                       ready=lambda: shard.ready, prices=lambda: shard.prices, alerts=lambda: shard.alerts,
                       page_reuse_s=page_reuse_s)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.close()


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def dial(server):
    """Opens connections that are closed at the end."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(socket.create_connection(server.address, timeout=20))


def ask(server, path="/metrics", method="GET", **headers):
    """(status, headers, body) of one request."""
    connection = http.client.HTTPConnection(*server.address, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def raw(connection, request: bytes) -> bytes:
    """What comes back until the server closes."""
    connection.sendall(request)
    return b"".join(iter(lambda: connection.recv(65536), b""))


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_free_port_is_taken_and_told(server):
    host, port = server.address
    assert (host, port > 0) == ("127.0.0.1", True)


def test_metrics_come_as_text(server):
    status, headers, body = ask(server)
    assert (status, headers["Content-Type"], body) == (200, "text/plain", b"up 1\n")


def test_metrics_come_as_openmetrics_where_that_is_asked_for(server):
    assert ask(server, Accept="application/openmetrics-text")[1]["Content-Type"] == "application/openmetrics-text"


def test_a_query_is_no_part_of_the_path(server):
    assert ask(server, "/metrics?debug=1")[0] == 200


@pytest.mark.parametrize(("accept", "openmetrics"), [
    ("", False),
    ("*/*", False),
    ("text/plain", False),
    ("application/openmetrics-text", True),
    (PROMETHEUS_2, True),
    ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.4", True),
    ("application/openmetrics-text;q=0.2,text/plain;q=0.9", False),
    ("application/openmetrics-text;q=0", False),
    ("application/openmetrics-text;q=much", False),
    ("application/openmetrics-text;version=7.0.0", False),
    (";;=,,q", False),
])
def test_the_format_is_what_accept_prefers(accept, openmetrics):
    assert prefers_openmetrics(accept) is openmetrics


def test_a_beating_loop_is_alive(server):
    status, headers, body = ask(server, "/healthz")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == {"alive": True, "heartbeat_age_s": 0.5, "heartbeat_age_max_s": 30.0}


@pytest.mark.parametrize("age_s", [30.0, 1e9, math.inf, math.nan])
def test_a_loop_without_a_heartbeat_is_dead(server, shard, age_s):
    shard.heartbeat_age_s = age_s
    status, _, body = ask(server, "/healthz")
    assert (status, json.loads(body)["alive"]) == (503, False)


def test_liveness_is_answered_while_the_event_loop_hangs(server, shard):
    shard.heartbeat_age_s = 31.0
    answers = []

    async def hang_until_answered() -> None:
        asker = threading.Thread(target=lambda: answers.append(ask(server, "/healthz")[0]))
        asker.start()
        asker.join()

    asyncio.run(hang_until_answered())
    assert answers == [503]


def test_liveness_does_not_ask_for_readiness(server, shard):
    shard.ready = (False, {})
    assert ask(server, "/healthz")[0] == 200


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_readiness_names_each_condition(server, shard, ready, status):
    shard.ready = (ready, {"sink": {"ok": ready, "decides": True, "reason": "because"}})
    answer = ask(server, "/readyz")
    assert answer[0] == status
    assert json.loads(answer[2]) == {
        "ready": ready, "conditions": {"sink": {"ok": ready, "decides": True, "reason": "because"}}}


def test_alerts_are_json_with_null_for_what_is_no_number(server, shard):
    shard.alerts = {"counts": {"firing": 1}, "alerts": [{"rule": "stale", "value": math.nan}]}
    status, headers, body = ask(server, "/alerts")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == {"counts": {"firing": 1}, "alerts": [{"rule": "stale", "value": None}]}


def test_prices_are_json_with_null_for_what_is_no_number(server, shard):
    shard.prices = {"shard": 1, "fairs": [{"price": math.nan, "conf": math.inf, "n": 0}], "totals": {}}
    status, headers, body = ask(server, "/prices")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == {"shard": 1, "fairs": [{"price": None, "conf": None, "n": 0}], "totals": {}}


def test_plain_reaches_every_depth():
    value = {"a": [1.5, (math.nan, {"b": -math.inf})], "c": "nan"}
    assert plain(value) == {"a": [1.5, [None, {"b": None}]], "c": "nan"}


def test_the_index_links_every_page(server):
    status, headers, body = ask(server, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert all(f'href="{path}"' in body.decode() for path in PAGES)


@pytest.mark.parametrize("path", [
    "/metric", "/metrics/", "/..%2f..%2fetc/passwd", "//metrics/x", "*", "/metrics openmetrics"])
def test_an_unknown_path_is_answered_with_the_list(dial, path):
    answer = raw(dial(), f"GET {path.replace(' ', '%20')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status_of(answer) == 404
    assert answer.endswith(b"no such page; there are: / /metrics /healthz /readyz /prices /alerts\n")


def test_head_is_get_without_the_body(server):
    status, headers, body = ask(server, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "5", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_any_other_method_is_refused(server, method):
    status, headers, body = ask(server, method=method)
    assert (status, headers["Allow"], body) == (405, "GET, HEAD", b"use GET or HEAD\n")


def test_a_refused_body_does_not_hide_the_answer(dial):
    head = b"POST /prices HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    assert status_of(raw(dial(), head + bytes(100_000))) == 405


def test_what_follows_the_first_request_is_not_read_as_another(dial):
    answer = raw(dial(), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("request_head", [
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /metrics HTTP/x\r\n\r\n",
    b"GET /metrics and more HTTP/1.1\r\n\r\n",
    b"\x00" * 100 + b"\r\n\r\n",
])
def test_what_is_no_request_is_told_so_and_not_echoed(dial, request_head):
    answer = raw(dial(), request_head)
    assert status_of(answer) == 400
    assert answer.endswith(b"\r\n\r\nBad Request\n")


def test_a_later_http_is_refused(dial):
    assert status_of(raw(dial(), b"GET /metrics HTTP/2.0\r\n\r\n")) == 505


@pytest.mark.parametrize("request_head", [
    b"GET /" + b"a" * HEAD_BYTES_MAX + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nCookie: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * HEAD_BYTES_MAX,
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
], ids=["line", "header", "headers without end", "too many headers"])
def test_a_huge_head_is_refused(dial, request_head):
    assert status_of(raw(dial(), request_head)) == 431


def test_a_head_just_below_the_limit_is_served(dial):
    head = b"GET /metrics HTTP/1.1\r\nCookie: " + b"a" * (HEAD_BYTES_MAX - 100) + b"\r\n\r\n"
    assert status_of(raw(dial(), head)) == 200


def test_a_client_that_says_nothing_is_told_and_cut(dial, monkeypatch):
    monkeypatch.setattr(served, "REQUEST_WITHIN_S", 0.1)
    assert status_of(raw(dial(), b"")) == 408


def test_a_client_that_drips_is_cut_although_it_never_stops(dial, monkeypatch):
    monkeypatch.setattr(served, "REQUEST_WITHIN_S", 0.3)
    connection = dial()
    connection.sendall(b"GET / HTTP/1.1\r\nX: ")
    connection.settimeout(0.01)
    answer = b""
    while not answer:
        with contextlib.suppress(TimeoutError):
            answer = connection.recv(65536)
        connection.sendall(b"a")
    assert status_of(answer) == 408


def test_a_client_that_does_not_take_its_answer_is_cut(dial, shard, monkeypatch):
    monkeypatch.setattr(served, "ANSWER_WITHIN_S", 0.2)
    shard.metrics_body = bytes(64 * 1024 * 1024)    # more than the sockets between us hold
    connection = dial()
    connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    while shard.metrics_made == 0:
        time.sleep(0.01)
    time.sleep(0.5)
    assert len(raw(connection, b"")) < len(shard.metrics_body)


def test_others_are_served_while_clients_hang(server, dial):
    hanging = [dial() for _ in range(served.CONNECTIONS_MAX - 1)]
    for connection in hanging:
        connection.sendall(b"GET / HTTP/1.1\r\n")
    assert ask(server, "/healthz")[0] == 200


def test_beyond_its_connections_the_server_says_that_it_is_busy_and_recovers(server, dial, monkeypatch):
    monkeypatch.setattr(served, "PLACE_WITHIN_S", 0.0)
    hanging = [dial() for _ in range(served.CONNECTIONS_MAX)]
    assert status_of(raw(dial(), b"")) == 503
    for connection in hanging:
        connection.close()
    deadline, status = time.monotonic() + 20, 0
    while status != 200 and time.monotonic() < deadline:
        with contextlib.suppress(ConnectionResetError):     # refused before it could ask
            status = ask(server, "/healthz")[0]
    assert status == 200


def test_without_file_descriptors_the_server_pauses_and_goes_on(server, monkeypatch):
    accept, pauses = socketserver.TCPServer.get_request, []

    def fail_thrice(listener):
        if len(pauses) < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listener)

    monkeypatch.setattr(socketserver.TCPServer, "get_request", fail_thrice)
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert ask(server)[0] == 200
    assert pauses == [served.ACCEPT_PAUSE_S] * 3


def test_many_parallel_scrapes_are_all_served_from_one_making(start, shard):
    server = start(page_reuse_s=60.0)
    found = []
    scrapers = [threading.Thread(target=lambda: found.append(ask(server)[0])) for _ in range(100)]
    for scraper in scrapers:
        scraper.start()
    for scraper in scrapers:
        scraper.join()
    assert found == [200] * 100
    assert shard.metrics_made == 1


def test_thousands_of_scrapes_leave_no_thread_behind(server):
    ask(server)
    before = threading.active_count()
    for _ in range(2000):
        ask(server)
    deadline = time.monotonic() + 20
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_page_that_is_long_in_making_refuses_those_who_wait(server, shard, monkeypatch):
    monkeypatch.setattr(served, "PAGE_WITHIN_S", 0.1)
    shard.making = lock = threading.Lock()
    with lock:
        first = threading.Thread(target=ask, args=(server,))
        first.start()
        while shard.metrics_made == 0:
            time.sleep(0.01)
        status, _, body = ask(server)
        assert (status, body) == (503, b"/metrics is being made: try again\n")
        assert ask(server, "/healthz")[0] == 200
    first.join()


def test_a_page_that_fails_says_nothing_of_the_inside(server, shard):
    shard.prices = {"secret": object()}
    status, _, body = ask(server, "/prices")
    assert (status, body) == (500, b"/prices could not be made: see the log\n")
    assert ask(server, "/healthz")[0] == 200


def test_the_server_names_neither_python_nor_a_version(server):
    assert ask(server)[1]["Server"].strip() == "ingestor"


def test_a_port_in_use_is_one_line_that_says_what_to_do(server, start):
    port = server.address[1]
    with pytest.raises(ConfigError, match=rf"^http: 127\.0\.0\.1 port {port} is in use: .* set another http\.port .*$"):
        start(port=port)


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_one_line_that_says_what_to_do(start, host):
    with pytest.raises(ConfigError, match=rf"^http: {host} port 0 can't be had \(.*\): set http\.host .*$"):
        start(host)


def test_a_port_beyond_the_range_is_refused(start):
    with pytest.raises(ConfigError, match=r"http: 127\.0\.0\.1 port 70000"):
        start(port=70_000)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_the_other_loopback_works_too(start):
    try:
        server = start("::1")
    except ConfigError as error:
        pytest.skip(str(error))
    assert ask(server, "/healthz")[0] == 200


def test_closing_frees_the_port_and_cuts_who_hangs(start, dial, server):
    connection = dial()
    connection.sendall(b"GET / HT")
    server.close()
    server.close()
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(100) == b""
    assert start(port=server.address[1]).address == server.address
