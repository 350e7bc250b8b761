import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Misconfigured
from energy.identity import Address
from node.chain.genesis import BLOCK_GAS_LIMIT, GENESIS_FILE, Genesis, read_genesis
from tests.support.chain import GENESIS


def test_survives_its_file(tmp_path: Path) -> None:
    (tmp_path / GENESIS_FILE).write_text(GENESIS.to_json())
    assert read_genesis(tmp_path) == GENESIS
    assert GENESIS.gas_limit == BLOCK_GAS_LIMIT


def test_text_and_digest_do_not_depend_on_the_sequence_of_accounts() -> None:
    turned = dataclasses.replace(GENESIS, alloc=dict(sorted(GENESIS.alloc.items(), reverse=True)))
    assert turned.to_json() == GENESIS.to_json()
    assert turned.digest() == GENESIS.digest()


def test_digest_fits_into_extra_data() -> None:
    assert len(GENESIS.digest()) == 32


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 0},
        {"chain_id": 2**53},
        {"timestamp": -1},
        {"timestamp": 2**63},
        {"gas_limit": 4_999},
        {"gas_limit": 2**63},
        {"alloc": {Address(bytes(20)): -1}},
        {"alloc": {Address(bytes(20)): 2**256}},
    ],
    ids=str,
)
def test_refuses_values_out_of_range(change: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        dataclasses.replace(GENESIS, **change)


def _document(**changes: object) -> str:
    document = json.loads(GENESIS.to_json()) | changes
    return json.dumps({key: value for key, value in document.items() if value is not None})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        _document(chainId=None),
        _document(chian_id=1),
        _document(chainId="1"),
        _document(chainId=True),
        _document(gasLimit=2.5),
        _document(sealer="0x12"),
        _document(sealer=7),
        _document(alloc=[]),
        _document(alloc={"0x12": "1"}),
        _document(alloc={"0x" + "22" * 20: "much"}),
    ],
)
def test_refuses_files_of_another_form(text: str) -> None:
    with pytest.raises(Misconfigured, match="genesis file"):
        Genesis.from_json(text)
