"""What people and machines see over HTTP: /metrics, /healthz, /readyz, /prices, /alerts, and an index of them at /.

Served by threads of its own, so that liveness is answered while the event loop hangs. What a client
can do is bounded: connections, the size and the time of a request, the time to take the answer, and
how often a page is made, however often it is asked for. This file knows no pipeline, sink or feed:
pages are callables. One request a connection: the probes and scrapes that come each few seconds gain
nothing from keeping one open, and what a client sends after its request is never parsed.
"""

import errno
import http.client
import io
import json
import math
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import structlog

from ingestor.errors import ConfigError
from ingestor.plain import plain

#: Handled at once. A scraper, two probes, a console and some people are ten.
CONNECTIONS_MAX = 32
#: A connection beyond them waits so long for a place, then it is refused with 503.
PLACE_WITHIN_S = 1.0
#: Request line and headers together; browsers with cookies send 2 KB.
HEAD_BYTES_MAX = 16 * 1024
#: From the connection to the end of the headers, however slowly they drip.
REQUEST_WITHIN_S = 5.0
#: To take the whole answer: 6 MB, 50,000 series, at 5 Mbit/s.
ANSWER_WITHIN_S = 10.0
#: A page is made at most so often; those who ask in between get the same one.
PAGE_REUSE_S = 0.5
#: Who asks while a page is being made waits so long for it.
PAGE_WITHIN_S = 5.0
#: After the answer, what the client still sends is read and dropped up to these, so that closing
#: does not reset the connection before it has read the answer.
DRAIN_WITHIN_S = 1.0
DRAIN_BYTES_MAX = 256 * 1024
#: close() waits so long for answers under way, whose connections are cut.
CLOSE_WITHIN_S = 5.0
#: How often the listener looks whether it shall end.
POLL_S = 0.2
#: Without file descriptors accept() fails at once, and would be called again at once.
ACCEPT_PAUSE_S = 0.1
#: The event loop counts as dead when its heartbeat is older.
HEARTBEAT_AGE_MAX_S = 30.0

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"
PAGES = {
    "/": "this list",
    "/metrics": "Prometheus metrics, as text or OpenMetrics",
    "/healthz": "liveness: the event loop's heartbeat",
    "/readyz": "readiness: each condition, and whether it holds",
    "/prices": "fair prices and totals as JSON",
    "/alerts": "what is pending, firing or clearing, with its evidence, as JSON",
}

log = structlog.get_logger()


class Answer(NamedTuple):
    """One response, whole."""

    status: HTTPStatus
    content_type: str
    body: bytes


class Page:
    """A page made by one thread at a time, at most each `reuse_s`; a failure is an answer like others."""

    def __init__(self, path: str, make: Callable[[], Answer], reuse_s: float) -> None:
        self._path = path
        self._make = make
        self._reuse_s = reuse_s
        self._lock = threading.Lock()
        self._made_at = -math.inf
        self._answer = Answer(HTTPStatus.OK, TEXT, b"")

    def get(self) -> Answer:
        if not self._lock.acquire(timeout=PAGE_WITHIN_S):
            return _line(HTTPStatus.SERVICE_UNAVAILABLE, f"{self._path} is being made: try again")
        try:
            if time.monotonic() - self._made_at >= self._reuse_s:
                self._answer = self._made()
                self._made_at = time.monotonic()
            return self._answer
        finally:
            self._lock.release()

    def _made(self) -> Answer:
        try:
            return self._make()
        except Exception:   # a page must not take the server down; the log has the trace, the client a line
            log.exception("page_failed", path=self._path)
            return _line(HTTPStatus.INTERNAL_SERVER_ERROR, f"{self._path} could not be made: see the log")


class Server:
    """A listening server with its threads. `address` is (host, port) as bound."""

    def __init__(self, host: str, port: int, answer: Callable[[str, str], Answer]) -> None:
        self._listener = _listen(host, port, answer)
        bound = self._listener.server_address
        self.address: tuple[str, int] = (str(bound[0]), int(bound[1]))
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": POLL_S}, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and cut open connections. A second call does nothing."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
            self._listener.cut()
        self._listener.server_close()


