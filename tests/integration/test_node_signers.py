"""A node whose keys change hands: from keystores to a token, both valid for a while, no interval without its quorum."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from eth_account import Account
from sqlmodel import Session, col, select

from energy.identity import hex_text
from node.app import Node
from node.signing.keys import KeyPair
from node.storage.models import AttestationRow, RunRow
from oracles.hashing import keccak
from oracles.token_signer import TokenPlace, generate_key
from tests.support.real_node import FIRST, LENGTH_S, Homes, copy_of, found, hear, homes_of, running, tick_at
from tests.support.softhsm import MODULE, TOKEN, make_token, needs_softhsm

NEW_ATTESTOR = keccak(b"the attestor that follows")


def _signers(node: Node, interval: int) -> set[str]:
    with Session(node.projection.engine) as session:
        row = session.exec(select(AttestationRow).where(col(AttestationRow.interval) == interval)).one()
    return set(json.loads(row.signatures))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A community whose operator decides on keys."""
    found(tmp_path / "node", members_decide=False)
    return tmp_path / "node"


@needs_softhsm
def test_a_token_takes_over_from_a_keystore_with_an_overlap(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def check(new: str) -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                old = hex_text(node.measuring._signers[0].address)
                await tick_at(node, FIRST - 1_200)
                await _four_intervals(node, homes)
                for number, valid in enumerate([{old, new}, {old, new}, {old, new}, {new}]):
                    assert _signers(node, FIRST + number * LENGTH_S) & {old, new} == valid
                with Session(node.projection.engine) as session:
                    runs = session.exec(select(RunRow)).all()
                assert len(runs) == 2
                followed = hex_text(node.settling._attestors[0].address)
                assert not any(followed in run.signatures for run in runs), "its time is over"

    with make_token(tmp_path_factory.mktemp("token")) as pin_file:
        made = generate_key(TokenPlace(MODULE, TOKEN, "oracle-1-of-a-node", pin_file))
        (folder / "attestor.json").write_text(
            json.dumps(Account.encrypt(NEW_ATTESTOR, "p", kdf="pbkdf2", iterations=1))
        )
        (folder / "password").write_text("p\n")
        at = datetime.fromtimestamp(FIRST - 3 * LENGTH_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        late = datetime.fromtimestamp(FIRST + 3 * LENGTH_S - 3_600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        (folder / "signers.toml").write_text(
            f"[oracle-1-next]\nbackend = 'pkcs11'\nmodule = '{MODULE}'\ntoken = '{TOKEN}'\nkey = 'oracle-1-of-a-node'\n"
            f"pin_file = '{pin_file}'\nvalid_from = {late}\noverlap_h = 1\n"
            "[attestor-1-next]\nbackend = 'keystore'\nfile = 'attestor.json'\npassword_file = 'password'\n"
            f"valid_from = {at}\noverlap_h = 1\n"
        )
        asyncio.run(check(hex_text(made.address)))


async def _four_intervals(node: Node, homes: Homes) -> None:
    await hear(node, homes, FIRST)
    for number in range(1, 5):
        homes.use("H01", export_wh=100)
        assert (await hear(node, homes, FIRST + number * LENGTH_S)).attested


def test_where_members_decide_a_rotation_waits_for_them(
    founded: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copy_of(founded, tmp_path / "decided")
    (folder / "attestor.json").write_text(json.dumps(Account.encrypt(NEW_ATTESTOR, "p", kdf="pbkdf2", iterations=1)))
    (folder / "password").write_text("p\n")
    (folder / "signers.toml").write_text(
        "[attestor-1-next]\nbackend = 'keystore'\nfile = 'attestor.json'\npassword_file = 'password'\n"
        "valid_from = 2025-07-01T11:30:00Z\noverlap_h = 1\n"
    )

    async def check() -> None:
        async with running(folder, FIRST - 1_200) as node:
            assert not await node.ledger.read(
                "Registry", "isAttestor", KeyPair.from_private(NEW_ATTESTOR).address, FIRST
            )

    asyncio.run(check())
    assert "resilia coop propose registry addAttestor" in caplog.text
