# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The loop that runs a frame of EVM code, and the calls from frame to frame.

Opcodes that compute on stack, memory, call data and code, read and write words of storage, log and call run here (and in
`node.chain._state`), on words of four 64-bit limbs, lowest first. All others (creation, the context, the rest of an
account) are calls of py-evm's own opcode objects: their arguments are put on py-evm's stack, the gas into its meter, and
both are taken back afterwards. Between two of them py-evm's stack is empty. A called frame is a computation of py-evm's,
made without its checks, so that whatever py-evm does with it finds it as it left it.
Sources: yellow paper, appendix H; the static gas of every opcode is read from py-evm's objects.
Refuses: what py-evm refuses, by the same exceptions; a frame with more gas than 2^62 (`OverflowError`).
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove

from node.chain._state cimport copy_in, grown, integer, load, log, looked_at, piece_of, set_integer, store, words
from node.chain._words cimport (
    WORD,
    add,
    bytes_of,
    divide_small,
    is_less,
    is_less_signed,
    is_small,
    is_zero,
    multiply,
    read_word,
    set_small,
    shift_left,
    shift_right,
    shift_right_signed,
    sign_extend,
    subtract,
    write_word,
)

from eth.constants import GAS_CALLSTIPEND, GAS_CALLVALUE, GAS_NEWACCOUNT, STACK_DEPTH_LIMIT
from eth.exceptions import (
    FullStack,
    Halt,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfBoundsRead,
    OutOfGas,
    Revert,
    VMError,
    WriteProtection,
)
from eth.vm.logic.invalid import InvalidOpcode
from eth.vm.memory import Memory
from eth.vm.message import Message
from eth.vm.stack import Stack

from oracles.hashing import keccak

cdef enum:
    STACK_MAX = 1024
    JUMPS_BETWEEN_SIGNALS = 4096
    COPY_GAS = 3  # a word
    KECCAK_GAS = 6  # a word
    EXPONENT_GAS = 50  # a byte
    STOP = 0x00
    JUMPDEST = 0x5B
    PUSH1 = 0x60
    PUSH32 = 0x7F
    CALL = 0xF1
    CALLCODE = 0xF2
    DELEGATECALL = 0xF4
    STATICCALL = 0xFA

cdef int64_t GAS_MAX = 1 << 62
cdef int64_t STIPEND = GAS_CALLSTIPEND
cdef int64_t VALUE_GAS = GAS_CALLVALUE
cdef int64_t ACCOUNT_GAS = GAS_NEWACCOUNT
cdef int DEPTH_MAX = STACK_DEPTH_LIMIT
cdef bytes DELEGATION = b"\xef\x01\x00"

_ARITIES = {
    1: "15 19 31 35 3b 3f 40 49 50 51 54 56 5c ff",
    2: "01 02 03 04 05 06 07 0a 0b 10 11 12 13 14 16 17 18 1a 1b 1c 1d 20 52 53 55 57 5d a0 f3 fd",
    3: "08 09 37 39 3e 5e a1 f0",
    4: "3c a2 f5",
    5: "a3",
    6: "a4 f4 fa",
    7: "f1 f2",
}
"""Opcodes by how many words they take; those that are not here take none."""
_SILENT = "00 37 39 3c 3e 50 52 53 55 56 57 5b 5d 5e a0 a1 a2 a3 a4 f3 fd ff"
"""Opcodes that leave no word."""


cdef class Code:
    """Some code, and where it may be jumped to."""

    cdef bytes padded
    cdef bytes destinations
    cdef Py_ssize_t size

    def __init__(self, bytes code):
        cdef Py_ssize_t position = 0
        self.size = len(code)
        found = bytearray(self.size)
        while position < self.size:
            opcode = code[position]
            if opcode == JUMPDEST:
                found[position] = 1
            position += 1
            if PUSH1 <= opcode <= PUSH32:
                position += opcode - PUSH1 + 1
        self.destinations = bytes(found)
        self.padded = code + bytes(WORD + 1)  # it stops at its end, also in the middle of a PUSH


