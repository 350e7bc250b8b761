"""A wallet in the browser for tests: announces itself (EIP-6963), keeps the rules of EIP-1193, signs in Python."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from playwright.sync_api import Page
from web3 import Web3

SCRIPT: Final = """
(() => {
  const ask = async ({ method, params = [] }) => {
    const { result, error } = await window.testWallet(method, params);
    if (error) throw Object.assign(new Error(error.message), { code: error.code });
    return result;
  };
  const uuid = "5b5b5b5b-0000-4000-8000-000000000001";
  const info = { uuid, name: "Test wallet", icon: "data:,", rdns: "test.wallet" };
  const announce = () => window.dispatchEvent(
    new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider: { request: ask } }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""


class WalletDouble:
    """Answers what the page asks, as MetaMask would; notes the methods in `asked`, transactions in `sent`."""

    def __init__(self, key: bytes, chain_id: int = 1, *, unwilling: bool = False, rpc_url: str | None = None) -> None:
        """Keep a key; send transactions to a node if there is one, else nowhere."""
        self._account: Any = Account.from_key(key)
        self._chains = {chain_id}
        self._chain = chain_id
        self._unwilling = unwilling
        self._web3 = Web3(Web3.HTTPProvider(rpc_url)) if rpc_url else None
        self.asked: list[str] = []
        self.sent: list[dict[str, str]] = []

    def install(self, page: Page) -> None:
        """Put it into every document that the page opens."""
        page.expose_function("testWallet", self._answer)
        page.add_init_script(SCRIPT)

    def _answer(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        self.asked.append(method)
        answers: dict[str, Callable[[], Any]] = {
            "eth_requestAccounts": lambda: [self._account.address],
            "eth_chainId": lambda: hex(self._chain),
            "wallet_switchEthereumChain": lambda: self._switch(int(params[0]["chainId"], 16)),
            "wallet_addEthereumChain": lambda: self._add(params[0]),
            "eth_signTypedData_v4": lambda: self._sign_typed(params[0], json.loads(params[1])),
            "eth_sendTransaction": lambda: self._send(params[0]),
            "personal_sign": lambda: self._sign(encode_defunct(hexstr=params[0])),
        }
        if method not in answers:
            return _error(4200, f"{method} is not supported")
        found = answers[method]()
        return found if isinstance(found, dict) else {"result": found}

    def _send(self, transaction: dict[str, str]) -> Any:
        assert transaction["from"] == self._account.address.lower()
        if self._unwilling:
            return _error(4001, "User rejected the request.")
        self.sent.append(transaction)
        return {"result": self._forwarded(transaction) if self._web3 else "0x" + "ab" * 32}

    def _forwarded(self, transaction: dict[str, str]) -> str:
        """Do what a wallet does once its owner agreed: complete the transaction, sign it, send it."""
        assert self._web3 is not None
        eth = self._web3.eth
        call: Any = {name: Web3.to_checksum_address(transaction[name]) for name in ("from", "to")}
        call |= {"data": transaction["data"], "nonce": eth.get_transaction_count(call["from"])}
        call |= {"chainId": self._chain, "maxFeePerGas": 2 * eth.gas_price, "maxPriorityFeePerGas": 0, "value": 0}
        gas = self._web3.manager.request_blocking("eth_estimateGas", [{**transaction, "value": "0x0"}])  # type: ignore[arg-type]
        signed = self._account.sign_transaction({**call, "gas": gas})
        return Web3.to_hex(eth.send_raw_transaction(signed.raw_transaction))

    def _switch(self, chain_id: int) -> Any:
        if chain_id not in self._chains:
            return _error(4902, "Unrecognized chain ID")
        self._chain = chain_id
        return None

    def _add(self, chain: dict[str, Any]) -> Any:
        assert set(chain) == {"chainId", "chainName", "rpcUrls", "nativeCurrency"}, "wallets refuse other keys"
        assert chain["rpcUrls"][0].startswith(("https://", "http://127.0.0.1", "http://localhost"))
        self._chain = int(chain["chainId"], 16)
        self._chains.add(self._chain)
        return None

    def _sign_typed(self, account: str, data: dict[str, Any]) -> Any:
        assert account == self._account.address.lower()
        if data["domain"]["chainId"] != self._chain:
            return _error(-32603, "Provided chainId must match the active chainId")
        return self._sign(encode_typed_data(full_message=data))

    def _sign(self, message: Any) -> Any:
        if self._unwilling:
            return _error(4001, "User rejected the request.")
        return "0x" + self._account.sign_message(message).signature.hex().removeprefix("0x")


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
