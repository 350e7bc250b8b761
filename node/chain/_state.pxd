# cython: language_level=3
"""What `node.chain._state` offers to the loop."""

from libc.stdint cimport int64_t, uint64_t

cdef object integer(const uint64_t *a)
cdef int set_integer(uint64_t *a, value) except -1
cdef uint64_t words(uint64_t size) noexcept nogil
cdef int64_t grown(memory, const uint64_t *start, const uint64_t *size, int64_t gas) except -1
cdef int copy_in(char *target, bytes source, const uint64_t *start, uint64_t size) except -1
cdef bytes piece_of(memory, const uint64_t *start, const uint64_t *size)
cdef int64_t load(accounts, bytes address, uint64_t *a, int64_t gas) except -1
cdef int64_t store(computation, accounts, bytes address, const uint64_t *a, int64_t gas) except -1
cdef int64_t log(computation, memory, int topics, const uint64_t *a, int64_t gas) except -1
cdef int64_t looked_at(accounts, precompiles, bytes address, int64_t gas) except -1
