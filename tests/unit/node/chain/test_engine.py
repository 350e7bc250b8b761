import pytest
from eth_abi.abi import encode

from energy.identity import Address
from energy.results import Rejected
from node.chain.building import EXTRA_DATA, contract_address
from node.chain.port import Execution, Message
from node.chain.receipts import Receipt
from node.chain.rejections import TransactionRejection
from node.chain.transactions import decode_transaction
from node.chain.vm import DISABLED_PRECOMPILES
from tests.support.chain import (
    ALICE,
    BOB,
    EMITTER,
    ETHER,
    GENESIS,
    RECURSER,
    REVERTER,
    SEALER,
    START,
    STRANGER,
    address_of,
    created,
    decoded,
    memory_engine,
    signed,
)

A, B = address_of(ALICE), address_of(BOB)


def message(to: Address | None, data: bytes = b"", *, value: int = 0, gas: int = 10_000_000) -> Message:
    return Message(A, to, gas, 0, value, data)


def test_block_0_funds_the_accounts_and_commits_to_the_genesis() -> None:
    engine, _, genesis = memory_engine()
    assert genesis.extra_data == GENESIS.digest()
    assert (genesis.number, genesis.timestamp, genesis.coinbase) == (0, START, SEALER.address)
    assert engine.account(genesis.state_root, A).balance == 1_000 * ETHER
    assert engine.account(genesis.state_root, STRANGER).balance == 0


def test_a_transfer_moves_money_and_pays_the_sealer_the_tip() -> None:
    engine, nodes, genesis = memory_engine()
    built = engine.build(genesis, [decoded(0, value=5)], START + 10)
    assert built.block is not None
    nodes.nodes.update(built.block.nodes)
    header = built.block.header
    assert (header.number, header.timestamp, header.gas_used) == (1, START + 10, 21_000)
    assert (header.parent_hash, header.extra_data) == (genesis.hash(), EXTRA_DATA)
    assert engine.account(header.state_root, STRANGER).balance == 5
    assert engine.account(header.state_root, SEALER.address).balance == 21_000 * 1
    assert engine.account(header.state_root, A).balance == 1_000 * ETHER - 5 - 21_000 * (7 + 1)


def test_one_refused_transaction_does_not_disturb_the_others() -> None:
    engine, _, genesis = memory_engine()
    transactions = [decoded(0), decoded(7), decoded(1), decoded(0, BOB, value=2 * ETHER)]
    built = engine.build(genesis, transactions, START + 1)
    codes = [outcome and outcome.code for outcome in built.outcomes]
    assert codes == [None, TransactionRejection.NONCE_TOO_HIGH, None, TransactionRejection.INSUFFICIENT_FUNDS]
    assert built.block is not None
    alone = engine.build(genesis, [decoded(0), decoded(1)], START + 1)
    assert alone.block is not None
    assert built.block.header == alone.block.header


def test_no_block_is_made_of_nothing() -> None:
    engine, _, genesis = memory_engine()
    built = engine.build(genesis, [decoded(1)], START + 1)
    assert built.block is None
    assert isinstance(built.outcomes[0], Rejected)


def test_stops_where_the_block_is_full() -> None:
    engine, _, genesis = memory_engine()
    transactions = [decoded(nonce, gas=7_000_000) for nonce in range(4)]
    built = engine.build(genesis, transactions, START + 1)
    # Only gas that is used counts, but a limit must fit into what is left: 3 x 21 000 used, 7 000 000 still fit.
    assert built.outcomes == (None, None, None, None)
    heavy = [decoded(nonce, gas=20_000_000) for nonce in range(2)]
    assert engine.build(genesis, heavy, START + 1).outcomes == (None,)


def test_a_transaction_above_the_block_limit_is_refused_and_not_put_off() -> None:
    engine, _, genesis = memory_engine()
    (outcome,) = engine.build(genesis, [decoded(0, gas=20_000_001)], START + 1).outcomes
    assert outcome is not None
    assert outcome.code is TransactionRejection.GAS_LIMIT_EXCEEDED


def test_same_transactions_give_the_same_block() -> None:
    blocks = []
    for _ in range(2):
        engine, _, genesis = memory_engine()
        transactions = [decode_transaction(created(EMITTER, 0)), decoded(1), decoded(0, BOB)]
        built = engine.build(genesis, transactions, START + 1)
        assert built.block is not None
        blocks.append(built.block)
    assert blocks[0] == blocks[1]
    assert list(blocks[0].nodes.items()) == list(blocks[1].nodes.items())


