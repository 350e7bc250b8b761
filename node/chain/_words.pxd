# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Words of 256 bits as four limbs of 64, lowest first. Results come where the second operand was, as on the EVM's stack."""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    typedef unsigned __int128 wide_t;
    """
    ctypedef unsigned long long wide_t  # twice as wide as it says here

cdef enum:
    WORD = 32

cdef inline uint64_t swapped(const char *source) noexcept nogil:
    cdef const uint8_t *b = <const uint8_t *> source
    return (
        <uint64_t> b[0] << 56 | <uint64_t> b[1] << 48 | <uint64_t> b[2] << 40 | <uint64_t> b[3] << 32
        | <uint64_t> b[4] << 24 | <uint64_t> b[5] << 16 | <uint64_t> b[6] << 8 | <uint64_t> b[7]
    )


cdef inline void read_word(uint64_t *a, const char *source) noexcept nogil:
    """Read 32 bytes, highest first."""
    a[3] = swapped(source)
    a[2] = swapped(source + 8)
    a[1] = swapped(source + 16)
    a[0] = swapped(source + 24)


cdef inline void write_word(const uint64_t *a, char *target) noexcept nogil:
    """Write 32 bytes, highest first."""
    cdef int limb, byte
    for limb in range(4):
        for byte in range(8):
            target[8 * (3 - limb) + byte] = <char> (a[limb] >> 8 * (7 - byte))


cdef inline void set_small(uint64_t *a, uint64_t value) noexcept nogil:
    a[0] = value
    a[1] = a[2] = a[3] = 0


cdef inline bint is_zero(const uint64_t *a) noexcept nogil:
    return (a[0] | a[1] | a[2] | a[3]) == 0


cdef inline bint is_small(const uint64_t *a) noexcept nogil:
    return (a[1] | a[2] | a[3]) == 0


cdef inline bint is_less(const uint64_t *a, const uint64_t *b) noexcept nogil:
    cdef int limb
    for limb in range(3, -1, -1):
        if a[limb] != b[limb]:
            return a[limb] < b[limb]
    return False


cdef inline bint is_less_signed(const uint64_t *a, const uint64_t *b) noexcept nogil:
    if (a[3] ^ b[3]) >> 63:
        return a[3] >> 63
    return is_less(a, b)


cdef inline void add(const uint64_t *a, uint64_t *b) noexcept nogil:
    """Add a to b."""
    cdef wide_t carry = 0
    cdef int limb
    for limb in range(4):
        carry = carry + a[limb] + b[limb]
        b[limb] = <uint64_t> carry
        carry = carry >> 64


cdef inline void negate(uint64_t *a) noexcept nogil:
    cdef wide_t carry = 1
    cdef int limb
    for limb in range(4):
        carry = carry + <uint64_t> ~a[limb]
        a[limb] = <uint64_t> carry
        carry = carry >> 64


cdef inline void subtract(const uint64_t *a, uint64_t *b) noexcept nogil:
    """Put a - b into b."""
    negate(b)
    add(a, b)


cdef inline void multiply(const uint64_t *a, uint64_t *b) noexcept nogil:
    """Put a * b into b."""
    cdef uint64_t product[4]
    cdef wide_t carry
    cdef int i, j
    memset(product, 0, WORD)
    for i in range(4):
        carry = 0
        for j in range(4 - i):
            carry = carry + product[i + j] + <wide_t> a[i] * b[j]
            product[i + j] = <uint64_t> carry
            carry = carry >> 64
    memcpy(b, product, WORD)


cdef inline uint64_t divide_small(uint64_t *a, uint64_t divisor) noexcept nogil:
    """Divide a by a divisor of one limb, not 0; return the remainder."""
    cdef wide_t rest = 0
    cdef int limb
    for limb in range(3, -1, -1):
        rest = rest << 64 | a[limb]
        a[limb] = <uint64_t> (rest // divisor)
        rest = rest % divisor
    return <uint64_t> rest


cdef inline void shift_left(uint64_t *a, uint64_t bits) noexcept nogil:
    cdef int limbs = bits >> 6, rest = bits & 63, limb
    for limb in range(3, -1, -1):
        if limb < limbs:
            a[limb] = 0
        elif rest == 0 or limb == limbs:
            a[limb] = a[limb - limbs] << rest
        else:
            a[limb] = a[limb - limbs] << rest | a[limb - limbs - 1] >> (64 - rest)


cdef inline void shift_right(uint64_t *a, uint64_t bits) noexcept nogil:
    cdef int limbs = bits >> 6, rest = bits & 63, limb
    for limb in range(4):
        if limb + limbs > 3:
            a[limb] = 0
        elif rest == 0 or limb + limbs == 3:
            a[limb] = a[limb + limbs] >> rest
        else:
            a[limb] = a[limb + limbs] >> rest | a[limb + limbs + 1] << (64 - rest)


cdef inline void fill_from(uint64_t *a, int bits) noexcept nogil:
    """Set all bits from that of a number on, 0 < bits < 256."""
    cdef int limb
    for limb in range(4):
        if 64 * limb >= bits:
            a[limb] = ~<uint64_t> 0
        elif 64 * (limb + 1) > bits:
            a[limb] |= ~<uint64_t> 0 << (bits & 63)


cdef inline void clear_from(uint64_t *a, int bits) noexcept nogil:
    """Clear all bits from that of a number on, 0 < bits < 256."""
    cdef int limb
    for limb in range(4):
        if 64 * limb >= bits:
            a[limb] = 0
        elif 64 * (limb + 1) > bits:
            a[limb] &= ~(~<uint64_t> 0 << (bits & 63))


cdef inline void sign_extend(uint64_t index, uint64_t *a) noexcept nogil:
    """Take a for a signed number of index + 1 bytes, index < 31."""
    cdef int bits = 8 * <int> index + 8
    if a[(bits - 1) >> 6] >> ((bits - 1) & 63) & 1:
        fill_from(a, bits)
    else:
        clear_from(a, bits)


cdef inline void shift_right_signed(uint64_t *a, uint64_t bits) noexcept nogil:
    cdef bint negative = a[3] >> 63
    if bits == 0:
        return
    if bits > 255:
        memset(a, 0xFF if negative else 0, WORD)
        return
    shift_right(a, bits)
    if negative:
        fill_from(a, 256 - <int> bits)


cdef inline int bytes_of(const uint64_t *a) noexcept nogil:
    """Return in how many bytes a word fits."""
    cdef int limb, count
    for limb in range(3, -1, -1):
        if a[limb]:
            count = 8 * limb
            while count < 8 * limb + 8 and a[limb] >> 8 * (count - 8 * limb):
                count += 1
            return count
    return 0
