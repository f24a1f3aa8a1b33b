"""A certificate authority for a test, and server certificates signed by it."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

A_DAY = datetime.timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Self-signed; writes PEM files below `folder`."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        certificate = self._signed(name, self._key, [x509.BasicConstraints(ca=True, path_length=0)])
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _signed(self, subject: str, key, extensions, *, days: int = 1) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        until = now + days * A_DAY
        builder = x509.CertificateBuilder(
            _name(self._name), _name(subject), key.public_key(), x509.random_serial_number(),
            min(now, until) - A_DAY, until)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256())

    def issue(self, host: str, *, days: int = 1) -> tuple[Path, Path]:
        """Certificate and key files for a host name or address; `days` below 0: expired."""
        try:
            named: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            named = x509.DNSName(host)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(
            host, key, [x509.SubjectAlternativeName([named]), x509.BasicConstraints(ca=False, path_length=None)],
            days=days)
        chain, private = self._folder / f"{host}.pem", self._folder / f"{host}.key"
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return chain, private

    def server_context(self, host: str, *, days: int = 1) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(host, days=days))
        return context
