"""What web3.py's own module tests ask for: a node under test, a wallet beside it, and contracts that are there already.

Everything that needs a block is made before the first test, so that tests which leave transactions waiting can not
starve it. The URL of the node is in `RESILIA_TEST_URL`; Alice of `tests.support.chain` is the wallet's account.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
from web3 import AsyncWeb3, Web3
from web3._utils.contract_sources.contract_data._custom_contract_data import EMITTER_ENUM
from web3._utils.contract_sources.contract_data.emitter_contract import EMITTER_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.math_contract import MATH_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.offchain_lookup import OFFCHAIN_LOOKUP_DATA
from web3._utils.contract_sources.contract_data.panic_errors_contract import PANIC_ERRORS_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.revert_contract import REVERT_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.storage_contract import STORAGE_CONTRACT_DATA
from web3._utils.module_testing.utils import RequestMocker

from tests.support.chain import ALICE

URL = os.environ.get("RESILIA_TEST_URL", "")
SOURCES: dict[str, Any] = {
    "math_contract": MATH_CONTRACT_DATA,
    "emitter_contract": EMITTER_CONTRACT_DATA,
    "panic_errors_contract": PANIC_ERRORS_CONTRACT_DATA,
    "revert_contract": REVERT_CONTRACT_DATA,
    "storage_contract": STORAGE_CONTRACT_DATA,
    "offchain_lookup_contract": OFFCHAIN_LOOKUP_DATA,
}


class Scene:
    """What is on the chain before the first test."""

    def __init__(self) -> None:
        self.w3 = Web3(Web3.HTTPProvider(URL))
        self.contracts: dict[str, Any] = {}
        self.receipts: dict[str, Any] = {}
        for name, source in SOURCES.items():
            factory = self.w3.eth.contract(**source)
            self.receipts[name] = self._done(factory.constructor().transact({"from": ALICE.address}))
            self.contracts[name] = factory(address=self.receipts[name]["contractAddress"])
        transfer = {"from": ALICE.address, "to": ALICE.address, "value": 10**9, "gas": 21_000, "gasPrice": 10**10}
        self.block_with_txn = self._block(self.w3.eth.send_transaction(transfer))  # type: ignore[arg-type]
        log_double = self.contracts["emitter_contract"].functions.logDouble
        logging = log_double(which=EMITTER_ENUM["LogDoubleWithIndex"], arg0=12_345, arg1=54_321)
        self.block_with_log = self._block(logging.transact({"from": ALICE.address}))
        self.empty_block = self.w3.eth.get_block(0)

    def _done(self, transaction: Any) -> Any:
        return self.w3.eth.wait_for_transaction_receipt(transaction, timeout=60)

    def _block(self, transaction: Any) -> Any:
        return self.w3.eth.get_block(self._done(transaction)["blockNumber"])


@pytest.fixture(scope="session")
def scene() -> Scene:
    """The chain, made ready once."""
    return Scene()


@pytest.fixture(scope="session")
def w3(scene: Scene) -> Web3:
    """A client over HTTP."""
    return scene.w3


@pytest.fixture
def async_w3(scene: Scene) -> Any:
    """An asynchronous client over HTTP."""
    return AsyncWeb3(AsyncWeb3.AsyncHTTPProvider(URL))


def _is(value: Callable[[Scene], Any]) -> Any:
    def fixture(scene: Scene) -> Any:
        return value(scene)

    return pytest.fixture(scope="session")(fixture)


def _asynchronous(name: str) -> Any:
    def fixture(async_w3: Any, scene: Scene) -> Any:
        return async_w3.eth.contract(**SOURCES[name])(address=scene.contracts[name].address)

    return pytest.fixture(fixture)


for _name in SOURCES:
    globals()[_name] = _is(lambda scene, name=_name: scene.contracts[name])  # type: ignore[misc]
    globals()[f"async_{_name}"] = _asynchronous(_name)
for _prefix in ("", "async_"):
    globals()[f"{_prefix}math_contract_address"] = _is(lambda scene: scene.contracts["math_contract"].address)
    globals()[f"{_prefix}emitter_contract_address"] = _is(lambda scene: scene.contracts["emitter_contract"].address)
    globals()[f"{_prefix}keyfile_account_address"] = _is(lambda scene: ALICE.address)
    globals()[f"{_prefix}keyfile_account_address_dual_type"] = _is(lambda scene: ALICE.address)
    globals()[f"{_prefix}empty_block"] = _is(lambda scene: scene.empty_block)
    globals()[f"{_prefix}block_with_txn"] = _is(lambda scene: scene.block_with_txn)
    globals()[f"{_prefix}block_with_txn_with_log"] = _is(lambda scene: scene.block_with_log)
math_contract_deploy_txn_hash = _is(lambda scene: scene.receipts["math_contract"]["transactionHash"])
keyfile_account_pkey = _is(lambda scene: ALICE.key)
mined_txn_hash = _is(lambda scene: scene.block_with_txn["transactions"][0])
txn_hash_with_log = _is(lambda scene: scene.block_with_log["transactions"][0])


@pytest.fixture
def request_mocker() -> Any:
    """web3.py's own way to answer in the node's place."""
    return RequestMocker


@pytest.fixture
def skip_if_testrpc() -> Any:
    """Skip nothing: this is no test RPC."""
    return lambda w3: None


@pytest.fixture
def async_skip_if_testrpc() -> Any:
    """Skip nothing: this is no test RPC."""

    async def nothing(w3: Any) -> None:
        return None

    return nothing
