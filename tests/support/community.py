"""A small community on the test EVM: deployed contracts, keys, and one-line ways to attest and settle.

Digests come from eth_account, so that the contracts are checked against another implementation of EIP-712.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from tests.support import typed_data_vectors as typed_data
from tests.support.evm import Contract, Evm, Receipt

INTERVAL_LENGTH: Final = 900
FIRST_INTERVAL: Final = 1_751_371_200
LONG_AFTER: Final = FIRST_INTERVAL + 1_000 * INTERVAL_LENGTH
FOREVER: Final = 2**64 - 1

Net = tuple[str, int]
"""Address and n€."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair of a test."""

    private: PrivateKey
    address: str

    def sign(self, digest: bytes) -> bytes:
        """Return r || s || v, v 27 or 28."""
        signature = self.private.sign_msg_hash(digest).to_bytes()
        return signature[:64] + bytes([signature[64] + 27])


def key(label: str) -> Key:
    """Return the key that a label stands for."""
    private = PrivateKey(keccak(text=label))
    return Key(private, private.public_key.to_address())


def keys(label: str, count: int) -> tuple[Key, ...]:
    """Return keys in ascending sequence of their addresses, as contracts want signatures and nets."""
    return tuple(sorted((key(f"{label} {number}") for number in range(count)), key=lambda each: each.address))


OWNER: Final = key("owner").address
SUPPLIER: Final = key("supplier").address
STRANGER: Final = key("stranger")
MEMBERS: Final = keys("member", 3)
ORACLES: Final = keys("oracle", 3)
ATTESTORS: Final = keys("attestor", 3)
QUORUM: Final = 2


@dataclass(frozen=True, slots=True)
class Community:
    """Five contracts with three members, three oracles, three attestors; two of three must sign."""

    evm: Evm
    token: Contract
    registry: Contract
    readings: Contract
    settlement: Contract
    certificates: Contract

    # -- MONEY

    def give(self, account: str, amount: int, *, spender: Contract | None = None) -> None:
        """Mint tokens for an account and let the settlement take them."""
        self.token.transact("mint", account, amount, sender=OWNER)
        self.token.transact("approve", spender or self.settlement, amount, sender=account)

    def deposit(self, account: str, amount: int) -> Receipt:
        """Mint tokens for an account and pay them in for itself."""
        self.give(account, amount)
        return self.settlement.transact("deposit", account, amount, sender=account)

    def fund_guarantee(self, amount: int) -> Receipt:
        """Mint tokens for the owner and pay them into the guarantee fund."""
        self.give(OWNER, amount)
        return self.settlement.transact("fundGuarantee", amount, sender=OWNER)

    # -- READINGS

    def attest(
        self, step: int, import_wh: int = 0, export_wh: int = 0, *, readings_root: bytes | None = None
    ) -> Receipt:
        """Attest the interval that many steps after the first."""
        values = interval_readings(step, import_wh, export_wh)
        if readings_root is not None:
            values["readingsRoot"] = readings_root
        return self.readings.transact("attest", values, self.sign_readings(values))

    def sign_readings(self, values: Mapping[str, Any], signers: Sequence[Key] = ORACLES[:QUORUM]) -> list[bytes]:
        """Return signatures of oracles over an interval's totals."""
        return self._sign(self.readings, "IntervalReadings", values, signers)

    # -- RUNS

    def next_run(self, steps: int = 1, *, nets: Sequence[Net] = (), **changes: Any) -> dict[str, Any]:
        """Return the right run over the next attested intervals, with fields changed as asked for."""
        run_id, run_hash, last = self.settlement.call("lastRun")
        first = last + INTERVAL_LENGTH if run_id else FIRST_INTERVAL
        end = first + (steps - 1) * INTERVAL_LENGTH
        import_wh, export_wh = self.readings.call("cumulative", end)
        if run_id:
            before = self.readings.call("cumulative", last)
            import_wh, export_wh = import_wh - before[0], export_wh - before[1]
        return {
            "runId": run_id + 1,
            "firstInterval": first,
            "lastInterval": end,
            "ordersRoot": keccak(text=f"orders {run_id + 1}"),
            "tradesRoot": keccak(text=f"trades {run_id + 1}"),
            "readingsHash": self.readings.call("historyAt", end),
            "entriesRoot": keccak(text=f"entries {run_id + 1}"),
            "certificatesRoot": keccak(text=f"certificates {run_id + 1}"),
            "netsHash": keccak(typed_data.pack_nets(nets)),
            "importWh": import_wh,
            "exportWh": export_wh,
            "tradedWh": 0,
            "certifiedWh": export_wh,
            "previousRun": run_hash,
        } | changes

    def sign_run(self, run: Mapping[str, Any], signers: Sequence[Key] = ATTESTORS[:QUORUM]) -> list[bytes]:
        """Return signatures of attestors over a run."""
        return self._sign(self.settlement, "Run", run, signers)

    def settle(self, run: Mapping[str, Any], nets: Sequence[Net] = ()) -> Receipt:
        """Sign and settle a run."""
        return self.settlement.transact("settle", run, typed_data.pack_nets(nets), self.sign_run(run))

    def settle_pages(self, run: Mapping[str, Any], nets: Sequence[Net], accounts: int) -> dict[str, Any]:
        """Sign a run whose nets come in pages of so many accounts, and settle them all; return what was signed."""
        pages = [typed_data.pack_nets(nets[start : start + accounts]) for start in range(0, len(nets), accounts)]
        paged = {**run, "netsHash": typed_data.pages_hash(pages)}
        signatures = self.sign_run(paged)
        for place, page in enumerate(pages):
            rest = typed_data.pages_hash(pages[place + 1 :])
            self.settlement.transact("settlePage", paged, page, rest, signatures)
        return paged

    def settle_next(self, nets: Sequence[Net] = (), **changes: Any) -> Receipt:
        """Attest one more interval and settle it."""
        _, _, last = self.settlement.call("lastRun")
        step = (last - FIRST_INTERVAL) // INTERVAL_LENGTH + 1 if last else 0
        self.attest(step, import_wh=1_000, export_wh=1_000)
        return self.settle(self.next_run(nets=nets, **changes), nets)

    # -- SIGNATURES

    def domain(self, contract: Contract) -> dict[str, Any]:
        """Return the EIP-712 domain that a contract must have."""
        return {
            "name": "RESILIA-GRID",
            "version": "1",
            "chainId": self.evm.chain_id,
            "verifyingContract": contract.address,
        }

    def _sign(self, contract: Contract, struct: str, values: Mapping[str, Any], signers: Sequence[Key]) -> list[bytes]:
        _, digest = typed_data.digest(self.domain(contract), struct, values)
        return [signer.sign(digest) for signer in signers]


