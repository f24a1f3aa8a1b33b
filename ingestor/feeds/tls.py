"""TLS for the doors: always verified; a private authority replaces the public ones."""

import ssl

from ingestor.errors import ConfigError


def context(ca_file: str | None) -> ssl.SSLContext:
    """A client context that verifies certificate and host name. `ca_file`: PEM, the only ones trusted.

    Raises ConfigError when the file can't be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:    # ssl.SSLError, too
        raise ConfigError(f"tls_ca_file {ca_file!r}: {error}; give a readable PEM file of certificates") from error


def is_wanted(url: str) -> bool:
    """Whether the URL asks for TLS. A bare `host:port` does: gRPC endpoints are written so."""
    return not url.startswith(("ws://", "http://", "grpc://"))