cdef class Machine:
    """Runs frames by one set of opcodes."""

    cdef dict opcodes
    cdef dict precompiles
    cdef object codes
    cdef int64_t gas[256]
    cdef int taken[256]
    cdef int left[256]

    def __init__(self, dict opcodes, dict precompiles, codes):
        """Take py-evm's opcode objects by value, its precompiles by address, and what returns the `Code` of some code."""
        cdef int opcode
        arities = {int(text, 16): count for count, texts in _ARITIES.items() for text in texts.split()}
        silent = {int(text, 16) for text in _SILENT.split()}
        self.opcodes = opcodes
        self.precompiles = precompiles
        self.codes = codes
        for opcode in range(256):
            function = opcodes.get(opcode)
            self.taken[opcode] = arities.get(opcode, 0)
            self.left[opcode] = 0 if function is None or opcode in silent else 1
            # What py-evm runs charges for itself.
            self.gas[opcode] = function.gas_cost if function is not None and is_ours(opcode) else 0
        for opcode in range(16):
            self.taken[0x80 + opcode], self.left[0x80 + opcode] = opcode + 1, opcode + 2
            self.taken[0x90 + opcode], self.left[0x90 + opcode] = opcode + 2, opcode + 2

    def run(self, computation):
        """Run a frame from its first opcode until it halts.

        Raises:
            Halt: it ended by SELFDESTRUCT.
            VMError: it failed.
        """
        cdef uint64_t *stack = <uint64_t *> malloc(STACK_MAX * WORD)
        if stack == NULL:
            raise MemoryError
        try:
            run_frame(self, computation, self.codes(computation.msg.code), stack)
        finally:
            free(stack)


cdef bint is_ours(int opcode) noexcept:
    """Return whether an opcode runs here."""
    if opcode <= 0x20 or opcode in (0x30, 0x33, 0x34, 0x5E, 0x5F, 0xF3, 0xFD) or is_call(opcode):
        return True
    return 0x35 <= opcode <= 0x39 or opcode in (0x3D, 0x3E) or 0x50 <= opcode <= 0x5B or PUSH1 <= opcode <= 0xA4


cdef inline bint is_call(int opcode) noexcept:
    return opcode == CALL or opcode == CALLCODE or opcode == DELEGATECALL or opcode == STATICCALL


# -- ARITHMETIC

cdef object signed(const uint64_t *a):
    value = integer(a)
    return value - (1 << 256) if a[3] >> 63 else value