def found_community(*, chain_id: int = 1_337) -> Community:
    """Deploy the contracts and register everybody."""
    evm = Evm(chain_id=chain_id, timestamp=LONG_AFTER)
    token = evm.deploy("CommunityToken", OWNER)
    registry = evm.deploy("Registry", OWNER, QUORUM, QUORUM)
    readings = evm.deploy("Readings", registry, INTERVAL_LENGTH)
    settlement = evm.deploy("Settlement", token, registry, readings, SUPPLIER)
    certificates = evm.deploy("Certificates", settlement)
    for member in MEMBERS:
        registry.transact("admitMember", member.address, sender=OWNER)
    for oracle in ORACLES:
        registry.transact("addOracle", oracle.address, 0, sender=OWNER)
    for attestor in ATTESTORS:
        registry.transact("addAttestor", attestor.address, 0, sender=OWNER)
    return Community(evm, token, registry, readings, settlement, certificates)


def interval_readings(step: int, import_wh: int = 0, export_wh: int = 0) -> dict[str, Any]:
    """Return the totals of the interval that many steps after the first."""
    return {
        "interval": FIRST_INTERVAL + step * INTERVAL_LENGTH,
        "readingsRoot": keccak(text=f"readings {step}"),
        "importWh": import_wh,
        "exportWh": export_wh,
    }


def meter_details(account: str, **changes: Any) -> dict[str, Any]:
    """Return the details of a solar meter."""
    return {
        "account": account,
        "source": 1,
        "capacityW": 3_000,
        "commissionedAt": FIRST_INTERVAL - 86_400,
        "passport": keccak(text="passport"),
        "validFrom": FIRST_INTERVAL,
        "validTo": FOREVER,
    } | changes
