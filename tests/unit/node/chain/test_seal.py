from pathlib import Path

import pytest
from eth_keys.datatypes import PrivateKey

from energy.errors import Misconfigured
from node.chain.seal import Sealer, read_sealer, seal_signer
from oracles.hashing import keccak
from tests.support.chain import CHAIN_ID, SEALER, SEALER_KEY, write_sealer_key

BLOCK = keccak(b"a block")


def test_a_seal_recovers_its_sealer() -> None:
    seal = SEALER.seal(CHAIN_ID, BLOCK)
    assert len(seal) == 65
    assert seal_signer(CHAIN_ID, BLOCK, seal) == SEALER.address
    assert PrivateKey(SEALER_KEY).public_key.to_canonical_address() == SEALER.address


def test_a_seal_is_deterministic() -> None:
    assert SEALER.seal(CHAIN_ID, BLOCK) == SEALER.seal(CHAIN_ID, BLOCK)


def test_a_seal_of_another_chain_or_block_recovers_somebody_else() -> None:
    seal = SEALER.seal(CHAIN_ID, BLOCK)
    assert seal_signer(CHAIN_ID + 1, BLOCK, seal) != SEALER.address
    assert seal_signer(CHAIN_ID, keccak(b"another"), seal) != SEALER.address


@pytest.mark.parametrize("seal", [b"", bytes(64), bytes(65), bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1c"])
def test_what_is_no_seal_is_refused(seal: bytes) -> None:
    with pytest.raises(ValueError):
        seal_signer(CHAIN_ID, BLOCK, seal)


def test_reads_the_key_that_an_operator_keeps(tmp_path: Path) -> None:
    path = write_sealer_key(tmp_path)
    assert read_sealer(path).address == SEALER.address
    path.write_text("0x" + SEALER_KEY.hex())
    assert read_sealer(path).address == SEALER.address


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (SEALER_KEY.hex(), 0o640, "chmod 600"),
        ("00" * 32, 0o600, "64 hexadecimal digits"),
        ("ab", 0o600, "64 hexadecimal digits"),
        ("sun", 0o600, "64 hexadecimal digits"),
    ],
)
def test_refuses_a_key_file_that_is_open_or_wrong(tmp_path: Path, text: str, mode: int, words: str) -> None:
    path = tmp_path / "sealer.key"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(Misconfigured, match=words):
        read_sealer(path)


def test_refuses_a_missing_key_file(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_sealer(tmp_path / "none")


def test_keys_differ() -> None:
    assert Sealer(b"\x01" * 32).address != SEALER.address
