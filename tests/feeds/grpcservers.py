"""gRPC servers of two implementations with one behaviour: grpcio's, and grpc-java's on Netty.

The request is "COUNT SIZE CODE WORDS": COUNT messages follow, the i-th of SIZE + i bytes of the value i, then the
status CODE with WORDS. The jars come from Maven once; Java runs the source file itself, and so needs a JDK.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc

ROOT = Path(__file__).resolve().parent.parent.parent
GRPC_JAVA_VERSION = "1.85.1"
FETCHES_WITHIN_S = 280.0
QUICK_START = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>ingestor</groupId><artifactId>grpc-for-tests</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency>
<groupId>io.grpc</groupId><artifactId>grpc-netty-shaded</artifactId><version>{GRPC_JAVA_VERSION}</version>
</dependency></dependencies>
</project>
"""


class Wanted:
    """One request, and what it must bring."""

    def __init__(self, count: int, size: int, code: int = 0, words: str = "") -> None:
        self.request = f"{count} {size} {code} {words}".encode()
        self.messages = [bytes([i & 0xFF]) * (size + i) for i in range(count)]
        self.code = code
        self.words = words


class Echo(grpc.GenericRpcHandler):
    """grpcio's server side."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_stream_rpc_method_handler(self.stream)

    def stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        count, size, code, words = request.decode().split(" ", 3)
        yield from Wanted(int(count), int(size)).messages
        context.set_code(next(each for each in grpc.StatusCode if each.value[0] == int(code)))
        context.set_details(words)


@contextmanager
def grpcio_server(chain: Path | None = None, key: Path | None = None) -> Iterator[int]:
    """The port of a running server."""
    threads = ThreadPoolExecutor(8)
    server = grpc.server(threads, (Echo(),), options=(("grpc.max_send_message_length", -1),))
    if chain is None or key is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port(
            "127.0.0.1:0", grpc.ssl_server_credentials([(key.read_bytes(), chain.read_bytes())]))
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()
        threads.shutdown()


def java_is_missing() -> str:
    """What is missing to run the other server; empty: nothing."""
    return ", ".join(tool for tool in ("javac", "mvn") if shutil.which(tool) is None)


def jars() -> Path:
    """The folder of grpc-java's jars, fetched by Maven the first time."""
    folder = ROOT / "build" / "grpc-java"
    done = folder / f".complete-{GRPC_JAVA_VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            (folder / "pom.xml").write_text(POM)
            subprocess.run(
                ["mvn", "-q", "-B", "-f", folder / "pom.xml", "dependency:copy-dependencies",
                 f"-DoutputDirectory={folder}", "-DincludeScope=runtime"], check=True, timeout=FETCHES_WITHIN_S)
            done.touch()
    return folder


@contextmanager
def java_server(chain: Path | None = None, key: Path | None = None) -> Iterator[int]:
    """The port of a running server in a JVM of its own."""
    tls = () if chain is None or key is None else (str(chain), str(key))
    process = subprocess.Popen(
        ["java", *QUICK_START, "-cp", f"{jars()}/*", str(Path(__file__).parent / "GrpcServer.java"), *tls],
        stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.strip().isdigit(), f"the server said {said!r} and ended with {process.poll()}"
        yield int(said)
    finally:
        process.kill()
        process.communicate()
