"""geth's `prestateTracer`: what a transaction found of everything that it touched, and what it made of it.

An account or a word is looked at when it is touched first, before anything can have changed it. As in geth: nonces are
plain numbers, what is zero or empty is left out (words of storage only from a difference), and accounts that were not
there before are only in what became of them.
Source: go-ethereum `eth/tracers/native/prestate.go`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from energy.identity import Address
from node.chain.methods.encoding import data, quantity
from node.chain.tracer import Frame, LiveState, Step, Tracer
from node.chain.tracers import ADDRESS_OPERANDS


@dataclass(slots=True)
class _Found:
    """An account as it was at one moment."""

    balance: int
    nonce: int
    code: bytes
    words: dict[int, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.balance or self.nonce or self.code)


class PrestateTracer(Tracer):
    """Notes what is touched."""

    def __init__(self, *, difference: bool = False, code: bool = True, storage: bool = True) -> None:
        self._difference = difference
        self._code = code
        self._storage = storage
        self._before: dict[Address, _Found] = {}
        self._after: dict[Address, _Found] = {}
        self._state: LiveState | None = None

    @property
    def result(self) -> dict[str, Any]:
        """Return the accounts as they were; for a difference what was changed, before and after."""
        if not self._difference:
            return {
                data(address): self._shown(found, _Found(0, 0, b""))
                for address, found in self._before.items()
                if not found.is_empty
            }
        pre: dict[str, Any] = {}
        post: dict[str, Any] = {}
        for address, before in self._before.items():
            after = self._after[address]
            changed = self._shown(after, before)
            words = {slot: word for slot, word in before.words.items() if word != after.words[slot]}
            if not changed and not (self._storage and words):
                continue
            if not after.is_empty or before.is_empty:
                post[data(address)] = changed
            if not before.is_empty:
                kept = {slot: word for slot, word in words.items() if word}
                nothing = _Found(0, 0, b"")
                pre[data(address)] = self._shown(_Found(before.balance, before.nonce, before.code, kept), nothing)
        return {"pre": pre, "post": post}

    def _shown(self, found: _Found, known: _Found) -> dict[str, Any]:
        """Return what of an account differs from what is known of it; of its words those that differ and are not 0."""
        shown: dict[str, Any] = {}
        if found.balance != known.balance or (known.is_empty and not self._difference):
            shown["balance"] = quantity(found.balance)
        if found.nonce != known.nonce:
            shown["nonce"] = found.nonce
        if self._code and found.code != known.code:
            shown["code"] = data(found.code)
        words = {
            slot: word
            for slot, word in found.words.items()
            if not self._difference or (word and word != known.words.get(slot, 0))
        }
        if self._storage and words:
            shown["storage"] = {_word(slot): _word(word) for slot, word in words.items()}
        return shown

    def start(self, state: LiveState, touched: Sequence[Address]) -> None:
        """Look at the accounts that every transaction touches."""
        self._state = state
        for address in touched:
            self._touch(address)

    def begin(self, frame: Frame, caller_gas: int | None) -> None:
        """Look at who is called or created."""
        self._touch(frame.to)

    def step(self, step: Step) -> None:
        """Look at what an opcode is about to touch."""
        if step.mnemonic in ("SLOAD", "SSTORE") and step.stack:
            assert self._state is not None
            slot, words = step.stack[-1], self._touch(step.address).words
            if slot not in words:
                words[slot] = self._state.word(step.address, slot)
        operand = ADDRESS_OPERANDS.get(step.mnemonic)
        if operand is not None and len(step.stack) >= operand:
            self._touch(Address(step.stack[-operand].to_bytes(32, "big")[12:]))

    def finish(self, state: LiveState) -> None:
        """Look at all of it again."""
        for address, before in self._before.items():
            words = {slot: state.word(address, slot) for slot in before.words}
            self._after[address] = _found(state, address, words)

    def _touch(self, address: Address) -> _Found:
        assert self._state is not None
        if address not in self._before:
            self._before[address] = _found(self._state, address, {})
        return self._before[address]


def _found(state: LiveState, address: Address, words: dict[int, int]) -> _Found:
    return _Found(state.balance(address), state.nonce(address), state.code(address), words)


def _word(value: int) -> str:
    return data(value.to_bytes(32, "big"))
