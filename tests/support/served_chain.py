"""A chain as clients meet it: its own process behind the JSON-RPC port, HTTP and WebSocket, on a free port.

With `wallet=True` a wallet stands between client and node, as MetaMask or clef would: it answers `eth_accounts`, signs
what it is asked to sign for Alice, and sends it on. The node itself holds nobody's key.
`python -m tests.support.served_chain PORT CHAIN_ID` serves such a chain, with a wallet, until it is interrupted.
"""

import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from node.chain.client import AsyncChainClient
from node.chain.datadir import init_chain
from node.chain.genesis import Genesis
from node.chain.launcher import AT_ONCE, ChainProcess, Sealing, start_chain
from node.rpc.app import create_rpc_app
from node.rpc.ports import ChainRequests
from node.serve import RPC_PORT, AppServer
from node.views.queries import Queries
from tests.support.chain import ALICE, CHAIN_ID, GENESIS, write_sealer_key
from tests.support.small_community import CoreDouble, filled_projection


@dataclass(frozen=True, slots=True)
class ServedChain:
    """A running chain."""

    http_url: str
    ws_url: str
    pid: int
    """Of the chain's process."""
    ipc_path: Path
    """Its socket, for private methods."""


class Wallet:
    """Signs for Alice; everything else goes to the node."""

    def __init__(self, client: AsyncChainClient, chain_id: int) -> None:
        self._client = client
        self._chain_id = chain_id
        self._signs: dict[str, Callable[..., Awaitable[Any]]] = {
            "eth_accounts": self._accounts,
            "eth_sign": self._sign,
            "eth_signTypedData": self._sign_typed_data,
            "eth_signTransaction": self._sign_transaction,
            "eth_sendTransaction": self._send_transaction,
        }

    async def request_bytes(self, raw: bytes) -> bytes:
        """Answer a request or batch."""
        body = json.loads(raw)
        if isinstance(body, list):
            return b"[" + b",".join([await self.request_bytes(json.dumps(item).encode()) for item in body]) + b"]"
        method = self._signs.get(body["method"])
        if method is None:
            return await self._client.request_bytes(raw)
        answer = {"jsonrpc": "2.0", "id": body["id"]}
        try:
            return json.dumps({**answer, "result": await method(*body["params"])}).encode()
        except Exception as error:
            return json.dumps({**answer, "error": {"code": -32000, "message": str(error)}}).encode()

    async def _accounts(self) -> list[str]:
        return [ALICE.address]

    async def _sign(self, account: str, message: str) -> str:
        signed = Account.sign_message(encode_defunct(hexstr=message), _key(account))
        return "0x" + bytes(signed.signature).hex()

    async def _sign_typed_data(self, account: str, message: Any) -> str:
        whole = json.loads(message) if isinstance(message, str) else message
        signed = Account.sign_message(encode_typed_data(full_message=whole), _key(account))
        return "0x" + bytes(signed.signature).hex()

    async def _sign_transaction(self, transaction: dict[str, Any]) -> dict[str, Any]:
        raw = await self._signed(transaction)
        return {"raw": raw, "tx": transaction}

    async def _send_transaction(self, transaction: dict[str, Any]) -> Any:
        return await self._client.call("eth_sendRawTransaction", [await self._signed(transaction)])

    async def _signed(self, given: dict[str, Any]) -> str:
        key = _key(given["from"])
        fields: dict[str, Any] = {"value": "0x0", "chainId": hex(self._chain_id)}
        fields |= {name: value for name, value in given.items() if name not in ("from", "input") and value is not None}
        if given.get("input"):
            fields["data"] = given["input"]
        if fields.get("type") == "0x0":
            del fields["type"]  # eth_account knows a transaction of the first kind by its having none
        if "gas" not in fields:
            fields["gas"] = await self._client.call("eth_estimateGas", [given])
        if "nonce" not in fields:
            fields["nonce"] = await self._client.call("eth_getTransactionCount", [given["from"], "pending"])
        if "gasPrice" not in fields:
            authorizations = [_authorization(item) for item in fields.pop("authorizationList", [])]
            if authorizations:
                fields["authorizationList"] = authorizations
            fields |= {"type": "0x4" if authorizations else "0x2"} | {
                name: fields.get(name, default)
                for name, default in (("maxFeePerGas", hex(10**10)), ("maxPriorityFeePerGas", "0x1"))
            }
        return "0x" + bytes(Account.sign_transaction(fields, key).raw_transaction).hex()


def _authorization(signed: dict[str, str]) -> dict[str, Any]:
    return {name: value if name == "address" else int(value, 16) for name, value in signed.items()}


def _key(account: str) -> bytes:
    if account.lower() != ALICE.address.lower():
        raise ValueError("unknown account")
    return bytes(ALICE.key)


@contextmanager
def served_chain(
    folder: Path, *, port: int = 0, wallet: bool = False, chain_id: int = CHAIN_ID, sealing: Sealing = AT_ONCE
) -> Iterator[ServedChain]:
    """Serve a new chain in a folder while the block runs; Alice and Bob of `tests.support.chain` have money."""
    genesis = replace(GENESIS, chain_id=chain_id)
    init_chain(folder, genesis)
    with _served(folder, write_sealer_key(folder), port, chain_id if wallet else None, "system", sealing) as served:
        yield served


@contextmanager
def served_genesis(folder: Path, genesis: Genesis, sealer_key: bytes) -> Iterator[ServedChain]:
    """Serve a new chain of any genesis, whose time is set by whoever asks; for benchmarks."""
    init_chain(folder, genesis)
    key_file = folder / "sealer.key"
    key_file.touch(mode=0o600)
    key_file.write_text(sealer_key.hex(), encoding="utf-8")
    with _served(folder, key_file, 0, None, "manual") as served:
        yield served


@contextmanager
def _served(
    folder: Path,
    key_file: Path,
    port: int,
    wallet_of: int | None,
    clock: Literal["system", "manual"],
    sealing: Sealing = AT_ONCE,
) -> Iterator[ServedChain]:
    with (
        start_chain(folder, key_file, clock=clock, sealing=sealing) as process,
        served_process(process, port, wallet_of) as served,
    ):
        yield served


@contextmanager
def served_process(process: ChainProcess, port: int = 0, wallet_of: int | None = None) -> Iterator[ServedChain]:
    """Put a running chain behind the node's JSON-RPC port while the block runs."""
    server = AppServer("127.0.0.1", port, RPC_PORT)
    up, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        client = AsyncChainClient(process.ipc_path)
        chain: ChainRequests = client if wallet_of is None else Wallet(client, wallet_of)
        await server.start(create_rpc_app(CoreDouble(), Queries(filled_projection()), chain))
        up.set()
        await asyncio.to_thread(stop.wait)
        await server.stop()
        await client.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert up.wait(20), "the port does not answer"
        yield ServedChain(server.url, server.url.replace("http", "ws", 1), process.pid, process.ipc_path)
    finally:
        stop.set()
        thread.join()


def main() -> None:
    """Serve until interrupted."""
    port, chain_id = (int(argument) for argument in sys.argv[1:])
    with (
        tempfile.TemporaryDirectory() as name,
        served_chain(Path(name), port=port, wallet=True, chain_id=chain_id) as served,
    ):
        print(served.http_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
