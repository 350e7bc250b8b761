"""The virtual machine whose executions a tracer watches: py-evm's own loop, each opcode shown before it runs.

Slow, and for tracing only. It is `node.chain.vm` in every other respect, so that what is seen is what happened.
"""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from eth.abc import ComputationAPI, MessageAPI, StateAPI, TransactionContextAPI
from eth.vm.stack import Stack

from energy.identity import Address
from node.chain.tracer import LOGGING, Frame, FrameEnd, Step, Tracer
from node.chain.vm import CommunityVM, Computation, State, error_text


def _watched(function: Callable[..., Any]) -> Callable[..., None]:
    named: Any = getattr(function, "__wrapped__", function)

    def run(computation: "WatchedComputation") -> None:
        tracer = cast(WatchedState, computation.state).tracer
        if tracer is None:
            function(computation=computation)
            return
        with_memory = tracer.wants_memory or (tracer.wants_logs and named.mnemonic in LOGGING)
        tracer.step(_step(computation, named.mnemonic, with_memory))
        try:
            function(computation=computation)
        finally:
            tracer.gas_left(computation.msg.depth + 1, computation.get_gas_meter().gas_remaining)

    return run


def _step(computation: "WatchedComputation", mnemonic: str, with_memory: bool) -> Step:
    values = cast(Stack, computation._stack).values
    memory = computation._memory
    return Step(
        pc=max(computation.code.program_counter - 1, 0),
        mnemonic=mnemonic,
        gas=computation.get_gas_meter().gas_remaining,
        depth=computation.msg.depth + 1,
        stack=tuple(int.from_bytes(item, "big") if isinstance(item, bytes) else item for item in values),
        memory=memory.read_bytes(0, len(memory)) if with_memory else b"",
        address=Address(computation.msg.storage_address),
    )


class WatchedComputation(Computation):
    """A frame that is watched."""

    opcodes: ClassVar[dict[int, Any]] = {  # type: ignore[misc]
        opcode: _watched(function) for opcode, function in Computation.opcodes.items()
    }

    @classmethod
    def apply_message(
        cls,
        state: StateAPI,
        message: MessageAPI,
        transaction_context: TransactionContextAPI,
        parent_computation: ComputationAPI | None = None,
    ) -> ComputationAPI:
        """Run a call and show it; the frame of a creation is shown by `apply_create_message`, which calls this."""
        apply = super().apply_message
        if message.is_create:
            return apply(state, message, transaction_context, parent_computation)
        return _shown(apply, state, message, transaction_context, parent_computation)

    @classmethod
    def apply_create_message(
        cls,
        state: StateAPI,
        message: MessageAPI,
        transaction_context: TransactionContextAPI,
        parent_computation: ComputationAPI | None = None,
    ) -> ComputationAPI:
        """Run a creation and show it."""
        return _shown(super().apply_create_message, state, message, transaction_context, parent_computation)


def _shown(
    apply: Callable[..., ComputationAPI],
    state: StateAPI,
    message: MessageAPI,
    transaction_context: TransactionContextAPI,
    parent: ComputationAPI | None,
) -> ComputationAPI:
    tracer = cast(WatchedState, state).tracer
    if tracer is None:
        return apply(state, message, transaction_context, parent)
    frame = Frame(
        sender=Address(message.sender),
        to=Address(message.storage_address if message.is_create else message.code_address),
        creates=message.is_create,
        value=message.value,
        moves_value=message.should_transfer_value,
        gas=message.gas,
        data=bytes(message.code if message.is_create else message.data),
    )
    tracer.begin(frame, None if parent is None else parent.get_gas_meter().gas_remaining)
    computation = apply(state, message, transaction_context, parent)
    tracer.end(FrameEnd(bytes(computation.output), computation.get_gas_used(), error_text(computation)))
    return computation


class WatchedState(State):
    """A state whose executions a tracer watches."""

    computation_class = WatchedComputation
    tracer: Tracer | None = None
    """Whoever watches now."""


class WatchedVM(CommunityVM):
    """The machine for tracing."""

    _state_class = WatchedState
