"""The virtual machine: py-evm's Prague, with the precompiles that py-evm runs in slow Python switched off.

py-evm computes bn128, BLS12-381, BLAKE2 and KZG so slowly that one block of 20 million gas of them would take minutes
(measured: 30 Mgas of BLS pairings 211 s, of bn128 pairings 82 s). A call to one of their addresses therefore always
fails and uses up its gas. It does not succeed with an empty answer, as a call to an address without code would: proof
verifiers that only look at the success of the call would then accept any proof.

What remains takes one core at most some 6 s per block of `node.chain.genesis.BLOCK_GAS_LIMIT`: frames that call
themselves twice, as deep as the gas goes (3.4 Mgas/s on `CompiledVM`), are the worst that was found; opcodes that ask
for the block or the sender come next (4 Mgas/s), then calls between warm accounts (6 to 8). Other plain opcodes run at
20 Mgas/s and more in the compiled loop, words of storage at 100, and all of them at 2 to 4 in py-evm's own.
"""

from typing import Final, NoReturn

from eth import exceptions
from eth.abc import ComputationAPI
from eth.exceptions import VMError
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth_typing import Address as EvmAddress

DISABLED_PRECOMPILES: Final = tuple(EvmAddress(number.to_bytes(20, "big")) for number in range(0x06, 0x12))
"""bn128 add, mul, pairing (6 to 8), BLAKE2 (9), KZG point evaluation (10), BLS12-381 (11 to 17)."""


def _always_fails(computation: ComputationAPI) -> NoReturn:
    raise VMError("this precompile is disabled on this chain")


_ERRORS: Final = {
    exceptions.Revert: "execution reverted",
    exceptions.OutOfGas: "out of gas",
    exceptions.InsufficientStack: "stack underflow",
    exceptions.FullStack: "stack limit reached 1024",
    exceptions.InvalidJumpDestination: "invalid jump destination",
    exceptions.InvalidInstruction: "invalid opcode",
    exceptions.WriteProtection: "write protection",
    exceptions.OutOfBoundsRead: "return data out of bounds",
    exceptions.ContractCreationCollision: "contract address collision",
    exceptions.InsufficientFunds: "insufficient balance for transfer",
}
"""py-evm's failures in geth's words."""


def error_text(computation: ComputationAPI) -> str | None:
    """Return why a computation failed, or None when it succeeded."""
    if computation.is_success:
        return None
    return _ERRORS.get(type(computation.error), str(computation.error))


class Computation(PragueComputation):
    """Prague's computation with some precompiles disabled."""

    _precompiles = PragueComputation.get_precompiles() | dict.fromkeys(DISABLED_PRECOMPILES, _always_fails)


class State(PragueState):
    """Prague's state over that computation."""

    computation_class = Computation


class CommunityVM(PragueVM):
    """Prague's virtual machine over that state."""

    _state_class = State
