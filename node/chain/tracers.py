"""The tracers of geth's debug namespace: every step, the tree of calls, selectors, and what storage is touched.

Their results are the JSON that geth's `structLogger`, `callTracer`, `4byteTracer` and `muxTracer` answer. A struct
trace of more than `STEPS_MAX` steps is refused with -32005: it would be larger than any answer may be.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from energy.identity import Address
from node.chain.errors import LIMIT_EXCEEDED, ChainError
from node.chain.methods.encoding import data, quantity
from node.chain.methods.revert import revert_reason
from node.chain.tracer import LOGGING, Frame, FrameEnd, LiveState, Step, Tracer

STEPS_MAX: Final = 50_000
GRANTED_BYTES_MAX: Final = 4_000_000
"""More memory than the gas of a block pays for."""

PRECOMPILE_LAST: Final = 0x11
"""Of Prague's, whether or not it answers here."""
SELECTOR_LEN: Final = 4
_CALLS: Final = ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL", "CREATE", "CREATE2")
ADDRESS_OPERANDS: Final = {
    "BALANCE": 1, "EXTCODESIZE": 1, "EXTCODECOPY": 1, "EXTCODEHASH": 1, "SELFDESTRUCT": 1,
    "CALL": 2, "CALLCODE": 2, "DELEGATECALL": 2, "STATICCALL": 2,
}  # fmt: skip
"""How deep in the stack an opcode finds the address that it looks at."""


class StructTracer(Tracer):
    """Notes every step: geth's default tracer."""

    def __init__(
        self, *, memory: bool = False, stack: bool = True, storage: bool = True, limit: int = STEPS_MAX
    ) -> None:
        self.wants_memory = memory
        self._stack = stack
        self._storage = storage
        self._limit = limit
        self._open: list[dict[str, Any]] = []
        self._seen: dict[Address, dict[str, str]] = {}
        self._loading: tuple[dict[str, Any], Address, int] | None = None
        self.steps: list[dict[str, Any]] = []
        """The `structLogs`."""
        self.output = b""
        """What the outermost frame returned."""

    def begin(self, frame: Frame, caller_gas: int | None) -> None:
        """Close the step that calls: it costs what the caller gives away."""
        if self._open and caller_gas is not None:
            calling = self._open[-1]
            calling["gasCost"] = calling["gas"] - caller_gas
        self._open.append({})

    def step(self, step: Step) -> None:
        """Note an opcode."""
        self._finish_loading(step)
        if len(self.steps) >= self._limit:
            raise ChainError(LIMIT_EXCEEDED, f"the trace is longer than {self._limit} steps")
        entry: dict[str, Any] = {
            "pc": step.pc, "op": step.mnemonic, "gas": step.gas, "gasCost": 0, "depth": step.depth,
        }  # fmt: skip
        if self._stack:
            entry["stack"] = [quantity(value) for value in step.stack]
        if self.wants_memory:
            entry["memory"] = [step.memory[at : at + 32].hex() for at in range(0, len(step.memory), 32)]
        if self._storage:
            self._note_storage(entry, step)
        self.steps.append(entry)
        self._open[-1] = entry

    def gas_left(self, depth: int, gas: int) -> None:
        """Note what the last opcode cost, unless it called and is closed already."""
        entry = self._open[-1]
        if entry and not (entry["op"] in _CALLS and entry["gasCost"]):
            entry["gasCost"] = entry["gas"] - gas

    def end(self, end: FrameEnd) -> None:
        """Leave a frame; its last step names the error."""
        last = self._open.pop()
        self.output = end.output
        if end.error is not None and end.error != "execution reverted" and last:
            last["error"] = end.error

    def _note_storage(self, entry: dict[str, Any], step: Step) -> None:
        words = self._seen.setdefault(step.address, {})
        if step.mnemonic == "SSTORE" and len(step.stack) >= 2:
            words[_word(step.stack[-1])] = _word(step.stack[-2])
            entry["storage"] = dict(words)
        elif step.mnemonic == "SLOAD" and step.stack:
            self._loading = (entry, step.address, step.stack[-1])

    def _finish_loading(self, following: Step) -> None:
        if self._loading is None:
            return
        entry, address, slot = self._loading
        self._loading = None
        if following.address == address and following.stack:
            words = self._seen[address]
            words[_word(slot)] = _word(following.stack[-1])
            entry["storage"] = dict(words)


