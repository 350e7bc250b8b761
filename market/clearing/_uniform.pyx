# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The price and the fills of a call auction, on a histogram of the price ladder; the rule is in `market.clearing.uniform`.

O(orders + levels), no sorting: one pass over the orders counts the Wh bid and asked at each tick, one walk up the
ladder finds where supply covers demand, a second pass over the orders fills them. Units: ticks, Wh.
Refuses: buffers that do not fit each other, and orders off the ladder, with ValueError.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

cdef enum:
    BUY = 0
    SELL = 1

cdef struct Orders:
    const uint8_t *sides
    const uint32_t *ticks
    const uint64_t *quantities
    uint64_t *filled
    Py_ssize_t count

cdef struct Curves:
    # Wh bid and asked at each tick. Sums stay below 2^62: see ORDERS_MAX.
    uint64_t *bids
    uint64_t *asks
    uint64_t demand  # Wh of all bids
    uint32_t levels

cdef struct Price:
    uint64_t volume  # 0: nobody trades, and there is no price
    uint32_t tick


cdef inline bint count(const Orders *orders, Curves *curves) noexcept nogil:
    """Add the orders up by side and tick; return whether all of them are on the ladder."""
    cdef uint64_t *by_side[2]
    cdef uint32_t side, tick
    cdef Py_ssize_t i
    by_side[BUY] = curves.bids
    by_side[SELL] = curves.asks
    for i in range(orders.count):
        side = orders.sides[i]
        tick = orders.ticks[i]
        if side > SELL or tick >= curves.levels:
            return False
        by_side[side][tick] += orders.quantities[i]
    for tick in range(curves.levels):
        curves.demand += curves.bids[tick]
    return True


cdef inline Price cross(const Curves *curves) noexcept nogil:
    """Find the largest volume that can trade, and the middle of the prices that balance it.

    A price p balances a volume V if D(p + 1) <= V <= D(p) and S(p - 1) <= V <= S(p), where D(p) are the Wh bid at p
    or more and S(p) those asked at p or less: whoever is filled agrees, and nobody with a better price is left out.
    """
    cdef uint64_t demand = curves.demand  # D(tick)
    cdef uint64_t supply_below = 0  # S(tick - 1)
    cdef uint64_t supply
    cdef uint32_t tick = 0
    cdef uint32_t lowest
    cdef Price price
    while tick < curves.levels and supply_below + curves.asks[tick] < demand:
        supply_below += curves.asks[tick]
        demand -= curves.bids[tick]
        tick += 1
    # Here supply covers demand for the first time, so that one tick below it did not: D(tick - 1) > S(tick - 1).
    if supply_below > demand:
        price.volume = supply_below
        price.tick = tick - 1  # at `tick` not enough is bid, and below `tick - 1` not enough is asked: the only one
        return price
    price.volume = demand
    price.tick = 0
    if demand == 0:
        return price
    lowest = tick - 1 if supply_below == demand else tick
    supply = supply_below + curves.asks[tick]
    while tick + 1 < curves.levels and curves.bids[tick] == 0 and supply == demand:
        tick += 1
        supply += curves.asks[tick]
    price.tick = (lowest + tick) >> 1
    return price


cdef inline void fill(const Orders *orders, const Curves *curves, Price price) noexcept nogil:
    """Fill what is better than the price, then what is at it in sequence of arrival, up to the volume on each side."""
    cdef uint64_t left[2]
    cdef uint64_t quantity
    cdef uint32_t tick
    cdef Py_ssize_t i
    left[BUY] = price.volume
    left[SELL] = price.volume
    for tick in range(price.tick):
        left[SELL] -= curves.asks[tick]
    for tick in range(price.tick + 1, curves.levels):
        left[BUY] -= curves.bids[tick]
    for i in range(orders.count):
        quantity = orders.quantities[i]
        tick = orders.ticks[i]
        if tick == price.tick:
            quantity = quantity if quantity < left[orders.sides[i]] else left[orders.sides[i]]
            left[orders.sides[i]] -= quantity
            orders.filled[i] = quantity
        else:
            # A mask, no branch: which side of the price an order is on can not be foreseen.
            orders.filled[i] = quantity & -<uint64_t>((tick < price.tick) == (orders.sides[i] == SELL))


cdef bint clear(const Orders *orders, uint32_t levels, Price *price) except -1:
    """Clear the orders; return whether all of them are on the ladder."""
    cdef Curves curves
    cdef bint on_ladder
    curves.bids = <uint64_t *>calloc(2 * <size_t>levels, sizeof(uint64_t))
    if curves.bids == NULL:
        raise MemoryError
    curves.asks = curves.bids + levels
    curves.demand = 0
    curves.levels = levels
    on_ladder = count(orders, &curves)
    if on_ladder:
        price[0] = cross(&curves)
        if price.volume:
            fill(orders, &curves, price[0])
    free(curves.bids)
    return on_ladder


def clear_uniform(uint32_t levels, sides, ticks, quantities, filled):
    """Find the price and the volume of a call auction and write each order's fill.

    Args:
        levels: Number of ticks of the ladder, at least 1.
        sides: One byte per order, 0 to buy and 1 to sell; the orders are in sequence of arrival.
        ticks: One uint32 per order, 0 to levels - 1.
        quantities: One uint64 per order, Wh; their sum is below 2^63.
        filled: One uint64 per order, zero, into which its Wh are written.
    Returns:
        Tick and Wh; -1 and 0 if no two orders meet, and then nothing is written.
    """
    cdef Py_buffer views[4]
    cdef int held = 0
    cdef Orders orders
    cdef Price price
    try:
        for column in (sides, ticks, quantities):
            PyObject_GetBuffer(column, &views[held], PyBUF_SIMPLE)
            held += 1
        PyObject_GetBuffer(filled, &views[held], PyBUF_WRITABLE)
        held += 1
        orders.count = views[0].len
        if levels < 1 or views[1].len != 4 * orders.count or views[2].len != 8 * orders.count:
            raise ValueError("a call auction takes at least one level, and for each order one side, tick and quantity")
        if views[3].len != 8 * orders.count:
            raise ValueError("a call auction writes as many fills as it has orders")
        orders.sides = <const uint8_t *>views[0].buf
        orders.ticks = <const uint32_t *>views[1].buf
        orders.quantities = <const uint64_t *>views[2].buf
        orders.filled = <uint64_t *>views[3].buf
        if not clear(&orders, levels, &price):
            raise ValueError(f"an order is off the ladder of {levels} ticks, or on no side")
    finally:
        while held:
            held -= 1
            PyBuffer_Release(&views[held])
    if price.volume == 0:
        return -1, 0
    return price.tick, price.volume
