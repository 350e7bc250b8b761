"""Real `nats-server` processes on loopback, one per community, with keys, passwords and TLS of their own."""

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import nkeys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from node.interconnect.server_files import ChildAccess, ParentAccess, Tls, server_configuration

BINARY = shutil.which("nats-server") or "/usr/sbin/nats-server"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass(slots=True)
class NatsServer:
    """One community's server."""

    name: str
    folder: Path
    children: tuple[str, ...] = ()
    parent: "NatsServer | None" = None
    tls: Tls | None = None
    port: int = field(default_factory=free_port)
    hub_port: int = field(default_factory=free_port)
    seed: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()

    def start(self) -> None:
        """Start it and wait until it listens."""
        if not self.seed:
            self.seed = bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)).decode()
        public = nkeys.from_seed(bytearray(self.seed.encode())).public_key.decode()
        text = server_configuration(
            self.name,
            self.folder / self.name,
            public,
            f"127.0.0.1:{self.port}",
            hub_listen=f"127.0.0.1:{self.hub_port}" if self.children else "",
            children=tuple(ChildAccess(each, f"password-of-{each}") for each in self.children),
            parent=self._parent_access(),
            tls=self.tls,
        )
        path = self.folder / f"{self.name}.conf"
        path.write_text(text)
        with (self.folder / f"{self.name}.err").open("wb") as said:
            self.process = subprocess.Popen(
                [BINARY, "-c", str(path), "-l", str(self.folder / f"{self.name}.log")],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError((self.folder / f"{self.name}.err").read_text())

    def _parent_access(self) -> ParentAccess | None:
        if self.parent is None:
            return None
        return ParentAccess(self.parent.name, "127.0.0.1", self.parent.hub_port, f"password-of-{self.name}")

    def stop(self) -> None:
        """Kill it: whatever it has acknowledged is on its disk."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def certificate(folder: Path) -> Tls:
    """Return a new authority's certificate for 127.0.0.1."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "link")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "link.crt", folder / "link.key"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Tls(certificate_file, key_file, certificate_file)