def serve(
    host: str, port: int, *, metrics: Callable[[bool], tuple[str, bytes]], health: Callable[[], float],
    ready: Callable[[], tuple[bool, Mapping[str, object]]], prices: Callable[[], Mapping[str, object]],
    alerts: Callable[[], Mapping[str, object]], page_reuse_s: float = PAGE_REUSE_S,
) -> Server:
    """Serve the pages on `host`:`port` (0: a free port, see Server.address).

    metrics(openmetrics) returns content type and body. health() is the age in seconds of the event
    loop's heartbeat. ready() says whether, and each condition by name. prices() and alerts() are any JSON values;
    NaN becomes null. They are called from the server's threads, and must not wait for the event
    loop. Raises ConfigError when the address can't be had.
    """
    made = {
        "/": Page("/", _index, math.inf),
        "/metrics": Page("/metrics", lambda: Answer(HTTPStatus.OK, *metrics(False)), page_reuse_s),
        "/metrics openmetrics": Page("/metrics", lambda: Answer(HTTPStatus.OK, *metrics(True)), page_reuse_s),
        "/healthz": Page("/healthz", lambda: _health(health()), 0.0),
        "/readyz": Page("/readyz", lambda: _readiness(*ready()), 0.0),
        "/prices": Page("/prices", lambda: _json(HTTPStatus.OK, prices()), page_reuse_s),
        "/alerts": Page("/alerts", lambda: _json(HTTPStatus.OK, alerts()), page_reuse_s),
    }

    def answer(path: str, accept: str) -> Answer:
        if path not in PAGES:
            return _line(HTTPStatus.NOT_FOUND, f"no such page; there are: {' '.join(PAGES)}")
        if path == "/metrics" and prefers_openmetrics(accept):
            path = "/metrics openmetrics"
        return made[path].get()

    return Server(host, port, answer)


def prefers_openmetrics(accept: str) -> bool:
    """Whether the Accept header wants OpenMetrics 1.0 at least as much as plain text."""
    wanted = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for choice in accept.split(","):
        kind, *parts = (part.strip() for part in choice.split(";"))
        parameters = dict(part.partition("=")[::2] for part in parts)
        if kind in wanted and parameters.get("version", "1.0.0") in ("1.0.0", "0.0.4"):
            try:
                weight = float(parameters.get("q", "1"))
            except ValueError:
                weight = 0.0
            wanted[kind] = max(wanted[kind], weight)
    return 0.0 < wanted["application/openmetrics-text"] >= wanted["text/plain"]


def _json(status: HTTPStatus, value: object) -> Answer:
    return Answer(status, JSON, json.dumps(plain(value), allow_nan=False).encode() + b"\n")


def _line(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, TEXT, text.encode() + b"\n")


def _health(age_s: float) -> Answer:
    alive = age_s < HEARTBEAT_AGE_MAX_S
    return _json(
        HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE,
        {"alive": alive, "heartbeat_age_s": age_s, "heartbeat_age_max_s": HEARTBEAT_AGE_MAX_S})


def _readiness(is_ready: bool, conditions: Mapping[str, object]) -> Answer:
    return _json(
        HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE, {"ready": is_ready, "conditions": conditions})


def _index() -> Answer:
    rows = "".join(f'<li><a href="{path}">{path}</a> {what}</li>' for path, what in PAGES.items())
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>ingestor</title>'
    return Answer(HTTPStatus.OK, HTML, f"{head}<h1>ingestor</h1><ul>{rows}</ul>\n".encode())


# The listener: socketserver with bounds.


class _HeadTooLarge(http.client.HTTPException):
    """More than HEAD_BYTES_MAX before the headers ended."""