class CallTracer(Tracer):
    """Notes the tree of calls: geth's `callTracer`."""

    def __init__(self, *, only_top: bool = False, logs: bool = False) -> None:
        self._only_top = only_top
        self.wants_logs = logs
        self._open: list[dict[str, Any]] = []
        self._calling: Step | None = None
        self.top: dict[str, Any] = {}
        """The transaction's own frame."""

    def begin(self, frame: Frame, caller_gas: int | None) -> None:
        """Note a call."""
        calling = self._calling
        kind, sender = ("CREATE" if frame.creates else "CALL"), frame.sender
        if self._open and calling is not None:
            kind, sender = calling.mnemonic, calling.address
        call: dict[str, Any] = {
            "type": kind,
            "from": data(sender),
            "to": data(frame.to),
            "gas": quantity(frame.gas),
            "gasUsed": quantity(0),
            "input": data(frame.data),
        }
        if kind != "STATICCALL":
            call["value"] = quantity(frame.value)
        if not self._open:
            self.top = call
        elif not self._only_top:
            self._open[-1].setdefault("calls", []).append(call)
        self._open.append(call)

    def step(self, step: Step) -> None:
        """Remember the opcode that may be about to call, and note one that logs; if it cannot, its frame fails."""
        if step.mnemonic in _CALLS:
            self._calling = step
        elif self.wants_logs and step.mnemonic in LOGGING:
            self._note_log(step, LOGGING.index(step.mnemonic))

    def _note_log(self, step: Step, topics: int) -> None:
        if len(step.stack) < topics + 2:
            return
        start, size = step.stack[-1], step.stack[-2]
        if start + size > GRANTED_BYTES_MAX:
            return  # more memory than any gas pays for: the frame is about to fail
        call = self._open[-1]
        call.setdefault("logs", []).append(
            {
                "address": data(step.address),
                "topics": [f"0x{topic:064x}" for topic in reversed(step.stack[-2 - topics : -2])],
                "data": data(step.memory[start : start + size].ljust(size, b"\0")),
                "position": quantity(len(call.get("calls", []))),
            }
        )

    def end(self, end: FrameEnd) -> None:
        """Note how a call ended."""
        call = self._open.pop()
        call["gasUsed"] = quantity(end.gas_used)
        if end.error is not None:
            _undo_logs(call)
        if not self._open:
            for index, log in enumerate(_logs_in(call)):
                log["index"] = quantity(index)
        if end.output:
            call["output"] = data(end.output)
        if end.error is not None:
            call["error"] = end.error
            reason = revert_reason(end.output)
            if reason is not None:
                call["revertReason"] = reason


class SelectorTracer(Tracer):
    """Counts which functions are called with how much data: geth's `4byteTracer`."""

    def __init__(self) -> None:
        self.called: Counter[str] = Counter()
        """Calls by selector and bytes after it, as in `0x12345678-64`."""

    def begin(self, frame: Frame, caller_gas: int | None) -> None:
        """Count a call of a contract; what is shorter than a selector calls no function."""
        is_precompile = 0 < int.from_bytes(frame.to, "big") <= PRECOMPILE_LAST
        if len(frame.data) >= SELECTOR_LEN and not frame.creates and not is_precompile:
            self.called[f"{data(frame.data[:SELECTOR_LEN])}-{len(frame.data) - SELECTOR_LEN}"] += 1


class MuxTracer(Tracer):
    """Lets several tracers watch at once: geth's `muxTracer`."""

    def __init__(self, tracers: Mapping[str, Tracer]) -> None:
        self.tracers = tracers
        """By name; none of them wants the memory."""
        self.wants_logs = any(each.wants_logs for each in tracers.values())

    def start(self, state: LiveState, touched: Sequence[Address]) -> None:
        """Pass on."""
        for each in self.tracers.values():
            each.start(state, touched)

    def begin(self, frame: Frame, caller_gas: int | None) -> None:
        """Pass on."""
        for each in self.tracers.values():
            each.begin(frame, caller_gas)

    def step(self, step: Step) -> None:
        """Pass on."""
        for each in self.tracers.values():
            each.step(step)

    def gas_left(self, depth: int, gas: int) -> None:
        """Pass on."""
        for each in self.tracers.values():
            each.gas_left(depth, gas)

    def end(self, end: FrameEnd) -> None:
        """Pass on."""
        for each in self.tracers.values():
            each.end(end)

    def finish(self, state: LiveState) -> None:
        """Pass on."""
        for each in self.tracers.values():
            each.finish(state)


def _undo_logs(call: dict[str, Any]) -> None:
    call.pop("logs", None)
    for inner in call.get("calls", []):
        _undo_logs(inner)


def _logs_in(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the logs of a call and of those in it, in the sequence in which they were made."""
    waiting = list(call.get("logs", []))
    for place, inner in enumerate([*call.get("calls", []), None]):
        while waiting and int(waiting[0]["position"], 16) <= place:
            yield waiting.pop(0)
        if inner is not None:
            yield from _logs_in(inner)


class AccessTracer(Tracer):
    """Collects the accounts and storage words that an execution touches (EIP-2930)."""

    def __init__(self) -> None:
        self.touched: dict[Address, dict[int, None]] = {}
        """Slots by account, both in the sequence of first touch."""

    def step(self, step: Step) -> None:
        """Note what an opcode looks at."""
        if step.mnemonic in ("SLOAD", "SSTORE") and step.stack:
            self.touched.setdefault(step.address, {})[step.stack[-1]] = None
        operand = ADDRESS_OPERANDS.get(step.mnemonic)
        if operand is not None and len(step.stack) >= operand:
            self.touched.setdefault(Address(step.stack[-operand].to_bytes(32, "big")[12:]), {})


def _word(value: int) -> str:
    return f"{value:064x}"
