# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What opcodes do to memory, to the words of accounts and to the log, and what it costs.

Words are four 64-bit limbs, lowest first; accounts are `node.chain.accounts.Accounts`. All prices are py-evm's, read once.
Source: EIP-2200, 2929, 3529; yellow paper, appendix H. Refuses: what py-evm refuses, by the same exceptions.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLongAndOverflow
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

from node.chain._words cimport WORD, is_small, is_zero, read_word, set_small

from eth.constants import GAS_LOGDATA, GAS_LOGTOPIC
from eth.exceptions import OutOfGas, WriteProtection
from eth.vm.forks.berlin.constants import COLD_ACCOUNT_ACCESS_COST, COLD_SLOAD_COST, WARM_STORAGE_READ_COST
from eth.vm.forks.london.storage import GAS_SCHEDULE_EIP3529

cdef uint64_t OFFSET_MAX = 1 << 32  # Memory up to there costs more gas than any frame has.
cdef int64_t STORING_LEAVES = 2300  # With so little gas nothing is stored (EIP-2200).
cdef int64_t COLD_ACCOUNT = COLD_ACCOUNT_ACCESS_COST
cdef int64_t COLD_WORD = COLD_SLOAD_COST
cdef int64_t WARM = WARM_STORAGE_READ_COST
cdef int64_t SET = GAS_SCHEDULE_EIP3529.sstore_set_gas
cdef int64_t RESET = GAS_SCHEDULE_EIP3529.sstore_reset_gas
cdef int64_t CLEARED = GAS_SCHEDULE_EIP3529.sstore_clears_schedule
cdef int64_t LOG_BYTE = GAS_LOGDATA
cdef int64_t LOG_TOPIC = GAS_LOGTOPIC


# -- WORDS AS PYTHON SEES THEM

cdef object integer(const uint64_t *a):
    if is_small(a):
        return a[0]
    return int.from_bytes((<const char *> a)[:WORD], "little")


cdef int set_integer(uint64_t *a, value) except -1:
    """Set a word to a number, or to bytes, highest first."""
    cdef bytes raw
    cdef int overflow
    cdef long long small
    if isinstance(value, bytes):
        raw = (<bytes> value).rjust(WORD, b"\0")
        read_word(a, PyBytes_AS_STRING(raw))
        return 0
    small = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow == 0 and small >= 0:
        set_small(a, <uint64_t> small)
        return 0
    raw = value.to_bytes(WORD, "little")
    memcpy(a, PyBytes_AS_STRING(raw), WORD)
    return 0


# -- MEMORY

cdef uint64_t words(uint64_t size) noexcept nogil:
    return (size + WORD - 1) // WORD


cdef inline int64_t memory_gas(uint64_t count) noexcept nogil:
    return <int64_t> (3 * count + count * count // 512)


cdef int64_t grown(memory, const uint64_t *start, const uint64_t *size, int64_t gas) except -1:
    """Let memory reach over a piece; return the gas that is left."""
    cdef uint64_t end
    cdef Py_ssize_t have
    cdef bytearray held
    if is_zero(size):
        return gas
    if not is_small(size) or not is_small(start) or size[0] >= OFFSET_MAX or start[0] >= OFFSET_MAX:
        raise OutOfGas("out of gas: memory")
    end = start[0] + size[0]
    held = memory._bytes
    have = PyByteArray_GET_SIZE(held)
    if end > <uint64_t> have:
        gas -= memory_gas(words(end)) - memory_gas(words(have))
        if gas < 0:
            raise OutOfGas("out of gas: memory")
        end = WORD * words(end)
        PyByteArray_Resize(held, end)
        memset(PyByteArray_AS_STRING(held) + have, 0, end - have)
    return gas


cdef int copy_in(char *target, bytes source, const uint64_t *start, uint64_t size) except -1:
    """Copy a piece of something into memory, zeros where it is over."""
    cdef uint64_t length = PyBytes_GET_SIZE(source), have = 0
    if is_small(start) and start[0] < length:
        have = min(size, length - start[0])
        memcpy(target, PyBytes_AS_STRING(source) + start[0], have)
    memset(target + have, 0, size - have)
    return 0


cdef bytes piece_of(memory, const uint64_t *start, const uint64_t *size):
    """Return a piece of memory that is there."""
    if is_zero(size):
        return b""
    return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(memory._bytes) + start[0], size[0])


# -- ACCOUNTS

cdef int64_t looked_at(accounts, precompiles, bytes address, int64_t gas) except -1:
    """Look at an account; return the gas that is left."""
    if address in <dict> accounts._warm or address in <dict> precompiles:
        gas -= WARM
    else:
        accounts.mark_address_warm(address)
        gas -= COLD_ACCOUNT
    if gas < 0:
        raise OutOfGas("out of gas")
    return gas


cdef int64_t word_looked_at(accounts, bytes address, slot, int64_t gas, int64_t when_warm) except -1:
    if (address, slot) in <dict> accounts._warm:
        gas -= when_warm
    else:
        accounts.mark_storage_warm(address, slot)
        gas -= COLD_WORD
    if gas < 0:
        raise OutOfGas("out of gas")
    return gas


cdef int64_t load(accounts, bytes address, uint64_t *a, int64_t gas) except -1:
    """Put an account's word where its slot was; return the gas that is left."""
    slot = integer(a)
    gas = word_looked_at(accounts, address, slot, gas, WARM)
    set_integer(a, accounts.get_storage(address, slot))
    return gas


cdef int64_t store(computation, accounts, bytes address, const uint64_t *a, int64_t gas) except -1:
    """Write the word below a slot; return the gas that is left."""
    cdef int64_t cost = WARM, refund = 0
    if computation.msg.is_static:
        raise WriteProtection("write protection")
    if gas <= STORING_LEAVES:
        raise OutOfGas("out of gas")
    slot, value = integer(a), integer(a - 4)
    current = accounts.get_storage(address, slot)
    if current != value:
        original = accounts.get_storage(address, slot, False)
        if original == current:
            cost = RESET if original else SET
            if original and not value:
                refund += CLEARED
        else:
            if original and not current:
                refund -= CLEARED
            if original and not value:
                refund += CLEARED
            if original == value:
                refund += (RESET if original else SET) - WARM
    gas -= cost
    if gas < 0:
        raise OutOfGas("out of gas")
    if refund:
        computation._gas_meter.gas_refunded += refund
    if current != value:
        accounts.set_storage(address, slot, value)
    return word_looked_at(accounts, address, slot, gas, 0)


cdef int64_t log(computation, memory, int topics, const uint64_t *a, int64_t gas) except -1:
    """Log a piece of memory under the topics below its place and size; return the gas that is left."""
    cdef int index
    message = computation.msg
    if message.is_static:
        raise WriteProtection("write protection")
    if not is_small(a - 4) or (a - 4)[0] >= OFFSET_MAX:
        raise OutOfGas("out of gas")
    gas -= LOG_BYTE * <int64_t> (a - 4)[0] + LOG_TOPIC * topics
    if gas < 0:
        raise OutOfGas("out of gas")
    gas = grown(memory, a, a - 4, gas)
    named = tuple([integer(a - 8 - 4 * index) for index in range(topics)])
    number = computation.transaction_context.get_next_log_counter()
    computation._log_entries.append((number, message.storage_address, named, piece_of(memory, a, a - 4)))
    return gas
