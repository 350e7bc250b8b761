"""Oracles as processes of their own, each with its own cable: what they agree on counts, whatever the node reads."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen

from eth_account import Account
from sqlmodel import Session, col, select

from energy.errors import Unavailable
from energy.identity import hex_text
from metering.files.csv_row import HEADER, encode_row
from node.api.community_pages import alerts
from node.app import Node
from node.coop.community import Community
from node.storage.models import AttestationRow, ReadingRow
from oracles.hashing import keccak
from oracles.signatures import address_of
from tests.support.certificates_tls import make_authority, make_certificate
from tests.support.real_node import FIRST, LABELS, LENGTH_S, SERIALS, Homes, found, hear, homes_of, running, tick_at

ROOT = Path(__file__).parents[2]
KEYS = {number: keccak(f"oracle-{number}".encode()) for number in range(1, 5)}


def _write_oracle(folder: Path, number: int, community: Community, listen: int, facts: str) -> Path:
    own = folder / f"oracle-{number}"
    own.mkdir()
    (own / "key.json").write_text(json.dumps(Account.encrypt(KEYS[number], "p", kdf="pbkdf2", iterations=1)))
    (own / "password").write_text("p\n")
    (own / "community.json").write_text(community.to_json())
    (own / "own.csv").write_bytes(HEADER + b"\n")
    (own / "facts.toml").write_text(facts)
    told = "facts = 'facts.toml'\n" if facts else ""
    sources = "".join(f'{label} = "csv:own.csv"\n' for label in LABELS)
    (own / "oracle.toml").write_text(
        f'listen = "127.0.0.1:{listen}"\nca = "../ca.pem"\ncertificate = "../signer.pem"\nkey_file = "../signer.key"\n'
        f"chain_id = {community.chain_id}\nreadings = '{hex_text(community.contracts.readings)}'\n"
        f"settlement = '{hex_text(community.contracts.settlement)}'\nguard = 'key.signed'\n"
        f"community = 'community.json'\n{told}"
        f"[key]\nbackend = 'keystore'\nfile = 'key.json'\npassword_file = 'password'\n[sources]\n{sources}"
    )
    return own


@dataclass
class Oracles:
    """Oracle processes, by number."""

    folders: dict[int, Path] = field(default_factory=dict)
    processes: dict[int, Popen[str]] = field(default_factory=dict)

    def stop(self, number: int) -> None:
        """End one of them."""
        process = self.processes.pop(number)
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def oracle_processes(folder: Path, numbers: Sequence[int], facts: str = "") -> Iterator[Oracles]:
    """Run some oracles; the node's own reader speaks for those of the founding that are not among them."""
    community = Community.load(folder / "community.json")
    authority = make_authority(folder)
    for name in ("signer", "client"):
        make_certificate(folder, name, authority)
    oracles, tables = Oracles(), ""
    try:
        for number in numbers:
            oracles.folders[number] = _write_oracle(folder, number, community, 0, facts)
            command = [sys.executable, "-m", "node.cli.main", "--json", "oracle", "serve"]
            file = str(oracles.folders[number] / "oracle.toml")
            process = oracles.processes[number] = Popen([*command, file], cwd=ROOT, stdout=-1, text=True)
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            tables += (
                f"[oracle-{number}]\nbackend = 'remote'\nurl = 'https://127.0.0.1:{port}'\nca = 'ca.pem'\n"
                f"address = '{hex_text(address_of(KEYS[number]))}'\ncertificate = 'client.pem'\n"
                "key_file = 'client.key'\n"
            )
            if number > 3:
                tables += f"valid_from = {datetime.fromtimestamp(FIRST - 3_600, UTC).isoformat()}\n"
        (folder / "signers.toml").write_text(tables)
        yield oracles
    finally:
        for number in list(oracles.processes):
            oracles.stop(number)


def _show(homes: Homes, own: Path, instant: int, off_wh: int = 0) -> None:
    with open(own / "own.csv", "ab") as file:
        for label in LABELS:
            imported, exported = homes.registers[label]
            file.write(encode_row(SERIALS[label], instant, imported + off_wh * (label == "H02"), exported) + b"\n")


