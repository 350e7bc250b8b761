import asyncio
import os
import signal
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from energy.errors import Misconfigured, Unavailable
from node.serve import ServeOptions, Servers, run_until, stop_signals
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.chain_double import ChainDouble
from tests.support.market import SMALL
from tests.support.small_community import CoreDouble, filled_projection
from tests.support.small_node import DOMAIN

NOBODY: Any = None
"""In the place of a node: ports are bound before anything is asked of it."""


def _taken() -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


@pytest.mark.parametrize("which", ["rpc_port", "web_port"])
def test_a_port_that_was_asked_for_and_is_taken_is_named(which: str) -> None:
    with _taken() as taken:
        port = taken.getsockname()[1]
        options = replace(ServeOptions(rpc_port=0, web_port=0), **{which: port})
        # With warnings as errors, a socket that stayed open would fail this test too.
        with pytest.raises(Misconfigured, match=f"127.0.0.1:{port} .*choose another port"):
            Servers(NOBODY, options)


def test_an_address_that_is_not_this_machine_s_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"192\.0\.2\.1:0"):
        Servers(NOBODY, ServeOptions(host="192.0.2.1", rpc_port=0, web_port=0))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_that_is_none_is_named_before_a_port_is_bound(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "street.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Misconfigured, match=r"street\.pem holds no certificate"):
        Servers(NOBODY, ServeOptions(rpc_port=0, web_port=0, tls=str(path)))


def test_with_a_certificate_both_ports_speak_tls(tmp_path: Path) -> None:
    path = tmp_path / "street.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + timedelta(days=36_500))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate + key.private_bytes(*plain))
    trusting = ssl.create_default_context(cadata=certificate.decode())

    class ServedNode(CoreDouble):
        queries = Queries(filled_projection())
        client = ChainDouble()
        events = Broadcaster()
        folder = tmp_path
        requests = client
        settlement_domain = DOMAIN
        community = SimpleNamespace(market=SMALL, contracts=SimpleNamespace(cooperative=None))

    async def check() -> list[int]:
        servers = Servers(cast(Any, ServedNode()), ServeOptions(rpc_port=0, web_port=0, tls=str(path)))
        assert servers.web_url.startswith("https://")
        await servers.start()
        try:
            async with httpx.AsyncClient(verify=trusting) as client:
                urls = (f"{servers.web_url}/healthz", f"{servers.rpc_url}/openrpc.json")
                return [(await client.get(url)).status_code for url in urls]
        finally:
            await servers.stop()

    assert asyncio.run(check()) == [200, 200]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work(number: signal.Signals) -> None:
    async def work(cancelled: list[bool]) -> None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def check() -> list[bool]:
        cancelled: list[bool] = []
        with stop_signals() as stop:
            await asyncio.wait_for(run_until(stop, work(cancelled)), 30)
        return cancelled

    assert asyncio.run(check()) == [True]


def test_a_signal_before_the_work_began_is_not_lost() -> None:
    async def check() -> None:
        with stop_signals() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.wait_for(run_until(stop, asyncio.sleep(1_000)), 30)

    asyncio.run(check())


def test_what_the_work_raises_is_raised() -> None:
    async def work() -> None:
        raise Unavailable("the chain is away")

    async def check() -> None:
        with stop_signals() as stop:
            await run_until(stop, work())

    with pytest.raises(Unavailable, match="the chain is away"):
        asyncio.run(check())


def test_signals_are_given_back() -> None:
    async def check() -> object:
        with stop_signals():
            pass
        return signal.getsignal(signal.SIGTERM)

    assert asyncio.run(check()) is signal.SIG_DFL
