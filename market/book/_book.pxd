"""Memory layout of the order book: what a batch entry or another extension may build on."""

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef struct Link:
    # A ring per side and level: sentinel -> oldest -> ... -> newest -> sentinel. Nodes [0, 2 x levels) are the
    # sentinels, the others orders. Apart from the payload, so that a cancel touches eight bytes per neighbour.
    uint32_t next
    uint32_t prev


cdef struct Payload:
    uint64_t quantity  # Wh still open; 0 marks a free slot
    uint32_t account


cdef struct Fill:
    uint64_t quantity
    uint64_t maker_remaining
    uint32_t maker_handle
    uint32_t maker_account
    uint32_t tick


cdef struct Ladder:
    # Occupied levels of one side as a two-level bitset. Levels are mirrored for bids, so that the best is always the
    # lowest and both sides share one code path.
    uint64_t *words
    uint64_t *summary
    uint32_t groups
    uint32_t levels
    uint32_t best  # `levels` when the side is empty


cdef struct Book:
    Ladder ladders[2]
    Link *links
    Payload *payloads
    Fill *fills  # one place each, since every fill but the last empties a resting order
    uint32_t levels
    uint32_t capacity
    uint32_t first_node  # first node that is an order: handle = node - first_node
    uint32_t free_node  # head of the LIFO list of freed nodes; 0, a sentinel, when there is none
    uint32_t used  # slots ever used since the last clear
    uint32_t resting
    uint32_t fill_count


cdef struct Taker:
    uint64_t quantity  # Wh still to fill
    uint32_t side
    uint32_t level
    uint32_t account


cdef class OrderBook:
    cdef Book book
    cdef int require(self, int64_t side, int64_t tick, int64_t quantity, int64_t account) except -1
