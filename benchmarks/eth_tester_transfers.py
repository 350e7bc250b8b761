"""Transfers in one block by eth-tester over py-evm: run by `benchmarks.ledger` in an environment that has eth-tester.

Reads ``{"keys": [hex]}`` from standard input; each key's account makes one transfer. Prints ``{"cpu_s", "wall_s"}``.
Imports nothing of ours: eth-tester pins other versions than we do.
"""

import json
import sys
import time

from eth_account import Account
from eth_tester import EthereumTester, PyEVMBackend  # type: ignore[import-not-found]
from eth_tester.backends.pyevm.main import get_default_genesis_params  # type: ignore[import-not-found]


def main() -> None:
    """Measure and print."""
    senders = [Account.from_key(key) for key in json.load(sys.stdin)["keys"]]
    rich = {bytes.fromhex(s.address[2:]): {"balance": 10**24, "nonce": 0, "code": b"", "storage": {}} for s in senders}
    parameters = get_default_genesis_params({"gas_limit": 20_000_000})
    tester = EthereumTester(PyEVMBackend(genesis_state=rich, genesis_parameters=parameters))
    tester.disable_auto_mine_transactions()
    chain_id = tester.backend.chain.chain_id
    raws = [
        sender.sign_transaction(
            {
                "type": 2, "chainId": chain_id, "nonce": 0, "gas": 21_000, "value": 1,
                "to": (number * 2_654_435_761 + 2**80).to_bytes(20, "big"),
                "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0,
            }
        ).raw_transaction.to_0x_hex()
        for number, sender in enumerate(senders)
    ]  # fmt: skip
    cpu, wall = time.process_time(), time.perf_counter()
    for raw in raws:
        tester.send_raw_transaction(raw)
    tester.mine_blocks(1)
    measured = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    assert len(tester.get_block_by_number("latest")["transactions"]) == len(senders)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
