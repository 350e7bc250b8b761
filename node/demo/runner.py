"""`resilia demo`: found the street, live its day, prove it, show it, and keep serving."""

import asyncio
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from dispatch.site_plan import SitePlanner
from energy.errors import Corrupt, EnergyNodeError, Misconfigured
from energy.interval import QUARTER_HOUR_S
from market.mechanism import Mechanism
from node.app import Node, TickReport
from node.clock import SimulatedClock
from node.coop.founding import is_founded
from node.demo import proofs
from node.demo.checkpoint import Checkpoint
from node.demo.client import RpcClient
from node.demo.day import Day, Flow, Leaps, Meters, Stage
from node.demo.founding import found_demo, market_of
from node.demo.guest import Guest
from node.demo.proofs import Proof
from node.demo.residents import LINKY_HOMES, settle_in
from node.demo.screen import Screen
from node.demo.street import load_street
from node.demo.summary import summarise
from node.external.settings import ExternalChain
from node.i18n import gettext as _
from node.i18n import use_language
from node.serve import ServeOptions, Servers, run_until, stop_signals

DEFAULT_DAY = date(2017, 5, 2)
"""A sunny day of spring, with more sun at noon than the homes can use or store."""
EXIT_FAILED = 1
EXIT_PROOF_FAILED = 3
EXIT_CORRUPT = 70
EXIT_MISCONFIGURED = 78


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the person at the terminal asked for."""

    exit: bool = False
    json: bool = False
    speed: Fraction | None = None
    """Simulated seconds per second; None for full speed."""
    later_speed: Fraction = Fraction(1)
    """The same after the day."""
    homes: int = 17
    day: date | None = None
    seed: int = 1
    mechanism: Mechanism = Mechanism.CONTINUOUS
    keep: Path | None = None
    """Folder to keep and to resume from; None keeps nothing."""
    rpc_port: int | None = None
    web_port: int | None = None
    lang: str = "en"
    chain_url: str | None = None
    """JSON-RPC of the network that the ledger is put on; None for a chain of its own."""


def run(options: DemoOptions) -> int:
    """Run the demo and return the exit code: 0, or 3 when a proof failed."""
    use_language(options.lang)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="resilia-demo-"))
    try:
        return asyncio.run(_run(options, folder))
    except Misconfigured as error:
        print(error, file=sys.stderr)
        return EXIT_MISCONFIGURED
    except Corrupt as error:
        print(error, file=sys.stderr)
        return EXIT_CORRUPT
    except EnergyNodeError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


async def _live(stage: Stage, rpc: RpcClient, checkpoint: Checkpoint, options: DemoOptions, screen: Screen) -> Day:
    """Live the day, with a bar, a line per interval and a line per run; return it, to be lived on."""
    certificates = proofs.certificate_count(stage.node)
    steps = len(stage.street.intervals)
    screen.begin(_("The day"), steps)

    def watch(step: int, report: TickReport) -> None:
        nonlocal certificates
        for run in report.settled:
            certificates += run.certificates
            screen.run(run)
        for closed in report.closed:
            if closed.interval in stage.street.intervals:  # a book of the next day is open already
                screen.interval(closed, certificates)
        screen.at(min(step, steps))

    speed = float(options.speed) if options.speed else None
    day = Day(stage, rpc, checkpoint, Leaps(speed), watch)
    try:
        await day.run()
    finally:
        screen.end()
    return day


async def _prove(stage: Stage, options: DemoOptions, screen: Screen) -> tuple[dict[str, Any], list[Proof]]:
    """Return the figures of the day, and everything that was checked of it."""
    node = stage.node
    figures = summarise(node, stage.street, stage.residents, stage.planner)
    screen.begin(_("Verifying every certificate"), 1)
    evidence = await proofs.evidence_verifies(node, screen.progress)
    screen.end()
    replay = await proofs.journal_replays(node)
    nets = await proofs.nets_sum_to_zero(node)
    proven = [
        nets,
        await proofs.supply_is_unchanged(node),
        proofs.certificates_cover_export(node),
        proofs.fills_respect_limits(node),
        replay,
        evidence,
        await proofs.tampering_is_found(node, options.seed),
    ]
    figures |= {
        "seed": options.seed,
        "day": str(stage.street.day),
        "mechanism": options.mechanism,
        "net_sum_neur": nets.detail["net_sum_neur"],
        "journal_hash": "0x" + node.trading.journal_hash.hex(),
        "replayed_hash": replay.detail["replayed_hash"],
        "evidence_checked": evidence.detail["checked"],
        "evidence_failed": evidence.detail["failed"],
        "evidence_bytes_max": evidence.detail["bytes_max"],
        "proofs": {proof.name: proof.ok for proof in proven},
    }
    return figures, proven


def _checkpoint(folder: Path, options: DemoOptions, day: date) -> Checkpoint:
    """Return where the folder's demo stands; a new one starts at the beginning.

    Raises:
        Misconfigured: the folder holds another demo.
    """
    wanted = Checkpoint(options.seed, str(day), options.homes, options.mechanism)
    found = Checkpoint.load(folder)
    if found is None:
        return wanted
    if found.options != wanted.options:
        raise Misconfigured(
            f"{folder} holds the demo of {found.options}: give the same options to resume it, or name a new folder"
        )
    return found


async def _run(options: DemoOptions, folder: Path) -> int:
    started = time.monotonic()
    screen = Screen()
    day = options.day or DEFAULT_DAY
    street = load_street(day, options.homes)
    checkpoint = _checkpoint(folder, options, day)
    planner = SitePlanner(QUARTER_HOUR_S)
    screen.introduce(options.homes, min(LINKY_HOMES, options.homes), str(day), options.seed)
    market = market_of(options.mechanism)
    residents, guest = settle_in(street, options.seed, market, planner), Guest.of(options.seed)
    if not is_founded(folder):
        screen.begin(_("Founding the community"), 1)
        external = ExternalChain(options.chain_url) if options.chain_url else None

        def told(_what: str, done: int, of: int) -> None:
            screen.progress(done, of)

        await found_demo(folder, options.seed, street, residents, guest, market, told, external)
        screen.end()
    clock = SimulatedClock(max(checkpoint.now, street.start - QUARTER_HOUR_S))
    meters = Meters(folder, residents, [guest.serial])
    node = await Node.open(folder, clock, manual_time=True)
    try:
        if checkpoint.step:
            head = node.status()["head"]["number"]
            screen.say(_("Resumed at block #{head}.").format(head=head))
        stage = Stage(node, clock, street, residents, planner, meters)
        servers = Servers(node, ServeOptions(rpc_port=options.rpc_port, web_port=options.web_port))
        await servers.start()
        rpc = RpcClient(servers.rpc_url)
        try:
            lived = await _live(stage, rpc, checkpoint, options, screen)
            figures, proven = await _prove(stage, options, screen)
            figures["wall_s"] = round(time.monotonic() - started, 1)
            screen.summary(figures, proven)
            with stop_signals() as stop:
                if not options.exit:
                    kept = options.keep is not None
                    screen.banner(servers.web_url, servers.rpc_url, node.community.chain_id, str(folder), kept)
                if options.json:
                    print(json.dumps({"schema": "resilia/demo/1", **figures}), flush=True)
                if not options.exit:
                    await run_until(stop, lived.live_on(Flow(float(options.later_speed))))
            return 0 if all(proof.ok for proof in proven) else EXIT_PROOF_FAILED
        finally:
            await rpc.close()
            node.events.close()
            await servers.stop()
    finally:
        await node.close()
        meters.close()
