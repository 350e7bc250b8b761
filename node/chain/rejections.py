"""Why the chain refuses a transaction: stable codes 5xxx, in the sequence in which they are checked, with geth's words.

ethers and web3.py recognise an error by its message, so the wording is part of the interface.
Source: go-ethereum `core/txpool/errors.go`, `core/error.go`, `internal/ethapi/errors.go`.
"""

from enum import IntEnum
from typing import Final

from energy.results import Rejected


class TransactionRejection(IntEnum):
    """A transaction that was not included, and left no trace."""

    MALFORMED = 5001
    ALREADY_KNOWN = 5002
    NOT_REPLAY_PROTECTED = 5003
    WRONG_CHAIN = 5004
    INITCODE_TOO_LARGE = 5005
    GAS_LIMIT_EXCEEDED = 5006
    TIP_ABOVE_FEE_CAP = 5007
    FEE_CAP_BELOW_BASE_FEE = 5008
    SENDER_IS_CONTRACT = 5009
    NONCE_TOO_LOW = 5010
    NONCE_TOO_HIGH = 5011
    INSUFFICIENT_FUNDS = 5012
    INTRINSIC_GAS_TOO_LOW = 5013
    FLOOR_GAS_TOO_LOW = 5014
    EMPTY_AUTHORIZATION_LIST = 5015
    INVALID = 5016
    REPLACEMENT_UNDERPRICED = 5017
    ACCOUNT_LIMIT_EXCEEDED = 5018
    POOL_FULL = 5019


_WORDING: Final = {
    TransactionRejection.MALFORMED: "{reason}",
    TransactionRejection.ALREADY_KNOWN: "already known",
    TransactionRejection.NOT_REPLAY_PROTECTED: "only replay-protected (EIP-155) transactions allowed over RPC",
    TransactionRejection.WRONG_CHAIN: "invalid chain id for signer: have {chain_id} want {expected}",
    TransactionRejection.INITCODE_TOO_LARGE: "max initcode size exceeded: code size {size}, limit {limit}",
    TransactionRejection.GAS_LIMIT_EXCEEDED: "exceeds block gas limit",
    TransactionRejection.TIP_ABOVE_FEE_CAP: "max priority fee per gas higher than max fee per gas: "
    "address {sender}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee_cap}",
    TransactionRejection.FEE_CAP_BELOW_BASE_FEE: "max fee per gas less than block base fee: "
    "address {sender}, maxFeePerGas: {fee_cap}, baseFee: {base_fee}",
    TransactionRejection.SENDER_IS_CONTRACT: "sender not an eoa: address {sender}",
    TransactionRejection.NONCE_TOO_LOW: "nonce too low: next nonce {next}, tx nonce {nonce}",
    TransactionRejection.NONCE_TOO_HIGH: "nonce too high: next nonce {next}, tx nonce {nonce}",
    TransactionRejection.INSUFFICIENT_FUNDS: "insufficient funds for gas * price + value: "
    "balance {balance}, tx cost {cost}, overshot {overshot}",
    TransactionRejection.INTRINSIC_GAS_TOO_LOW: "intrinsic gas too low: gas {gas}, minimum needed {needed}",
    TransactionRejection.FLOOR_GAS_TOO_LOW: "insufficient gas for floor data gas cost: "
    "gas {gas}, minimum needed {needed}",
    TransactionRejection.EMPTY_AUTHORIZATION_LIST: "EIP-7702 transaction with empty auth list",
    TransactionRejection.INVALID: "invalid transaction: {reason}",
    TransactionRejection.REPLACEMENT_UNDERPRICED: "replacement transaction underpriced",
    TransactionRejection.ACCOUNT_LIMIT_EXCEEDED: "account limit exceeded: {limit} transactions wait already",
    TransactionRejection.POOL_FULL: "txpool is full: {limit} transactions wait already",
}


def geth_message(rejected: Rejected) -> str:
    """Return the sentence that geth would answer for a rejection of this module."""
    return _WORDING[TransactionRejection(rejected.code)].format(**rejected.facts)
