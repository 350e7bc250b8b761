"""Serving a node: its JSON-RPC and its web pages on two ports of one event loop, until told to stop."""

import asyncio
import contextlib
import errno
import gc
import signal
import socket
import ssl
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from dispatch.goals import Goals
from energy.errors import Misconfigured
from node.api.app import create_web_app
from node.app import Node
from node.chain.launcher import Sealing
from node.chain.seal import read_sealer
from node.clock import SystemClock
from node.coop.ballots import Ballots
from node.integrations.home_assistant import Publisher, broker_of
from node.integrations.webhooks import Webhook, receiver_of
from node.interconnect.options import SERVER, SILENCE_S, LinkOptions
from node.planning.storage_plan import StoragePlanFile
from node.readings.clock_discipline import kernel_clock
from node.rpc.app import create_rpc_app
from node.rpc.connections import PatientProtocol
from node.rules.carrying import Rules
from node.short_turns import SHORT, take_turns
from node.signing.held_keys import HeldKeys
from node.signing.keys import SEALER_FILE
from node.standby.log_following import tell_replaced

RPC_PORT = 8545
WEB_PORT = 8080
SOURCES_FOLDER = "sourcify"
"""In the node's folder: where `scripts.explorer_contracts --sourcify` puts the sources that are served."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where a node listens."""

    host: str = "127.0.0.1"
    rpc_port: int | None = None
    """None for `RPC_PORT`, or any free port when that is taken."""
    web_port: int | None = None
    """None for `WEB_PORT`, or any free port when that is taken."""
    allowed_hosts: tuple[str, ...] = ()
    """Names, besides localhost and addresses, under which browsers may reach this node."""
    auditors: tuple[str, ...] = ()
    """Accounts whose wallets may see all bills on the page."""
    operators: tuple[str, ...] = ()
    """The same for those who run the node."""
    tls: str | None = None
    """A file with certificate chain and private key (PEM): both ports speak TLS then; None for plain HTTP."""
    mqtt: str | None = None
    """``mqtt://HOST:PORT`` of the broker through which Home Assistant is told; None for none."""
    mqtt_accounts: tuple[str, ...] = ()
    """Accounts with sensors of their own there."""
    webhooks: tuple[str, ...] = ()
    """Where every event is posted to."""
    seal_every_s: int = 0
    """Seconds from a block of the node's own chain to the next; 0 to seal at once."""
    await_standby: bool = False
    """Whether nothing on that chain counts as done before a standby has it."""
    link_server: str = SERVER
    """URL of the community's own NATS server."""
    link_offer_lead_s: int | None = None
    """As in `LinkOptions`, like the two that follow."""
    link_close_lead_s: int | None = None
    link_silence_s: int = SILENCE_S
    goal_carbon_ueur_per_g: int = 0
    """As in `Goals`, like the two that follow."""
    goal_peak_ueur_per_kw: int = 0
    goal_reserve_permille: int = 0

    @property
    def goals(self) -> Goals:
        """What members' plans are to care for besides the bill."""
        return Goals(self.goal_carbon_ueur_per_g, self.goal_peak_ueur_per_kw, self.goal_reserve_permille)


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class AppServer:
    """One application on one port."""

    def __init__(self, host: str, wanted: int | None, usual: int, tls: str | None = None) -> None:
        """Bind the port that is wanted; for None the usual one, or any free one when that is taken.

        Args:
            host: Address to listen at.
            wanted: Port.
            usual: Port for when none is wanted.
            tls: PEM file with certificate and private key; None for plain HTTP.
        Raises:
            Misconfigured: a port that was asked for is taken, or there is no certificate where one was to be.
        """
        if tls is not None:
            _check_certificate(tls)
        self._tls = tls
        self._socket = _bind(host, wanted, usual)
        self.port = int(self._socket.getsockname()[1])
        self.url = f"{'http' if tls is None else 'https'}://{host}:{self.port}"
        self._serving: tuple[_Server, asyncio.Task[Any]] | None = None

    async def start(self, app: Any) -> None:
        """Begin to answer."""
        server = _server(app, self._tls)
        self._serving = server, asyncio.create_task(server.serve(sockets=[self._socket]))
        while not server.started:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop answering, and give the port free."""
        if self._serving is not None:
            server, task = self._serving
            server.should_exit = True
            await asyncio.gather(task, return_exceptions=True)
        self.close()

    def close(self) -> None:
        """Give the port free."""
        self._socket.close()


class Servers:
    """The two listening servers of one node."""

    def __init__(self, node: Node, options: ServeOptions) -> None:
        """Bind both ports.

        Raises:
            Misconfigured: a port that was asked for is taken, or there is no certificate where one was to be.
        """
        self._node = node
        self._options = options
        self._rpc = AppServer(options.host, options.rpc_port, RPC_PORT, options.tls)
        try:
            self._web = AppServer(options.host, options.web_port, WEB_PORT, options.tls)
        except Misconfigured:
            self._rpc.close()
            raise
        self._held = HeldKeys(node.folder)
        self._rules = Rules(node, node.queries, self._held, node.folder, node.settlement_domain, node.community.market)
        self._ballots = _ballots(node)
        self._carrying: asyncio.Task[None] | None = None
        self.rpc_url = self._rpc.url
        self.web_url = self._web.url

    async def start(self) -> None:
        """Begin to answer."""
        node, options = self._node, self._options
        storage_plan = StoragePlanFile(node.folder)
        await self._rpc.start(
            create_rpc_app(
                node,
                node.queries,
                node.requests,
                node.events,
                allowed_hosts=options.allowed_hosts,
                sources=node.folder / SOURCES_FOLDER,
                rules=self._rules,
                ballots=self._ballots,
                plan_of=storage_plan.read,
                goals=options.goals,
            )
        )
        await self._web.start(
            create_web_app(
                node,
                node.queries,
                node.client,
                node.events,
                allowed_hosts=options.allowed_hosts,
                auditors=options.auditors,
                operators=options.operators,
                rpc_port=self._rpc.port,
                storage_plan=storage_plan,
                held=self._held,
                ballots=self._ballots,
                rules=self._rules,
                folder=node.folder,
                goals=options.goals,
            )
        )
        self._carrying = asyncio.create_task(self._rules.run())

    async def stop(self) -> None:
        """Stop answering, and carrying rules out."""
        if self._carrying is not None:
            self._carrying.cancel()
        await asyncio.gather(self._rpc.stop(), self._web.stop())


@contextlib.contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Give an event that Ctrl-C or SIGTERM sets, until the block is left; enter it before telling anybody."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def run_until(stop: asyncio.Event, working: Coroutine[Any, Any, None]) -> None:
    """Let something work that never ends by itself, until an event is set or the work fails.

    Raises:
        BaseException: what the work raised.
    """
    tasks = [asyncio.create_task(working), asyncio.create_task(_wait(stop))]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


def keep_for_good() -> None:
    """Let the collector of garbage pass over all that is there: it takes 150 ms, in which nobody is answered."""
    gc.collect()
    gc.freeze()


async def serve_node(folder: Path, options: ServeOptions, announce: Any) -> None:
    """Run the node of a founded community until it is told to stop.

    Args:
        folder: Of the community.
        options: Where to listen.
        announce: Is called with the node and its servers when everything answers.
    """
    take_turns(SHORT)
    sealing = Sealing(options.seal_every_s, options.await_standby)
    links = LinkOptions(
        options.link_server, options.link_offer_lead_s, options.link_close_lead_s, options.link_silence_s
    )
    node = await Node.open(folder, SystemClock(), sealing=sealing, links=links, discipline=kernel_clock)
    try:
        servers = Servers(node, options)
        tellers = [asyncio.create_task(each) for each in _tellers(node, options)]
        await servers.start()
        keep_for_good()
        try:
            with stop_signals() as stop:
                announce(node, servers)
                await run_until(stop, node.run())
        finally:
            await node.wind_down()
            node.events.close()
            for teller in tellers:
                teller.cancel()
            await asyncio.gather(*tellers, return_exceptions=True)
            await servers.stop()
    finally:
        await node.close()


def _tellers(node: Node, options: ServeOptions) -> list[Coroutine[Any, Any, None]]:
    """Return what tells others of the node for as long as it runs.

    Raises:
        Misconfigured: an address is none.
    """
    sealer = read_sealer(node.folder / "keys" / SEALER_FILE)
    tellers = [tell_replaced(node.folder, node.community.chain_id, sealer)]
    tellers += [Webhook(receiver_of(url), node, node.events).run() for url in options.webhooks]
    if options.mqtt is not None:
        broker = broker_of(options.mqtt, options.mqtt_accounts)
        tellers.append(Publisher(broker, node, node.queries, node.events, StoragePlanFile(node.folder).read).run())
    return tellers


def _ballots(node: Node) -> Ballots | None:
    cooperative = node.community.contracts.cooperative
    return None if cooperative is None else Ballots(node.ledger, node.community.chain_id, cooperative)


def _server(app: Any, tls: str | None) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            log_level="warning",
            lifespan="off",
            access_log=False,
            ws_per_message_deflate=False,  # or each message to each subscriber is compressed anew
            timeout_graceful_shutdown=1,
            ssl_certfile=tls,
        )
    )


def _check_certificate(path: str) -> None:
    """Raise Misconfigured unless a file holds a certificate and its private key."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(path)
    except OSError as error:  # an SSLError is one
        reason = error.strerror or str(error)
        raise Misconfigured(f"{path} holds no certificate with its private key in PEM: {reason}") from None


def _bind(host: str, wanted: int | None, usual: int) -> socket.socket:
    for port in (usual, 0) if wanted is None else (wanted,):
        # Named as TCP, or asyncio does not switch Nagle's algorithm off and every answer waits 40 ms for an ACK.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as error:
            bound.close()
            if error.errno == errno.EADDRINUSE and wanted is None:
                continue
            raise Misconfigured(f"can not listen on {host}:{port} ({error.strerror}): choose another port") from error
        return bound
    raise Misconfigured(f"no port is free on {host}")