def test_a_contract_is_created_logs_and_counts() -> None:
    engine, nodes, genesis = memory_engine()
    topics = bytes(31) + b"\x01" + bytes(31) + b"\x02"
    emitter = contract_address(A, 0)
    calls = [decoded(nonce, to=emitter, value=0, gas=100_000, data=topics) for nonce in (1, 2)]
    built = engine.build(genesis, [decode_transaction(created(EMITTER, 0)), *calls], START + 1)
    assert built.block is not None
    nodes.nodes.update(built.block.nodes)
    creation, _, second = built.block.transactions
    assert creation.contract == emitter
    (log,) = second.logs
    assert (log.address, log.topics) == (emitter, (topics[:32], topics[32:]))
    assert int.from_bytes(log.data, "big") == 2
    assert engine.storage(built.block.header.state_root, emitter, 0) == 2
    assert second.gas_used == Receipt.decode(second.receipt).cumulative_gas_used - sum(
        item.gas_used for item in built.block.transactions[:2]
    )


def _deployed(code: bytes, message_of: Message) -> Execution:
    engine, nodes, genesis = memory_engine()
    built = engine.build(genesis, [decode_transaction(created(code, 0))], START + 1)
    assert built.block is not None
    nodes.nodes.update(built.block.nodes)
    return engine.call(built.block.header, message_of)


def test_a_call_answers_and_leaves_no_trace() -> None:
    engine, nodes, genesis = memory_engine()
    built = engine.build(genesis, [decode_transaction(created(EMITTER, 0))], START + 1)
    assert built.block is not None
    nodes.nodes.update(built.block.nodes)
    before = dict(nodes.nodes)
    for _ in range(2):
        execution = engine.call(built.block.header, message(contract_address(A, 0), bytes(64)))
        assert int.from_bytes(execution.output, "big") == 1
    assert nodes.nodes == before


def test_a_call_that_reverts_gives_the_revert_data() -> None:
    execution = _deployed(REVERTER, message(contract_address(A, 0)))
    assert execution.error == "execution reverted"
    assert execution.output == bytes.fromhex("08c379a0") + encode(["string"], ["the sun is down"])


def test_gas_of_a_call_is_that_of_a_transaction() -> None:
    engine, nodes, genesis = memory_engine()
    emitter = contract_address(A, 0)
    built = engine.build(genesis, [decode_transaction(created(EMITTER, 0))], START + 1)
    assert built.block is not None
    nodes.nodes.update(built.block.nodes)
    called = engine.call(built.block.header, message(emitter, bytes(64), gas=100_000))
    sent = engine.build(built.block.header, [decoded(1, to=emitter, value=0, gas=100_000, data=bytes(64))], START + 2)
    assert sent.block is not None
    assert called.gas_used == sent.block.transactions[0].gas_used


def test_a_call_needs_the_value_and_the_intrinsic_gas() -> None:
    engine, _, genesis = memory_engine()
    poor = Message(STRANGER, A, 100_000, 0, 1, b"")
    assert "insufficient funds for gas * price + value" in str(engine.call(genesis, poor).error)
    assert engine.call(genesis, message(STRANGER, gas=20_999)).error == "intrinsic gas too low: have 20999, want 21000"


def test_a_call_runs_in_the_context_of_its_block() -> None:
    engine, _, genesis = memory_engine()
    number_and_time = bytes.fromhex("435f5242602052" + "60405ff3")  # NUMBER, TIMESTAMP
    execution = engine.call(genesis, message(None, number_and_time))
    words = [int.from_bytes(execution.output[i : i + 32], "big") for i in (0, 32)]
    assert words == [0, START]


@pytest.mark.parametrize("address", DISABLED_PRECOMPILES, ids=lambda address: f"0x{address[-1]:02x}")
def test_a_disabled_precompile_fails_and_never_answers_empty(address: bytes) -> None:
    engine, _, genesis = memory_engine()
    execution = engine.call(genesis, message(Address(address), gas=50_000))
    assert execution.error == "this precompile is disabled on this chain"
    assert execution.gas_used == 50_000


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_the_other_precompiles_work(number: int) -> None:
    engine, _, genesis = memory_engine()
    execution = engine.call(genesis, message(Address(number.to_bytes(20, "big")), bytes(96)))
    assert execution.error is None


def test_calls_as_deep_as_gas_allows_end_in_good_order() -> None:
    execution = _deployed(RECURSER, message(contract_address(A, 0), gas=20_000_000))
    assert execution.error is None
    assert execution.gas_used > 60_000  # some 120 gas a level: hundreds of levels


def test_bytes_that_only_py_evm_refuses_are_refused() -> None:
    engine, _, genesis = memory_engine()
    transaction = decode_transaction(signed(0, value=2**256 - 1, maxFeePerGas=7, maxPriorityFeePerGas=0))
    (outcome,) = engine.build(genesis, [transaction], START + 1).outcomes
    assert outcome is not None
    assert outcome.code is TransactionRejection.INSUFFICIENT_FUNDS
