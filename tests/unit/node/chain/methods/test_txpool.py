from pathlib import Path
from typing import Any

import pytest

from node.chain.chain import Chain
from node.chain.filters import Filters
from node.chain.methods import PUBLIC_METHODS
from node.chain.methods.session import Session
from tests.support.chain import ALICE, BOB, EMITTER, created, decoded, new_chain, signed

ALICES = {str(nonce): decoded(nonce).hash for nonce in (3, 5)}


@pytest.fixture
def chain(tmp_path: Path) -> Any:
    chain = new_chain(tmp_path)
    chain.submit([signed(5), signed(3), created(EMITTER, 2, signer=BOB)])
    yield chain
    chain.close()


def ask(chain: Chain, method: str, *params: Any) -> Any:
    return PUBLIC_METHODS[method](Session(chain, Filters()), *params)


def test_counts_what_waits(chain: Chain) -> None:
    assert ask(chain, "txpool_status") == {"pending": "0x0", "queued": "0x3"}


def test_shows_what_waits_by_sender_and_nonce(chain: Chain) -> None:
    content = ask(chain, "txpool_content")
    assert content["pending"] == {}
    assert set(content["queued"]) == {ALICE.address, BOB.address}
    queued = content["queued"][ALICE.address]
    assert {nonce: item["hash"] for nonce, item in queued.items()} == {
        nonce: "0x" + digest.hex() for nonce, digest in ALICES.items()
    }
    assert queued["3"]["blockHash"] is None
    assert ask(chain, "txpool_contentFrom", ALICE.address) == {"pending": {}, "queued": queued}


def test_shows_each_in_a_line(chain: Chain) -> None:
    lines = ask(chain, "txpool_inspect")["queued"]
    assert lines[ALICE.address]["3"].endswith(": 1 wei + 21000 gas × 1000 wei")
    assert lines[BOB.address]["2"].startswith("contract creation: 0 wei")


def test_a_waiting_transaction_is_found_by_its_hash(chain: Chain) -> None:
    found = ask(chain, "eth_getTransactionByHash", "0x" + ALICES["3"].hex())
    assert (found["nonce"], found["blockNumber"], found["gasPrice"]) == ("0x3", None, hex(1_000))
    assert ask(chain, "eth_getTransactionReceipt", "0x" + ALICES["3"].hex()) is None
