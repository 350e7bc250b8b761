"""The community's contracts, through web3.py: deploy them, attest intervals, settle runs, read what they hold.

Every transaction is idempotent by the contracts' own rules (an interval is attested once, a run settled once), so a
crash between sending and hearing back is healed by asking the chain first.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from eth_account import Account
from eth_utils.abi import abi_to_signature
from web3 import AsyncWeb3
from web3.contract import AsyncContract
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError
from web3.types import EventData, TxReceipt

from energy.errors import Corrupt, EnergyNodeError, Unavailable
from energy.identity import ZERO_DIGEST, Address, Digest, address_from_hex, hex_text
from node.chain.errors import UNAVAILABLE
from node.coop.community import Contracts, Member
from node.coop.decided import Decision
from node.external.sender import ExternalSender, Refused
from node.signing.keys import KeyPair

CONTRACT_NAMES: Final = {
    "token": "CommunityToken",
    "registry": "Registry",
    "readings": "Readings",
    "settlement": "Settlement",
    "certificates": "Certificates",
    "disputes": "Disputes",
    "questions": "Questions",
    "cooperative": "Cooperative",
    "timelock": "Timelock",
    "fees": "Fees",
    "reputation": "Reputation",
    "badges": "Badges",
    "gateway": "Gateway",
}
"""Compiled contract of each field of `Contracts`."""
GAS_PER_TRANSACTION: Final = 15_000_000
"""Upper bound given with every transaction of the operator; what is not used costs nothing."""
FEE_WEI_PER_GAS_MAX: Final = 10**10
FOREVER: Final = 2**64 - 1
"""End of a validity that has none yet."""


SEALED_S: Final = 180.0
"""How long a transaction may take into a block; at once, unless blocks are sealed at intervals."""


class ChainRefused(EnergyNodeError):
    """A contract reverted a transaction of the operator."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest settled run; all zero before the first."""

    run_id: int
    run_hash: Digest
    last_interval: int


def artifact(name: str) -> dict[str, Any]:
    """Return the compiled artifact of a contract: abi, bytecode, metadata."""
    found: dict[str, Any] = json.loads(files("contracts.artifacts").joinpath(f"{name}.json").read_text())
    return found


