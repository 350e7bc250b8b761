from collections.abc import Iterator

import pytest

from energy.identity import Address, Digest
from node.chain.compiled_vm import CODE_BYTES_MAX, Codes
from node.chain.engine import PyEvmEngine
from node.chain.port import Message
from node.chain.vm import CommunityVM
from oracles.hashing import keccak
from oracles.signatures import sign
from tests.support.chain import ALICE, CHAIN_ID, SEALER, address_of, memory_engine

DIGEST = bytes(range(32))
SIGNED_BY_A = sign(bytes(ALICE.key), Digest(DIGEST))
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def test_code_is_analysed_once() -> None:
    codes = Codes()
    assert codes.of(b"\x5b\x00") is codes.of(b"\x5b\x00")
    assert codes.remembered_bytes == 2


def test_codes_that_strangers_bring_are_forgotten() -> None:
    codes = Codes()
    for number in range(30):
        codes.of(number.to_bytes(4, "big") + bytes(CODE_BYTES_MAX // 10))
        assert codes.remembered_bytes <= CODE_BYTES_MAX
    small = codes.of(b"\x00")
    codes.of(bytes(CODE_BYTES_MAX))
    assert codes.of(b"\x00") is not small


def _asked(digest: bytes, v: int, r: int, s: int) -> bytes:
    return digest + b"".join(part.to_bytes(32, "big") for part in (v, r, s))


def _signature_questions() -> Iterator[bytes]:
    r, s, v = (int.from_bytes(part, "big") for part in (SIGNED_BY_A[:32], SIGNED_BY_A[32:64], SIGNED_BY_A[64:]))
    yield _asked(DIGEST, v, r, s)
    yield _asked(DIGEST, 55 - v, r, CURVE_ORDER - s)  # the same, s in the upper half
    for number in (0, 1, 26, 29, 30, 27 + 256, 27 << 248):
        yield _asked(DIGEST, number, r, s)
    for wrong in (0, CURVE_ORDER, CURVE_ORDER + 1, 2**256 - 1, 5):
        yield _asked(DIGEST, v, wrong, s)
        yield _asked(DIGEST, v, r, wrong)
    for small in range(1, 8):  # x coordinates that only 29 and 30 could speak of
        yield _asked(DIGEST, 29, small, s)
    whole = _asked(DIGEST, v, r, s)
    yield from (b"", whole[:31], whole[:127], whole + b"\1" * 40)


@pytest.mark.parametrize("question", list(_signature_questions()), ids=lambda question: keccak(question)[:3].hex())
def test_signatures_are_recovered_as_py_evm_does(question: bytes) -> None:
    engine, nodes, genesis = memory_engine()
    slow = PyEvmEngine(nodes, CHAIN_ID, SEALER.address, CommunityVM)
    asked = Message(address_of(ALICE), Address(bytes(19) + b"\1"), 100_000, 0, 0, question)
    assert engine.call(genesis, asked) == slow.call(genesis, asked)
    recovered = engine.call(genesis, asked).output
    if question[:128] == next(_signature_questions()):
        assert recovered == bytes(12) + address_of(ALICE)
