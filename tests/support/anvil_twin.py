"""Every transaction of a contract test once more on anvil: another EVM, with the same gas, logs and words of refusal.

Contract tests use it when REPLAY_ON_ANVIL is set (`make replay`); see `tests.support.evm`. The binary is that of
`contracts/node_modules`.
"""

import atexit
import json
import subprocess
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from tests.support.source_tree import ROOT

BINARY: Final = ROOT / "contracts" / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"

MINED_S: Final = 30.0

Log = tuple[bytes, tuple[int, ...], bytes]
"""Address, topics and data."""


class AnvilTwin:
    """One anvil that follows one `Evm`."""

    def __init__(self, chain_id: int, timestamp: int) -> None:
        command = [str(BINARY), "--port", "0", "--chain-id", str(chain_id), "--hardfork", "prague"]
        command += ["--timestamp", str(timestamp - 1), "--block-base-fee-per-gas", "0", "--gas-price", "0"]
        command += ["--auto-impersonate", "--gas-limit", "30000000", "--accounts", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        atexit.register(process.kill)
        assert process.stdout is not None
        self._url = next(f"http://{line.split()[-1]}" for line in process.stdout if line.startswith("Listening on "))
        # Whatever it goes on to say must be read: with a full pipe it would stand still.
        threading.Thread(target=deque, args=(process.stdout, 0), daemon=True).start()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._time = timestamp - 1
        self._snapshots: dict[bytes, tuple[str, int]] = {}
        self.compared = 0
        """Transactions that came out the same."""
        self._ask("anvil_setBlockTimestampInterval", 0)

    def snapshot(self, state_root: bytes) -> None:
        """Remember this moment by the state root that the other side has."""
        self._snapshots[state_root] = (self._ask("evm_snapshot"), self._time)

    def restore(self, state_root: bytes) -> None:
        """Come back to it."""
        identity, self._time = self._snapshots[state_root]
        assert self._ask("evm_revert", identity), "anvil lost a snapshot"
        self.snapshot(state_root)

    def transact(self, sender: str, to: bytes, data: bytes, timestamp: int) -> tuple[int, list[Log]]:
        """Run a transaction that succeeds; return its gas and logs."""
        if timestamp > self._time:
            self._ask("evm_setNextBlockTimestamp", timestamp)
            self._time = timestamp
        identity = self._ask("eth_sendTransaction", self._message(sender, to, data))
        receipt = self._mined(identity)
        assert receipt["status"] == "0x1", "anvil refuses what py-evm takes"
        self.compared += 1
        return int(receipt["gasUsed"], 16), [_log(each) for each in receipt["logs"]]

    def refusal(self, sender: str, to: bytes, data: bytes, timestamp: int) -> str | None:
        """Return the data with which a call reverts, or None when it does not."""
        override = {"time": hex(timestamp)}
        answer = self._answer("eth_call", [self._message(sender, to, data), "latest", {}, override])
        self.compared += 1
        error = answer.get("error")
        return None if error is None else str(error.get("data"))

    def _mined(self, identity: str) -> dict[str, Any]:
        """Return a receipt: anvil answers with a transaction's hash before its block is there."""
        deadline = time.monotonic() + MINED_S
        while (receipt := self._ask("eth_getTransactionReceipt", identity)) is None:
            assert time.monotonic() < deadline, "anvil does not seal a block"
            time.sleep(0.002)
        found: dict[str, Any] = receipt
        return found

    def _message(self, sender: str, to: bytes, data: bytes) -> dict[str, str]:
        message = {"from": sender, "data": "0x" + data.hex(), "gas": hex(30_000_000), "gasPrice": "0x0"}
        return message | ({"to": "0x" + to.hex()} if to else {})

    def _ask(self, method: str, *params: Any) -> Any:
        answer = self._answer(method, params)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _answer(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
        request = urllib.request.Request(self._url, body, {"content-type": "application/json"})
        with self._opener.open(request, timeout=60) as response:
            answer: dict[str, Any] = json.loads(response.read())
        return answer


def _log(raw: dict[str, Any]) -> Log:
    topics = tuple(int(topic, 16) for topic in raw["topics"])
    return bytes.fromhex(raw["address"][2:]), topics, bytes.fromhex(raw["data"][2:])