def _signers(node: Node, interval: int) -> set[str]:
    with Session(node.projection.engine) as session:
        row = session.exec(select(AttestationRow).where(col(AttestationRow.interval) == interval)).one()
    return set(json.loads(row.signatures))


def _reading(node: Node, interval: int, label: str) -> ReadingRow:
    meter = next(each.meter for each in node.community.members if each.label == label)
    with Session(node.projection.engine) as session:
        where = (col(ReadingRow.interval) == interval, col(ReadingRow.meter) == hex_text(meter))
        return session.exec(select(ReadingRow).where(*where)).one()


async def _attested(node: Node, interval: int) -> None:
    """Tick until the oracles have read their files and an interval is attested."""
    async with asyncio.timeout(30):
        while node.measuring.attested_through < interval:
            try:
                await node.tick()
            except Unavailable:
                await asyncio.sleep(0.2)


async def _refused(node: Node, why: str) -> None:
    """Tick until the node says why it signs nothing."""
    async with asyncio.timeout(30):
        while True:
            try:
                await node.tick()
            except Unavailable as error:
                if why in str(error):
                    return
            await asyncio.sleep(0.2)


async def _next(node: Node, homes: Homes, oracles: Oracles, number: int, lies: Mapping[int, int]) -> int:
    """Let an interval pass in which H02 uses 100 Wh; return its start. Some readers are off, in Wh (0: the node's)."""
    instant = FIRST + number * LENGTH_S
    homes.use("H02", import_wh=100)
    for oracle in oracles.processes:
        _show(homes, oracles.folders[oracle], instant, lies.get(oracle, 0))
    homes.use("H02", import_wh=lies.get(0, 0))
    with suppress(Unavailable):
        await hear(node, homes, instant)
    homes.use("H02", import_wh=-lies.get(0, 0))
    return instant - LENGTH_S


def _said(node: Node) -> str:
    (said,) = alerts(node.status(), node.concerns())
    return said


def test_of_three_the_two_that_agree_count_even_against_the_node(folder: Path) -> None:
    async def check(oracles: Oracles) -> None:
        names = {number: hex_text(address_of(KEYS[number])) for number in (1, 2, 3)}
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                for number, lies in enumerate([{}, {}, {3: 50}]):
                    ended = await _next(node, homes, oracles, number, lies)
                    await _attested(node, ended)
                assert _signers(node, ended) == {names[1], names[2]}, "the liar stands alone"
                assert "The meter of H02 told oracle 3 something else" in _said(node)
                ended = await _next(node, homes, oracles, 3, {0: 400})
                await _attested(node, ended)
                assert _reading(node, ended, "H02").import_wh == 100, "the node's own reader is outvoted as well"
                assert names[2] in _signers(node, ended)
                assert "The meter of H02 told oracle 1 something else" in _said(node)
            # What was agreed on is on disk: a node that starts again goes on from it.
            async with running(folder, FIRST + 3 * LENGTH_S) as node:
                ended = await _next(node, homes, oracles, 4, {})
                await _attested(node, ended)
                assert _reading(node, ended, "H02").import_wh == 100

    with oracle_processes(folder, (2, 3)) as oracles:
        asyncio.run(check(oracles))


def test_of_four_one_may_lie_and_one_be_down_and_two_liars_leave_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "community"
    found(folder, members_decide=False)  # so that the operator may let a fourth oracle in

    async def check(oracles: Oracles) -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                for number in range(2):
                    ended = await _next(node, homes, oracles, number, {})
                    await _attested(node, ended)
                assert _signers(node, ended) == {hex_text(address_of(key)) for key in KEYS.values()}
                # The node reads nothing right, and its word does not count: each key has its own eyes.
                ended = await _next(node, homes, oracles, 2, {0: 700, 3: 50, 4: 50})
                await _refused(node, "do not agree")
                assert node.measuring.attested_through == ended - LENGTH_S, "nothing is invented"
                assert "the meter of H02 told" in _said(node)
                oracles.stop(4)
                await _attested(node, ended)
                assert _reading(node, ended, "H02").import_wh == 100
                assert _signers(node, ended) == {hex_text(address_of(KEYS[number])) for number in (1, 2)}
                assert "The meter of H02 told oracle 3 something else" in _said(node)

    with oracle_processes(folder, (1, 2, 3, 4)) as oracles:
        asyncio.run(check(oracles))
