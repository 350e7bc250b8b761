"""web3.py's own module tests, as they come in its wheel; `test_web3py.py` runs them in a process of their own."""

from typing import Any

from web3._utils.module_testing.eth_module import AsyncEthModuleTest, EthModuleTest
from web3._utils.module_testing.go_ethereum_debug_module import GoEthereumDebugModuleTest
from web3._utils.module_testing.go_ethereum_txpool_module import GoEthereumTxPoolModuleTest
from web3._utils.module_testing.net_module import AsyncNetModuleTest, NetModuleTest
from web3._utils.module_testing.web3_module import AsyncWeb3ModuleTest, Web3ModuleTest


def _version_is_text(self: Any, version: Any) -> None:
    assert isinstance(version, str)
    assert version


_MODULES: dict[str, type] = {
    "TestEth": EthModuleTest,
    "TestNet": NetModuleTest,
    "TestWeb3": Web3ModuleTest,
    "TestDebug": GoEthereumDebugModuleTest,
    "TestTxPool": GoEthereumTxPoolModuleTest,
    "TestAsyncEth": AsyncEthModuleTest,
    "TestAsyncNet": AsyncNetModuleTest,
    "TestAsyncWeb3": AsyncWeb3ModuleTest,
}
for _name, _module in _MODULES.items():
    globals()[_name] = type(_name, (_module,), {"_check_web3_client_version": _version_is_text})