class _HeadReader(io.RawIOBase):
    """A connection's first HEAD_BYTES_MAX bytes, while REQUEST_WITHIN_S lasts."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + REQUEST_WITHIN_S
        self._left = HEAD_BYTES_MAX

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        remaining_s = self._deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("the request took too long")
        if self._left == 0:
            raise _HeadTooLarge(f"more than {HEAD_BYTES_MAX} bytes of request line and headers")
        self._connection.settimeout(remaining_s)
        size = self._connection.recv_into(memoryview(buffer)[:self._left])
        self._left -= size
        return size


class _Handler(BaseHTTPRequestHandler):
    """One request and its answer. Only the parsing is http.server's."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"    # a request that can't be read gets a status line too
    server_version = "ingestor"
    sys_version = ""
    disable_nagle_algorithm = True
    server: "_Listener"

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_HeadReader(self.connection))

    def handle(self) -> None:
        self.command = ""
        self.request_version = self.protocol_version
        try:
            self.raw_requestline = self.rfile.readline(HEAD_BYTES_MAX + 1)
            if not self.raw_requestline or not self.parse_request():
                return
        except _HeadTooLarge:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        except TimeoutError:
            self.send_error(HTTPStatus.REQUEST_TIMEOUT)
            return
        if self.command in ("GET", "HEAD"):
            self.reply(self.server.answer(self.path.split("?", 1)[0], self.headers.get("Accept", "")))
        else:
            self.reply(_line(HTTPStatus.METHOD_NOT_ALLOWED, "use GET or HEAD"))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that could not be read. Echoes nothing of it."""
        self.reply(_line(HTTPStatus(code), HTTPStatus(code).phrase))

    def reply(self, answer: Answer) -> None:
        self.connection.settimeout(ANSWER_WITHIN_S)     # sendall() takes it for the whole
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'")
        self.send_header("Connection", "close")
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def handle_expect_100(self) -> bool:
        return True     # bodies are not read, so none is asked for

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: a scrape each second would be all that the log says."""


class _Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread a connection, CONNECTIONS_MAX of them."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], family: socket.AddressFamily, answer: Callable[[str, str], Answer],
    ) -> None:
        self.address_family = family
        self.answer = answer
        self._places = threading.Semaphore(CONNECTIONS_MAX)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            time.sleep(ACCEPT_PAUSE_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(timeout=PLACE_WITHIN_S):
            _refuse(request)
            return
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """The end of a handled connection, from its own thread."""
        _drain(request)
        with self._lock:
            self._open.remove(request)
            request.close()
        self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or takes nothing, is no event; anything else is our fault."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("http_connection_failed", exc_info=error)

    def cut(self) -> None:
        """End what is open; return when no thread is left with it."""
        with self._lock:
            for connection in self._open:
                _shut(connection, socket.SHUT_RDWR)
        deadline = time.monotonic() + CLOSE_WITHIN_S
        for _ in range(CONNECTIONS_MAX):
            self._places.acquire(timeout=max(0.0, deadline - time.monotonic()))


def _listen(host: str, port: int, answer: Callable[[str, str], Answer]) -> _Listener:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return _Listener((str(address[0]), port), family, answer)   # it is bind() that checks the port's range
    except (OSError, OverflowError) as error:
        what = {
            errno.EADDRINUSE: "is in use: stop what listens there, or set another http.port (0: any free one)",
            errno.EACCES: "needs rights that this process does not have: set an http.port above 1023",
        }.get(getattr(error, "errno", 0), f"can't be had ({error}): set http.host to an address of this machine")
        raise ConfigError(f"http: {host} port {port} {what}") from error


def _refuse(connection: socket.socket) -> None:
    """Say that all places are taken, without waiting for anything."""
    connection.setblocking(False)
    try:
        connection.send(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    except OSError:
        pass
    finally:
        connection.close()


def _shut(connection: socket.socket, how: int) -> bool:
    try:
        connection.shutdown(how)
    except OSError:     # gone already
        return False
    return True


def _drain(connection: socket.socket) -> None:
    """Say that no more comes, and read what does, within bounds."""
    if not _shut(connection, socket.SHUT_WR):
        return
    deadline = time.monotonic() + DRAIN_WITHIN_S
    left = DRAIN_BYTES_MAX
    try:
        while left > 0 and (remaining_s := deadline - time.monotonic()) > 0:
            connection.settimeout(remaining_s)
            size = len(connection.recv(65536))
            if size == 0:
                return
            left -= size
    except OSError:     # TimeoutError is one
        return
