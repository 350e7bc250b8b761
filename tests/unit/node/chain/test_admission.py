import dataclasses
from typing import Any

import pytest
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import hex_text
from energy.results import Rejected
from node.chain.admission import INITCODE_SIZE_MAX, floor_gas, intrinsic_gas, refusal
from node.chain.port import Account
from node.chain.rejections import TransactionRejection, geth_message
from node.chain.transactions import SET_CODE, SignedTransaction, decode_transaction
from tests.support.chain import ALICE, BOB, CHAIN_ID, STRANGER, created, decoded

RICH = Account(nonce=5, balance=10**18, code=b"")
NO_FEES = {"maxFeePerGas": None, "maxPriorityFeePerGas": None}


def _refused(transaction: SignedTransaction, sender: Account = RICH) -> Rejected | None:
    return refusal(transaction, sender, chain_id=CHAIN_ID, gas_limit=1_000_000, base_fee=7)


def test_admits_what_is_in_order() -> None:
    assert _refused(decoded(5)) is None


ALICES = ALICE.address.lower()
CASES: list[tuple[TransactionRejection, SignedTransaction, Account, str]] = [
    (
        TransactionRejection.NOT_REPLAY_PROTECTED,
        decoded(5, type=None, chainId=None, gasPrice=50, **NO_FEES),
        RICH,
        "only replay-protected (EIP-155) transactions allowed over RPC",
    ),
    (
        TransactionRejection.WRONG_CHAIN,
        decoded(5, chainId=1),
        RICH,
        f"invalid chain id for signer: have 1 want {CHAIN_ID}",
    ),
    (
        TransactionRejection.INITCODE_TOO_LARGE,
        decoded(5, to=None, data=bytes(INITCODE_SIZE_MAX + 1)),
        RICH,
        "max initcode size exceeded: code size 49153, limit 49152",
    ),
    (TransactionRejection.GAS_LIMIT_EXCEEDED, decoded(5, gas=1_000_001), RICH, "exceeds block gas limit"),
    (
        TransactionRejection.TIP_ABOVE_FEE_CAP,
        decoded(5, maxPriorityFeePerGas=1_001),
        RICH,
        "max priority fee per gas higher than max fee per gas: "
        f"address {ALICES}, maxPriorityFeePerGas: 1001, maxFeePerGas: 1000",
    ),
    (
        TransactionRejection.FEE_CAP_BELOW_BASE_FEE,
        decoded(5, maxFeePerGas=6),
        RICH,
        f"max fee per gas less than block base fee: address {ALICES}, maxFeePerGas: 6, baseFee: 7",
    ),
    (
        TransactionRejection.SENDER_IS_CONTRACT,
        decoded(5),
        Account(5, 10**18, b"\x00"),
        f"sender not an eoa: address {ALICES}",
    ),
    (TransactionRejection.NONCE_TOO_LOW, decoded(4), RICH, "nonce too low: next nonce 5, tx nonce 4"),
    (TransactionRejection.NONCE_TOO_HIGH, decoded(6), RICH, "nonce too high: next nonce 5, tx nonce 6"),
    (
        TransactionRejection.INSUFFICIENT_FUNDS,
        decoded(5, value=100),
        Account(5, 21_000_099, b""),
        "insufficient funds for gas * price + value: balance 21000099, tx cost 21000100, overshot 1",
    ),
    (
        TransactionRejection.INTRINSIC_GAS_TOO_LOW,
        decoded(5, gas=20_999),
        RICH,
        "intrinsic gas too low: gas 20999, minimum needed 21000",
    ),
    (
        TransactionRejection.FLOOR_GAS_TOO_LOW,
        decoded(5, gas=25_000, data=b"\x01" * 200),
        RICH,
        "insufficient gas for floor data gas cost: gas 25000, minimum needed 29000",
    ),
    (
        TransactionRejection.EMPTY_AUTHORIZATION_LIST,
        dataclasses.replace(decoded(5), kind=SET_CODE),
        RICH,
        "EIP-7702 transaction with empty auth list",
    ),
]


@pytest.mark.parametrize(("code", "transaction", "sender", "words"), CASES, ids=[case[0].name for case in CASES])
def test_refuses_with_code_and_words(
    code: TransactionRejection, transaction: SignedTransaction, sender: Account, words: str
) -> None:
    rejected = _refused(transaction, sender)
    assert rejected is not None
    assert (rejected.code, geth_message(rejected)) == (code, words)


def test_every_state_dependent_refusal_has_a_case() -> None:
    made_elsewhere = {
        TransactionRejection.MALFORMED,
        TransactionRejection.ALREADY_KNOWN,
        TransactionRejection.INVALID,
        TransactionRejection.REPLACEMENT_UNDERPRICED,
        TransactionRejection.ACCOUNT_LIMIT_EXCEEDED,
        TransactionRejection.POOL_FULL,
    }
    assert {case[0] for case in CASES} == set(TransactionRejection) - made_elsewhere


def test_the_exact_balance_suffices() -> None:
    assert _refused(decoded(5, value=100), Account(5, 21_000_100, b"")) is None


def test_the_last_nonce_is_never_used() -> None:
    rejected = _refused(decoded(2**64 - 1), Account(2**64 - 1, 10**18, b""))
    assert rejected is not None
    assert rejected.code is TransactionRejection.NONCE_TOO_HIGH


def test_a_delegated_account_may_send() -> None:
    assert _refused(decoded(5), Account(5, 10**18, b"\xef\x01\x00" + STRANGER)) is None


@given(payload=st.binary(max_size=200), keys=st.integers(0, 3), kind=st.sampled_from((1, 2, 4)))
def test_intrinsic_gas_is_that_of_py_evm(payload: bytes, keys: int, kind: int) -> None:
    entries = [{"address": hex_text(STRANGER), "storageKeys": [hex_text(bytes([i]) * 32) for i in range(keys)]}]
    fields: dict[str, Any] = {"type": kind, "data": payload, "accessList": entries}
    if kind == 1:
        fields |= {"gasPrice": 1, **NO_FEES}
    if kind == 4:
        fields["authorizationList"] = [BOB.sign_authorization({"chainId": 0, "address": STRANGER, "nonce": 0})]
    transaction = decoded(0, **fields)
    assert intrinsic_gas(transaction) == PragueTransactionBuilder.decode(transaction.raw).intrinsic_gas


def test_creation_costs_more_by_the_word() -> None:
    one_word = decode_transaction(created(b"\x01" * 32, 0))
    one_byte_more = decode_transaction(created(b"\x01" * 33, 0))
    assert intrinsic_gas(one_word) == 21_000 + 32_000 + 32 * 16 + 2
    assert intrinsic_gas(one_byte_more) - intrinsic_gas(one_word) == 16 + 2


def test_floor_counts_a_zero_byte_as_a_quarter() -> None:
    assert floor_gas(b"") == 21_000
    assert floor_gas(b"\x00\x00\x01") == 21_000 + 10 * (1 + 1 + 4)
