"""py-evm's state in the middle of an execution: read by tracers, changed by overrides."""

from eth.abc import StateAPI
from eth_typing import Address as EvmAddress

from energy.identity import Address
from node.chain.port import Override


class LiveEvmState:
    """The state as it is whenever it is asked; `node.chain.tracer.LiveState`."""

    def __init__(self, state: StateAPI) -> None:
        self._state = state

    def balance(self, address: Address) -> int:
        """Return an account's wei."""
        return self._state.get_balance(EvmAddress(address))

    def nonce(self, address: Address) -> int:
        """Return an account's nonce."""
        return self._state.get_nonce(EvmAddress(address))

    def code(self, address: Address) -> bytes:
        """Return a contract's code."""
        return self._state.get_code(EvmAddress(address))

    def word(self, address: Address, slot: int) -> int:
        """Return a word of a contract's storage."""
        return self._state.get_storage(EvmAddress(address), slot)


def change(state: StateAPI, address: EvmAddress, override: Override) -> None:
    """Change an account before something is executed."""
    if override.balance is not None:
        state.set_balance(address, override.balance)
    if override.nonce is not None:
        state.set_nonce(address, override.nonce)
    if override.code is not None:
        state.set_code(address, override.code)
    if override.clears_storage:
        state.delete_storage(address)
    for slot, word in override.words:
        state.set_storage(address, slot, word)