cdef int divide(int opcode, const uint64_t *a, uint64_t *b) except -1:
    """Put a / b or a % b, signed or not, into b."""
    cdef uint64_t quotient[4]
    cdef uint64_t rest
    if is_zero(b):
        return 0
    if is_small(b) and (opcode == 0x04 or opcode == 0x06 or not a[3] >> 63):
        memcpy(quotient, a, WORD)
        rest = divide_small(quotient, b[0])
        if opcode == 0x04 or opcode == 0x05:
            memcpy(b, quotient, WORD)
        else:
            set_small(b, rest)
        return 0
    if opcode == 0x04:
        return set_integer(b, integer(a) // integer(b))
    if opcode == 0x06:
        return set_integer(b, integer(a) % integer(b))
    x, y = signed(a), signed(b)
    if opcode == 0x05:
        result = abs(x) // abs(y) if (x < 0) == (y < 0) else -(abs(x) // abs(y))
    else:
        result = abs(x) % abs(y) if x >= 0 else -(abs(x) % abs(y))
    return set_integer(b, result & ((1 << 256) - 1))


# -- FRAMES

cdef int64_t call(Machine machine, computation, int opcode, uint64_t *a, int64_t gas) except -1:
    """Call another account's code; whether that went well comes where the lowest argument was. Return the gas left."""
    cdef bint has_value = opcode == CALL or opcode == CALLCODE, stays = opcode == CALLCODE or opcode == DELEGATECALL
    cdef uint64_t *given = a - (12 if has_value else 8)  # place and size of what is given, then of the answer
    cdef uint64_t *answer = given - 8
    cdef uint64_t *result = answer - 4
    cdef int64_t extra = 0, most
    cdef uint64_t answer_at, size
    cdef bytes target = address_in(a - 4), code, delegate = None, output
    message, memory, accounts = computation.msg, computation._memory, computation.state._account_db
    value = integer(a - 8) if has_value else (message.value if opcode == DELEGATECALL else 0)
    PyErr_CheckSignals()
    if opcode == CALL and value and message.is_static:
        raise WriteProtection("write protection")
    gas = grown(memory, given, given - 4, gas)
    gas = grown(memory, answer, answer - 4, gas)
    gas = looked_at(accounts, machine.precompiles, target, gas)
    code = accounts.get_code(target)
    if PyBytes_GET_SIZE(code) == 23 and code.startswith(DELEGATION):
        delegate = code[3:]
        gas = looked_at(accounts, machine.precompiles, delegate, gas)
        code = accounts.get_code(delegate)
    if value and has_value:
        extra = VALUE_GAS
        if opcode == CALL and accounts.account_is_empty(target):
            extra += ACCOUNT_GAS
    if gas < extra:
        raise OutOfGas("out of gas")
    most = gas - extra - (gas - extra) // 64
    if is_small(a) and a[0] < <uint64_t> most:
        most = a[0]
    gas -= most + extra
    if value and has_value:
        most += STIPEND
    answer_at, size = answer[0], result[0]
    if message.depth + 1 > DEPTH_MAX or (value and has_value and accounts.get_balance(message.storage_address) < value):
        computation.return_data = b""
        set_small(result, 0)
        return gas + most
    child_message = Message.__new__(Message)
    child_message.gas = most
    child_message.to = message.storage_address if stays else target
    child_message.sender = message.sender if opcode == DELEGATECALL else message.storage_address
    child_message.value = value
    child_message.data = piece_of(memory, given, given - 4)
    child_message.depth = message.depth + 1
    child_message.code = code
    child_message._code_address = delegate or (target if stays else None)
    child_message._storage_address = None
    child_message.create_address = None
    child_message.should_transfer_value = has_value
    child_message.is_static = opcode == STATICCALL or message.is_static
    child_message._is_delegation = delegate is not None
    child_message.refund = 0
    child = applied(machine, computation, child_message)
    error = child._error
    output = child._output if error is None or not error.erases_return_data else b""
    computation.return_data = output
    computation.children.append(child)
    size = min(size, <uint64_t> PyBytes_GET_SIZE(output))
    if size:
        memcpy(PyByteArray_AS_STRING(memory._bytes) + answer_at, PyBytes_AS_STRING(output), size)
    set_small(result, error is None)
    return gas + <int64_t> child._gas_meter.gas_remaining


cdef object applied(Machine machine, parent, message):
    """Return the frame of a call after it has run; what it did is undone when it failed."""
    state = parent.state
    accounts = state._account_db
    checkpoint = accounts.record()
    if message.should_transfer_value and message.value:
        accounts.set_balance(message.sender, accounts.get_balance(message.sender) - message.value)
        accounts.set_balance(message.to, accounts.get_balance(message.to) + message.value)
    accounts.touch_account(message.to)
    frame = type(parent).__new__(type(parent))
    frame.state = state
    frame.msg = message
    frame.transaction_context = parent.transaction_context
    frame._gas_meter = frame._configure_gas_meter()
    frame.children = []
    frame.accounts_to_delete = []
    frame.beneficiaries = []
    frame._stack = Stack()
    frame._memory = Memory()
    frame._log_entries = []
    frame.data_floor_cost = 0
    frame.contracts_created = parent.contracts_created
    try:
        precompile = machine.precompiles.get(message.code_address)
        if precompile is None:
            if message.code:
                machine.run(frame)
        elif not message._is_delegation:
            precompile(frame)
    except Halt:
        pass
    except VMError as error:
        frame._error = error
        if error.burns_gas:
            frame._gas_meter.gas_remaining = 0
        if error.erases_return_data:
            frame.return_data = b""
        accounts.discard(checkpoint)
    return frame


cdef bytes address_in(const uint64_t *a):
    """Return the address in a word, whatever stands before it."""
    cdef char raw[WORD]
    write_word(a, raw)
    return PyBytes_FromStringAndSize(raw + 12, 20)


cdef int64_t run_stock(Machine machine, computation, int opcode, values, meter, uint64_t *top, int64_t gas) except -1:
    """Let py-evm run an opcode; what it takes is below `top`, what it leaves comes there. Return the gas left."""
    cdef int index
    function = machine.opcodes.get(opcode)
    if function is None or isinstance(function, InvalidOpcode):
        raise InvalidInstruction("invalid opcode")
    for index in range(machine.taken[opcode], 0, -1):
        values.append(integer(top - 4 * index))
    meter.gas_remaining = gas
    function(computation=computation)
    if values:
        set_integer(top - 4 * machine.taken[opcode], values.pop())
    return meter.gas_remaining


cdef int run_frame(Machine machine, computation, Code code, uint64_t *stack) except -1:
    cdef const uint8_t *program = <const uint8_t *> PyBytes_AS_STRING(code.padded)
    cdef const char *destinations = PyBytes_AS_STRING(code.destinations)
    cdef uint64_t *a = stack  # where the next word comes
    cdef uint64_t *b
    cdef uint64_t scratch[4]
    cdef uint64_t size
    cdef Py_ssize_t position = 0
    cdef int opcode, height = 0, count, index, jumps = 0
    cdef bytes call_data = computation.msg.data_as_bytes
    cdef bytes piece
    cdef char *bytes_
    cdef bytes address = computation.msg.storage_address
    meter, memory, values = computation._gas_meter, computation._memory, computation._stack.values
    accounts = computation.state._account_db
    if meter.gas_remaining > GAS_MAX:
        raise OverflowError("more gas than a frame can have")
    cdef int64_t gas = meter.gas_remaining

    while True:
        opcode = program[position] if position < code.size else STOP
        gas -= machine.gas[opcode]
        if gas < 0:
            raise OutOfGas("out of gas")
        count = machine.taken[opcode]
        if height < count:
            raise InsufficientStack("stack underflow")
        height += machine.left[opcode] - count
        if height > STACK_MAX:
            raise FullStack("stack limit reached")
        a = stack + 4 * (height - machine.left[opcode] + count - 1)  # the top before, undone below
        b = a - 4  # the one below it
        position += 1

        if PUSH1 <= opcode <= PUSH32:
            a += 4
            count = opcode - PUSH1 + 1
            set_small(a, 0)
            for index in range(count):
                a[(count - 1 - index) >> 3] |= <uint64_t> program[position + index] << 8 * ((count - 1 - index) & 7)
            position += count
        elif 0x80 <= opcode <= 0x8F:
            memcpy(a + 4, a - 4 * (opcode - 0x80), WORD)
        elif 0x90 <= opcode <= 0x9F:
            b = a - 4 * (opcode - 0x8F)
            memcpy(scratch, a, WORD)
            memcpy(a, b, WORD)
            memcpy(b, scratch, WORD)
        elif opcode == 0x01:
            add(a, b)
        elif opcode == 0x02:
            multiply(a, b)
        elif opcode == 0x03:
            subtract(a, b)
        elif opcode == 0x04 or opcode == 0x05 or opcode == 0x06 or opcode == 0x07:
            divide(opcode, a, b)
        elif opcode == 0x08:
            modulus = integer(a - 8)
            set_integer(a - 8, (integer(a) + integer(b)) % modulus if modulus else 0)
        elif opcode == 0x09:
            modulus = integer(a - 8)
            set_integer(a - 8, integer(a) * integer(b) % modulus if modulus else 0)
        elif opcode == 0x0A:
            gas -= EXPONENT_GAS * bytes_of(b)
            if gas < 0:
                raise OutOfGas("out of gas")
            set_integer(b, pow(integer(a), integer(b), 1 << 256))
        elif opcode == 0x0B:
            if is_small(a) and a[0] < 31:
                sign_extend(a[0], b)
        elif opcode == 0x10:
            set_small(b, is_less(a, b))
        elif opcode == 0x11:
            set_small(b, is_less(b, a))
        elif opcode == 0x12:
            set_small(b, is_less_signed(a, b))
        elif opcode == 0x13:
            set_small(b, is_less_signed(b, a))
        elif opcode == 0x14:
            set_small(b, a[0] == b[0] and a[1] == b[1] and a[2] == b[2] and a[3] == b[3])
        elif opcode == 0x15:
            set_small(a, is_zero(a))
        elif opcode == 0x16:
            for index in range(4):
                b[index] &= a[index]
        elif opcode == 0x17:
            for index in range(4):
                b[index] |= a[index]
        elif opcode == 0x18:
            for index in range(4):
                b[index] ^= a[index]
        elif opcode == 0x19:
            for index in range(4):
                a[index] = ~a[index]
        elif opcode == 0x1A:
            if is_small(a) and a[0] < WORD:
                index = 31 - <int> a[0]
                set_small(b, b[index >> 3] >> 8 * (index & 7) & 0xFF)
            else:
                set_small(b, 0)
        elif opcode == 0x1B:
            if is_small(a) and a[0] < 256:
                shift_left(b, a[0])
            else:
                set_small(b, 0)
        elif opcode == 0x1C:
            if is_small(a) and a[0] < 256:
                shift_right(b, a[0])
            else:
                set_small(b, 0)
        elif opcode == 0x1D:
            shift_right_signed(b, a[0] if is_small(a) else 256)
        elif opcode == 0x20:
            gas = grown(memory, a, b, gas)
            size = b[0]
            gas -= KECCAK_GAS * <int64_t> words(size)
            if gas < 0:
                raise OutOfGas("out of gas")
            set_integer(b, keccak(piece_of(memory, a, b)))
        elif opcode == 0x30:
            set_integer(a + 4, address)
        elif opcode == 0x33:
            set_integer(a + 4, computation.msg.sender)
        elif opcode == 0x34:
            set_integer(a + 4, computation.msg.value)
        elif opcode == 0x35:
            copy_in(<char *> scratch, call_data, a, WORD)
            read_word(a, <char *> scratch)
        elif opcode == 0x36:
            set_small(a + 4, PyBytes_GET_SIZE(call_data))
        elif opcode == 0x38:
            set_small(a + 4, code.size)
        elif opcode == 0x3D:
            set_small(a + 4, len(computation.return_data))
        elif opcode == 0x37 or opcode == 0x39 or opcode == 0x3E:
            if opcode == 0x37:
                piece = call_data
            elif opcode == 0x39:
                piece = code.padded
            else:
                piece = bytes(computation.return_data)
                size = PyBytes_GET_SIZE(piece)
                if not is_small(b) or not is_small(a - 8) or b[0] > size or (a - 8)[0] > size - b[0]:
                    raise OutOfBoundsRead("return data out of bounds")
            gas = grown(memory, a, a - 8, gas)
            size = (a - 8)[0]
            gas -= COPY_GAS * <int64_t> words(size)
            if gas < 0:
                raise OutOfGas("out of gas")
            if size:
                copy_in(PyByteArray_AS_STRING(memory._bytes) + a[0], piece, b, size)
        elif opcode == 0x50 or opcode == JUMPDEST:
            pass
        elif opcode == 0x51:
            set_small(scratch, WORD)
            gas = grown(memory, a, scratch, gas)
            read_word(a, PyByteArray_AS_STRING(memory._bytes) + a[0])
        elif opcode == 0x52:
            set_small(scratch, WORD)
            gas = grown(memory, a, scratch, gas)
            write_word(b, PyByteArray_AS_STRING(memory._bytes) + a[0])
        elif opcode == 0x53:
            set_small(scratch, 1)
            gas = grown(memory, a, scratch, gas)
            (PyByteArray_AS_STRING(memory._bytes) + a[0])[0] = <char> (b[0] & 0xFF)
        elif opcode == 0x54:
            gas = load(accounts, address, a, gas)
        elif opcode == 0x55:
            gas = store(computation, accounts, address, a, gas)
        elif opcode == 0x56 or opcode == 0x57:
            if opcode == 0x56 or not is_zero(b):
                if not is_small(a) or a[0] >= <uint64_t> code.size or not destinations[a[0]]:
                    raise InvalidJumpDestination("Invalid Jump Destination")
                position = a[0]
                jumps += 1
                if jumps == JUMPS_BETWEEN_SIGNALS:
                    jumps = 0
                    PyErr_CheckSignals()
        elif opcode == 0x58:
            set_small(a + 4, position - 1)
        elif opcode == 0x59:
            set_small(a + 4, PyByteArray_GET_SIZE(memory._bytes))
        elif opcode == 0x5A:
            set_small(a + 4, gas)
        elif opcode == 0x5E:
            gas = grown(memory, b if is_less(a, b) else a, a - 8, gas)
            size = (a - 8)[0]
            gas -= COPY_GAS * <int64_t> words(size)
            if gas < 0:
                raise OutOfGas("out of gas")
            if size:
                bytes_ = PyByteArray_AS_STRING(memory._bytes)
                memmove(bytes_ + a[0], bytes_ + b[0], size)
        elif opcode == 0x5F:
            set_small(a + 4, 0)
        elif opcode == STOP:
            meter.gas_remaining = gas
            return 0
        elif opcode == 0xF3 or opcode == 0xFD:
            meter.gas_remaining = grown(memory, a, b, gas)
            piece = piece_of(memory, a, b)
            computation._output = piece
            if opcode == 0xFD:
                raise Revert(piece)
            return 0
        elif 0xA0 <= opcode <= 0xA4:
            gas = log(computation, memory, opcode - 0xA0, a, gas)
        elif is_call(opcode):
            gas = call(machine, computation, opcode, a, gas)
        else:
            gas = run_stock(machine, computation, opcode, values, meter, a + 4, gas)
