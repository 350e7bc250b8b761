"""Oracles as processes of their own, each with its own cable: a liar stands alone, and a lying node gets nothing."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen

import pytest
from eth_account import Account
from sqlmodel import Session, col, select

from energy.errors import Unavailable
from energy.identity import hex_text
from metering.files.csv_row import HEADER, encode_row
from node.api.community_pages import alerts
from node.app import Node
from node.community import Community
from node.storage.models import AttestationRow
from oracles.hashing import keccak
from oracles.signatures import address_of
from tests.support.certificates_tls import make_authority, make_certificate
from tests.support.real_node import FIRST, LABELS, LENGTH_S, SERIALS, Homes, hear, homes_of, running, tick_at

ROOT = Path(__file__).parents[2]
KEYS = {2: keccak(b"oracle-2"), 3: keccak(b"oracle-3")}


def _write_oracle(folder: Path, number: int, community: Community, listen: int) -> Path:
    own = folder / f"oracle-{number}"
    own.mkdir()
    (own / "key.json").write_text(json.dumps(Account.encrypt(KEYS[number], "p", kdf="pbkdf2", iterations=1)))
    (own / "password").write_text("p\n")
    (own / "community.json").write_text(community.to_json())
    (own / "own.csv").write_bytes(HEADER + b"\n")
    sources = "".join(f'{label} = "csv:own.csv"\n' for label in LABELS)
    (own / "oracle.toml").write_text(
        f'listen = "127.0.0.1:{listen}"\nca = "../ca.pem"\ncertificate = "../signer.pem"\nkey_file = "../signer.key"\n'
        f"chain_id = {community.chain_id}\nreadings = '{hex_text(community.contracts.readings)}'\n"
        f"settlement = '{hex_text(community.contracts.settlement)}'\nguard = 'key.signed'\n"
        "community = 'community.json'\n"
        f"[key]\nbackend = 'keystore'\nfile = 'key.json'\npassword_file = 'password'\n[sources]\n{sources}"
    )
    return own


@contextmanager
def oracle_processes(folder: Path) -> Iterator[dict[int, Path]]:
    """Run two oracles; give the folder of each. The third is the node's own."""
    community = Community.load(folder / "community.json")
    authority = make_authority(folder)
    for name in ("signer", "client"):
        make_certificate(folder, name, authority)
    processes, folders, tables = [], {}, ""
    try:
        for number in KEYS:
            folders[number] = _write_oracle(folder, number, community, 0)
            command = [sys.executable, "-m", "node.cli.main", "--json", "oracle", "serve"]
            file = str(folders[number] / "oracle.toml")
            process = Popen([*command, file], cwd=ROOT, stdout=-1, text=True)
            processes.append(process)
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            tables += (
                f"[oracle-{number}]\nbackend = 'remote'\nurl = 'https://127.0.0.1:{port}'\nca = 'ca.pem'\n"
                f"address = '{hex_text(address_of(KEYS[number]))}'\ncertificate = 'client.pem'\n"
                "key_file = 'client.key'\n"
            )
        (folder / "signers.toml").write_text(tables)
        yield folders
    finally:
        for process in processes:
            process.terminate()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


def _show(homes: Homes, own: Path, instant: int, off_wh: int = 0) -> None:
    with open(own / "own.csv", "ab") as file:
        for label in LABELS:
            imported, exported = homes.registers[label]
            file.write(encode_row(SERIALS[label], instant, imported + off_wh * (label == "H02"), exported) + b"\n")


def _signers(node: Node, interval: int) -> set[str]:
    with Session(node.projection.engine) as session:
        row = session.exec(select(AttestationRow).where(col(AttestationRow.interval) == interval)).one()
    return set(json.loads(row.signatures))


async def _attested(node: Node, interval: int) -> None:
    """Tick until the oracles have read their files and an interval is attested."""
    async with asyncio.timeout(30):
        while node.measuring.attested_through < interval:
            try:
                await node.tick()
            except Unavailable:
                await asyncio.sleep(0.2)


def test_a_lying_oracle_stands_alone_and_a_lying_node_gets_nothing(folder: Path) -> None:
    async def check(folders: dict[int, Path]) -> None:
        names = {number: hex_text(address_of(key)) for number, key in KEYS.items()}
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                for number in range(3):
                    instant = FIRST + number * LENGTH_S
                    homes.use("H02", import_wh=100)
                    for oracle, own in folders.items():
                        _show(homes, own, instant, 50 * (oracle == 3 and number == 2))
                    with suppress(Unavailable):
                        await hear(node, homes, instant)
                    await _attested(node, instant - LENGTH_S)
                assert _signers(node, FIRST + LENGTH_S) & set(names.values()) == {names[2]}, "the liar stands alone"
                # From here on it is the node's own reader that lies.
                instant = FIRST + 3 * LENGTH_S
                for own in folders.values():
                    _show(homes, own, instant)
                homes.use("H02", import_wh=500)
                with pytest.raises(Unavailable, match="oracles"):
                    await hear(node, homes, instant)
                await asyncio.sleep(2)  # until both have read their files
                with pytest.raises(Unavailable, match="do not agree"):
                    await node.tick()
                assert node.measuring.attested_through == FIRST + LENGTH_S
                (said,) = alerts(node.status(), node.concerns())
                assert "the meter of H02 told oracle" in said

    with oracle_processes(folder) as folders:
        asyncio.run(check(folders))