class Ledger:
    """The contracts of one community, driven by its operator."""

    def __init__(
        self, w3: AsyncWeb3[Any], chain_id: int, operator: KeyPair, sender: ExternalSender | None = None
    ) -> None:
        """Take what is needed.

        Args:
            w3: Reads the chain.
            chain_id: Of the chain.
            operator: Who signs and pays.
            sender: Gets transactions into a network; None for the embedded chain, which takes them at once.
        """
        self._w3 = w3
        self._sender = sender
        self._chain_id = chain_id
        self._operator = operator
        self._nonce: int | None = None
        self._contracts: dict[str, AsyncContract] = {}
        self._turn = asyncio.Lock()

    def attach(self, contracts: Contracts) -> None:
        """Use the contracts that the community agreed on."""
        for name, address in contracts.named().items():
            self.attach_at(CONTRACT_NAMES[name], address)

    def attach_at(self, name: str, address: Address) -> None:
        """Use a contract at an address."""
        self._contracts[name] = self._w3.eth.contract(self._w3.to_checksum_address(address), abi=artifact(name)["abi"])

    # -- COMMANDS

    async def deploy(self, name: str, *arguments: object) -> Address:
        """Deploy a contract and return its address."""
        built = artifact(name)
        contract = self._w3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
        data = contract.constructor(*arguments).data_in_transaction
        receipt = await self._transact(None, data)
        address = address_from_hex(str(receipt["contractAddress"]).lower())
        self.attach_at(name, address)
        return address

    async def send(self, name: str, function: str, *arguments: object) -> TxReceipt:
        """Call a function of a contract in a transaction and return its receipt.

        Raises:
            ChainRefused: the contract reverted; says why.
        """
        contract = self._contracts[name]
        return await self._transact(contract.address, contract.encode_abi(function, args=arguments))

    async def send_data(self, name: str, data: bytes) -> TxReceipt:
        """Call a contract with encoded arguments, such as a dispute's; see `send`."""
        return await self._transact(self._contracts[name].address, "0x" + data.hex())

    async def pay(self, account: Address, wei: int) -> None:
        """Give an account some of the operator's native money."""
        await self._transact(self._w3.to_checksum_address(account), "0x", wei)

    # -- QUERIES

    async def read(self, name: str, function: str, *arguments: object, block: int | str = "latest") -> Any:
        """Call a view of a contract."""
        contract = self._contracts[name]
        return await contract.functions[function](*arguments).call(block_identifier=block)  # type: ignore[arg-type]

    async def require_passing(self, name: str, function: str, *arguments: object) -> None:
        """Try a call of a function as it is now, and change nothing.

        Raises:
            ChainRefused: the contract would revert; says why.
        """
        try:
            await self.read(name, function, *arguments, block="pending")
        except ContractCustomError as error:
            raise ChainRefused(self._named(str(error.data))) from error
        except (ContractLogicError, Web3RPCError) as error:
            raise ChainRefused(str(error)) from error

    async def owns_registry(self) -> bool:
        """Say whether the operator decides on members and keys, and not the members."""
        return str(await self.read("Registry", "owner")).lower() == hex_text(self._operator.address)

    async def is_party(self, account: Address) -> bool:
        """Say whether the registry lets runs name an account."""
        return bool(await self.read("Registry", "isParty", self._w3.to_checksum_address(account)))

    async def would_pass(self, sender: Address, to: Address | None, data: bytes, gas: int) -> bool:
        """Say whether the chain would take a call as it is now."""
        place = None if to is None else self._w3.to_checksum_address(to)
        call = {"from": self._w3.to_checksum_address(sender), "to": place, "data": "0x" + data.hex(), "gas": gas}
        try:
            await self._w3.eth.call(call, "pending")  # type: ignore[arg-type]
        except (ContractLogicError, Web3RPCError):
            return False
        return True

    async def last_attested(self) -> int:
        """Return the latest attested interval; 0 before the first."""
        return int(await self.read("Readings", "lastInterval"))

    async def history_at(self, interval: int) -> Digest:
        """Return the history hash through an interval."""
        return Digest(bytes(await self.read("Readings", "historyAt", interval)))

    async def last_run(self) -> LastRun:
        """Return the latest settled run."""
        run_id, run_hash, last_interval = await self.read("Settlement", "lastRun")
        return LastRun(int(run_id), Digest(bytes(run_hash)), int(last_interval))

    async def run_hash_at(self, run_id: int) -> Digest:
        """Return the hash of a settled run."""
        return Digest(bytes((await self.read("Settlement", "runAt", run_id))[0]))

    async def head(self) -> int:
        """Return the number of the latest block."""
        return int(await self._w3.eth.block_number)

    async def final(self) -> int:
        """Return the number of the latest block that no other takes the place of."""
        return int((await self._w3.eth.get_block("finalized"))["number"])

    async def balances(self, accounts: Sequence[Address], block: int | str = "latest") -> dict[Address, int]:
        """Return the free balances of accounts, n€, at a block."""
        return {
            account: int(await self.read("Settlement", "balanceOf", self._w3.to_checksum_address(account), block=block))
            for account in accounts
        }

    @property
    def operator(self) -> Address:
        """Whose account signs and pays."""
        return self._operator.address

    def at(self, name: str) -> Address:
        """Return where a contract is."""
        return address_from_hex(str(self._contracts[name].address).lower())

    async def purse(self) -> int:
        """Return what the operator's own account holds in tokens, n€."""
        owner = self._w3.to_checksum_address(self._operator.address)
        return int(await self.read("CommunityToken", "balanceOf", owner))

    async def event_receipt(self, name: str, event: str, **indexed: Any) -> TxReceipt | None:
        """Return the receipt of the last transaction that logged an event, or None."""
        logs = await self.events(name, event, **indexed)
        if not logs:
            return None
        return await self._w3.eth.get_transaction_receipt(logs[-1]["transactionHash"])

    async def events(self, name: str, event: str, since: int = 0, **indexed: Any) -> Sequence[EventData]:
        """Return every log of an event that a contract wrote from a block on, in their sequence."""
        logged = self._contracts[name].events[event]()
        logs: Sequence[EventData] = await logged.get_logs(from_block=since, argument_filters=indexed)
        return logs

    async def decisions(self, since: int) -> list[Decision]:
        """Return everything that the registry logged from a block on, in the chain's sequence."""
        registry = self._contracts["Registry"]
        named = {
            bytes(self._w3.keccak(text=abi_to_signature(each))): each["name"]
            for each in registry.abi
            if each["type"] == "event"
        }
        logs = await self._w3.eth.get_logs({"address": registry.address, "fromBlock": since})
        found = []
        for log in logs:
            if (name := named.get(bytes(log["topics"][0]))) is not None:
                said = registry.events[name]().process_log(log)["args"]
                found.append(Decision(log["blockNumber"], log["logIndex"], bytes(log["blockHash"]), name, said))
        return found

    async def time_of(self, block: int) -> int:
        """Return the time of a block, UTC epoch seconds."""
        return int((await self._w3.eth.get_block(block))["timestamp"])

    async def time(self) -> int:
        """Return the time that the next block will have, UTC epoch seconds."""
        return int((await self._w3.eth.get_block("pending"))["timestamp"])

    async def gas_used(self, log: EventData) -> int:
        """Return the gas of the transaction that wrote a log."""
        return int((await self._w3.eth.get_transaction_receipt(log["transactionHash"]))["gasUsed"])

    async def arguments_of(self, name: str, log: EventData) -> dict[str, Any]:
        """Return the arguments of the call that wrote a log, by name; it went straight to the contract."""
        transaction = await self._w3.eth.get_transaction(log["transactionHash"])
        return dict(self._contracts[name].decode_function_input(transaction["input"])[1])

    # -- TRANSACTIONS

    async def _transact_elsewhere(self, sender: ExternalSender, to: object | None, data: object) -> TxReceipt:
        try:
            receipt = await sender.transact(None if to is None else str(to), str(data))
        except Refused as error:
            raise ChainRefused(self._named(error.data) if error.data else str(error)) from error
        return await self._w3.eth.get_transaction_receipt(receipt["transactionHash"])

    async def _transact(self, to: object | None, data: object, wei: int = 0) -> TxReceipt:
        if self._sender is not None:
            return await self._transact_elsewhere(self._sender, to, data)
        async with self._turn:
            receipt = await self._transact_here(to, data, wei)
        if receipt["status"] != 1:
            raise ChainRefused(await self._why(to, data, receipt))
        return receipt

    async def _transact_here(self, to: object | None, data: object, wei: int) -> TxReceipt:
        if self._nonce is None:
            sender = self._w3.to_checksum_address(self._operator.address)
            self._nonce = await self._w3.eth.get_transaction_count(sender)
        transaction = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": self._nonce,
            "gas": GAS_PER_TRANSACTION,
            "maxFeePerGas": FEE_WEI_PER_GAS_MAX,
            "maxPriorityFeePerGas": 0,
            "value": wei,
            "data": data,
        }
        if to is not None:
            transaction["to"] = to
        signed = Account.sign_transaction(transaction, self._operator.private_key)
        nonce, self._nonce = self._nonce, None  # asked for again, unless the chain says that it took this one
        try:
            tx_hash = await self._w3.eth.send_raw_transaction(signed.raw_transaction)
        except Web3RPCError as error:
            told = (error.rpc_response or {}).get("error", {})
            if isinstance(told, dict) and told.get("code") == UNAVAILABLE:  # a full disk, say: nothing was refused
                raise Unavailable(f"the chain takes nothing for now: {told['message']}") from error
            raise ChainRefused(str(error)) from error
        self._nonce = nonce + 1
        return await self._w3.eth.wait_for_transaction_receipt(tx_hash, SEALED_S, 0.1)

    async def _why(self, to: object | None, data: object, receipt: TxReceipt) -> str:
        """Return the contract's own words for a failed transaction, by repeating it as a call."""
        call = {"from": self._w3.to_checksum_address(self._operator.address), "to": to, "data": data}
        try:
            await self._w3.eth.call(call, block_identifier=receipt["blockNumber"] - 1)  # type: ignore[arg-type]
        except ContractCustomError as error:
            return self._named(str(error.data))
        except (ContractLogicError, Web3RPCError) as error:
            return str(error)
        raise Corrupt(f"transaction {receipt['transactionHash'].hex()} failed, but not when repeated")

    def _named(self, data: str) -> str:
        for name, contract in self._contracts.items():
            for item in contract.abi:
                if item["type"] != "error":
                    continue
                kinds = [str(field["type"]) for field in item.get("inputs", ())]
                signature = f"{item['name']}({','.join(kinds)})"
                if data.startswith(self._w3.keccak(text=signature)[:4].to_0x_hex()):
                    values = self._w3.codec.decode(kinds, bytes.fromhex(data[10:]))
                    return f"{name}: {item['name']}{values}"
        return data


def meter_tuple(member: Member, valid_from: int) -> tuple[object, ...]:
    """Return a member's meter as the ABI takes the struct `Meter`: no material passport yet, valid without an end."""
    account = AsyncWeb3.to_checksum_address(member.account)
    return (account, member.source, member.power_max_export_w, valid_from, ZERO_DIGEST, valid_from, FOREVER)
