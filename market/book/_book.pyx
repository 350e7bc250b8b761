# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""`OrderBook` and `BookSet`: tick ladder, bitset and FIFO rings.

The contracts are `market.book.interface.Book` and `market.book.batch.Batches`. The C functions are in `_book.pxd`; the
classes only check and convert. All memory is taken at construction, zeroed lazily by the operating system, so an
empty book of great capacity costs little.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from energy.quantities import ENERGY_WH_MAX
from market.book.batch import BOOKS_MAX, NAMES_MAX
from market.book.interface import LEVELS_MAX, ORDERS_MAX

cdef extern from *:
    """
    #include <stdint.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    enum { HUGE_FROM = 4 << 20 };  /* bytes: what is smaller would waste most of its last page */
    /* A wish: fewer entries for the processor to look up when much memory is used here and there. */
    static void prefer_huge_pages(void *memory, size_t size) {
    #ifdef MADV_HUGEPAGE
        const uintptr_t page = 4096, start = ((uintptr_t)memory + page - 1) & ~(page - 1);
        const uintptr_t end = ((uintptr_t)memory + size) & ~(page - 1);
        if (memory && size >= HUGE_FROM)
            madvise((void *)start, end - start, MADV_HUGEPAGE);
    #endif
    }
    """
    void prefer_huge_pages(void *memory, size_t size) noexcept

cdef int64_t QUANTITY_MAX = ENERGY_WH_MAX
cdef int64_t ACCOUNT_MAX = 0xFFFFFFFF

cdef enum:
    FETCHING_FROM = 50_000  # orders resting in all books: from here on they no longer fit the second-level cache
    FETCHING_BATCH = 64  # events, for the fetching to have a lead


# -- MEMORY

cdef int open_arena(Arena *arena, int64_t books, int64_t levels, int64_t capacity, int64_t names) except -1:
    """Take the memory of equal books, all empty."""
    cdef uint32_t words, groups, i
    cdef uint64_t nodes = <uint64_t>(2 * levels + capacity)
    cdef uint64_t *bits
    cdef Book *book
    if not (1 <= levels <= LEVELS_MAX and 1 <= capacity <= ORDERS_MAX):
        raise ValueError(f"a book has 1 to {LEVELS_MAX} levels and 1 to {ORDERS_MAX} orders")
    while (<int64_t>1 << arena.slot_bits) < capacity:
        arena.slot_bits += 1
    if books << arena.slot_bits > <int64_t>1 << 32:
        raise ValueError(f"{books} books of {capacity} orders have more than 2^32 slots")
    arena.handle_mask = (<uint32_t>1 << arena.slot_bits) - 1
    arena.book_count = <uint32_t>books
    arena.name_count = <uint32_t>names
    arena.levels = <uint32_t>levels
    arena.quantity_max = <uint64_t>QUANTITY_MAX
    words = <uint32_t>(2 * levels >> 6) + 1
    groups = (words >> 6) + 1
    arena.books = <Book *>calloc(books, sizeof(Book))
    arena.links = <Link *>calloc(books * nodes, sizeof(Link))
    arena.payloads = <Payload *>calloc(<uint64_t>books << arena.slot_bits, sizeof(Payload))
    arena.hidden = <Hidden *>calloc(<uint64_t>books << arena.slot_bits, sizeof(Hidden))
    arena.bitsets = <uint64_t *>calloc(<uint64_t>books * (words + groups), sizeof(uint64_t))
    arena.slots = <uint32_t *>calloc(names, sizeof(uint32_t))
    if not (arena.books and arena.links and arena.payloads and arena.hidden and arena.bitsets and arena.slots):
        raise MemoryError
    prefer_huge_pages(arena.links, books * nodes * sizeof(Link))
    prefer_huge_pages(arena.payloads, (<uint64_t>books << arena.slot_bits) * sizeof(Payload))
    prefer_huge_pages(arena.slots, names * sizeof(uint32_t))
    bits = arena.bitsets
    for i in range(arena.book_count):
        book = &arena.books[i]
        book.levels = arena.levels
        book.capacity = <uint32_t>capacity
        book.first_node = 2 * arena.levels
        book.links = arena.links + i * nodes
        # As a number: the array does not begin before its first order.
        book.orders = <Payload *>(
            <uintptr_t>arena.payloads + (<uint64_t>i << arena.slot_bits) * sizeof(Payload)
            - book.first_node * sizeof(Payload)
        )
        book.hidden = arena.hidden + (<uint64_t>i << arena.slot_bits)
        book.groups = groups
        book.words = bits
        book.summary = bits + words
        bits += words + groups
        reset(book)
    return 0


cdef void close_arena(Arena *arena) noexcept:
    free(arena.books)
    free(arena.links)
    free(arena.payloads)
    free(arena.hidden)
    free(arena.bitsets)
    free(arena.slots)


cdef void reset(Book *book) noexcept nogil:
    """Drop every order, in time that does not depend on how many there are, unless some hide energy."""
    cdef uint32_t node
    if book.slices:
        memset(book.hidden, 0, book.used * sizeof(Hidden))
        book.slices = 0
    for node in range(book.first_node):
        book.links[node].next = node
        book.links[node].prev = node
    memset(book.words, 0, ((2 * book.levels >> 6) + 1) * sizeof(uint64_t))
    memset(book.summary, 0, book.groups * sizeof(uint64_t))
    book.best[BUY] = end_of(book, BUY)
    book.best[SELL] = end_of(book, SELL)
    book.free_node = 0
    book.used = 0
    book.resting = 0


# -- QUERIES

cdef object best_tick(const Book *book, uint32_t side):
    cdef uint32_t best = book.best[side]
    return None if best == end_of(book, side) else tick_of(book.levels, side, best)


cdef list list_orders(const Book *book, uint32_t side, uint32_t end):
    """Return name, tick, Wh and account of the orders of one side before a sentinel, in priority sequence."""
    cdef uint32_t sentinel = book.best[side]
    cdef uint32_t node, tick
    cdef const Payload *order
    cdef list orders = []
    while sentinel < end:
        tick = tick_of(book.levels, side, sentinel)
        node = book.links[sentinel].next
        while node != sentinel:
            order = &book.orders[node]
            orders.append((order.name, tick, order.quantity, order.account))
            node = book.links[node].next
        sentinel = next_marked(book, sentinel + 1)
    return orders


cdef int require_side(int64_t side) except -1:
    if side != BUY and side != SELL:
        raise ValueError(f"no side {side}")
    return 0


cdef class OrderBook:
    """Orders of one delivery interval; see `Book`."""

    def __cinit__(self, int64_t levels, int64_t capacity):
        """Take the memory of a book of `levels` price levels for at most `capacity` resting orders."""
        open_arena(&self.arena, 1, levels, capacity, 1)
        self.book = self.arena.books
        # One place for each resting order: every fill but the last empties one.
        self.fill_room = <uint64_t>capacity
        self.fill_buffer = <Fill *>calloc(capacity, sizeof(Fill))
        if not self.fill_buffer:
            raise MemoryError

    def __dealloc__(self):
        close_arena(&self.arena)
        free(self.fill_buffer)

    cdef int make_room(self) except -1:
        """Take room for the fills of an order that would use up every slice of every resting order."""
        cdef uint64_t room = <uint64_t>self.book.capacity + self.book.slices
        cdef Fill *buffer
        if room > self.fill_room:
            buffer = <Fill *>realloc(self.fill_buffer, 2 * room * sizeof(Fill))
            if not buffer:
                raise MemoryError
            self.fill_buffer = buffer
            self.fill_room = 2 * room
        return 0

    cdef int require(self, int64_t side, int64_t tick, int64_t quantity, int64_t account) except -1:
        require_side(side)
        if not 0 <= tick < self.book.levels:
            raise ValueError(f"tick {tick} is not in 0 to {self.book.levels - 1}")
        if not 1 <= quantity <= QUANTITY_MAX:
            raise ValueError(f"quantity {quantity} Wh is not in 1 to {QUANTITY_MAX}")
        if not 0 <= account <= ACCOUNT_MAX:
            raise ValueError(f"account index {account} has more than 32 bits")
        return 0

    cdef Taker taker(self, int64_t side, int64_t tick, int64_t quantity, int64_t account) noexcept:
        cdef Taker taker
        taker.side = <uint32_t>side
        taker.sentinel = sentinel_of(self.book.levels, taker.side, <uint32_t>tick)
        taker.reach = reach_of(self.book.levels, taker.sentinel)
        taker.quantity = <uint64_t>quantity
        taker.account = <uint32_t>account
        taker.name = 0
        taker.fills = self.fill_buffer
        taker.fill_count = 0
        return taker

    # -- COMMANDS

    def place(
        self, int64_t side, int64_t tick, int64_t quantity, int64_t account, int64_t time_in_force, int64_t shown=0
    ):
        """Match an order and rest what is left; see `Book.place`."""
        cdef Taker taker
        cdef uint32_t handle, status
        self.require(side, tick, quantity, account)
        if not GOOD_TILL_GATE <= time_in_force <= FILL_OR_KILL:
            raise ValueError(f"no time in force {time_in_force}")
        if not 0 <= shown <= QUANTITY_MAX:
            raise ValueError(f"{shown} Wh to show is not in 0 to {QUANTITY_MAX}")
        taker = self.taker(side, tick, quantity, account)
        status = place(self.book, &taker, <uint32_t>time_in_force, &handle)
        self.fill_count = taker.fill_count
        self.makers_gone = status == RESTING
        if status == RESTING:
            payload_of(self.book, <uint32_t>handle).name = handle
            if shown and hide(self.book, handle, <uint64_t>shown):
                self.make_room()
            return status, quantity - <int64_t>taker.quantity, <int64_t>handle
        return status, quantity - <int64_t>taker.quantity, -1

    def cancel(self, int64_t handle):
        """Take a resting order out and return its Wh; 0 when no order rests under the handle."""
        if not 0 <= handle < self.book.capacity:
            return 0
        return cancel(self.book, <uint32_t>handle)

    cdef int require_shown(self, int64_t handle, int64_t quantity, int64_t most) except -1:
        if not 1 <= quantity <= most:
            raise ValueError(f"{quantity} Wh of order {handle} is not in 1 to {most}")
        return 0

    cdef int64_t shown_wh(self, int64_t handle) noexcept:
        return payload_of(self.book, <uint32_t>handle).quantity if 0 <= handle < self.book.used else 0

    def take(self, int64_t handle, int64_t quantity):
        """Fill a resting order out of turn; see `Book.take`."""
        self.require_shown(handle, quantity, self.shown_wh(handle))
        take(self.book, <uint32_t>handle, <uint64_t>quantity)

    def shrink(self, int64_t handle, int64_t quantity):
        """Lower a resting order, which keeps its place; see `Book.shrink`."""
        cdef int64_t shown = self.shown_wh(handle)
        self.require_shown(handle, quantity, self.open_wh(<uint32_t>handle) - 1 if shown else 0)
        shrink(self.book, <uint32_t>handle, <uint64_t>quantity)

    def clear(self):
        """Drop every order; costs as much for a full book as for an empty one."""
        reset(self.book)
        self.fill_count = 0

    # -- QUERIES

    def __len__(self):
        return self.book.resting

    def fills(self):
        """Return the fills of the last `place`; see `Book.fills`."""
        cdef uint64_t i
        cdef Fill *fill
        cdef list fills = []
        cdef dict later = {}
        # Backwards, for what an order has left after a fill is what it has at last and what it filled later.
        for i in range(self.fill_count, 0, -1):
            fill = &self.fill_buffer[i - 1]
            rest = later.get(fill.maker)
            if rest is None:
                rest = 0 if self.makers_gone else self.open_wh(fill.maker)
            fills.append((fill.maker, fill.tick, fill.quantity, fill.maker_account, rest))
            later[fill.maker] = rest + fill.quantity
        fills.reverse()
        return fills

    cdef int64_t open_wh(self, uint32_t handle) noexcept:
        return payload_of(self.book, <uint32_t>handle).quantity + self.book.hidden[handle].reserve

    def fillable(self, int64_t side, int64_t tick, int64_t quantity, int64_t account):
        """Return how many of `quantity` Wh an order would fill if it were placed now."""
        cdef Taker taker
        self.require(side, tick, quantity, account)
        taker = self.taker(side, tick, quantity, account)
        return fillable(self.book, &taker)

    def best_bid(self):
        """Return the highest tick bid."""
        return best_tick(self.book, BUY)

    def best_ask(self):
        """Return the lowest tick asked."""
        return best_tick(self.book, SELL)

    def depth(self, int64_t side, int64_t levels):
        """Return tick, Wh and number of orders of the best occupied levels of one side, best first."""
        cdef uint32_t sentinel, end, node, orders
        cdef uint64_t quantity
        cdef list depth = []
        require_side(side)
        sentinel = self.book.best[side]
        end = end_of(self.book, <uint32_t>side)
        while sentinel < end and len(depth) < levels:
            node = self.book.links[sentinel].next
            quantity = 0
            orders = 0
            while node != sentinel:
                quantity += self.book.orders[node].quantity
                orders += 1
                node = self.book.links[node].next
            depth.append((tick_of(self.book.levels, <uint32_t>side, sentinel), quantity, orders))
            sentinel = next_marked(self.book, sentinel + 1)
        return depth

    def orders(self, int64_t side):
        """Return handle, tick, Wh and account of every resting order of one side, in priority sequence."""
        require_side(side)
        return list_orders(self.book, <uint32_t>side, end_of(self.book, <uint32_t>side))

    def reached(self, int64_t side, int64_t tick):
        """Return what an order would meet; see `Book.reached`."""
        cdef Taker taker
        self.require(side, tick, 1, 0)
        taker = self.taker(side, tick, 1, 0)
        return list_orders(self.book, SELL - taker.side, taker.reach + 1)

    def total(self, int64_t side):
        """Return the Wh resting on one side."""
        return sum([wh for _, wh, _ in self.depth(side, self.book.levels)])


# -- BATCHES

cdef uint64_t records(Py_buffer *view, uint64_t size, str what) except? 0:
    """Return how many records of some bytes a buffer holds."""
    if <uint64_t>view.len % size:
        raise ValueError(f"{what} take {size} bytes each, and {view.len} is no multiple")
    if <uint64_t>view.buf % sizeof(uint64_t):
        raise ValueError(f"{what} must start at a multiple of {sizeof(uint64_t)} bytes")
    return <uint64_t>view.len // size


cdef class BookSet:
    """Books of several delivery intervals, driven in batches of raw records; see `Batches`."""

    def __cinit__(self, int64_t books, int64_t levels, int64_t capacity, int64_t names):
        """Take the memory of `books` books for at most `capacity` resting orders each, `names` for all of them."""
        if not (1 <= books <= BOOKS_MAX and 1 <= names <= NAMES_MAX):
            raise ValueError(f"a set has 1 to {BOOKS_MAX} books and 1 to {NAMES_MAX} names")
        open_arena(&self.arena, books, levels, capacity, names)
        self.fill_room = <uint64_t>capacity
        self.fill_buffer = <Fill *>calloc(capacity, sizeof(Fill))
        if not self.fill_buffer:
            raise MemoryError

    def __dealloc__(self):
        close_arena(&self.arena)
        free(self.fill_buffer)

    cdef Book *book_at(self, int64_t index) except NULL:
        if not 0 <= index < self.arena.book_count:
            raise ValueError(f"book {index} is not in 0 to {self.arena.book_count - 1}")
        return &self.arena.books[index]

    # -- COMMANDS

    def submit(self, events, fills, results):
        """Carry out events in sequence; see `Batches.submit`."""
        cdef Py_buffer event_view, fill_view, result_view
        PyObject_GetBuffer(events, &event_view, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(fills, &fill_view, PyBUF_WRITABLE)
            try:
                PyObject_GetBuffer(results, &result_view, PyBUF_WRITABLE)
                try:
                    return self.submit_views(&event_view, &fill_view, &result_view)
                finally:
                    PyBuffer_Release(&result_view)
            finally:
                PyBuffer_Release(&fill_view)
        finally:
            PyBuffer_Release(&event_view)

    cdef tuple submit_views(self, Py_buffer *event_view, Py_buffer *fill_view, Py_buffer *result_view):
        cdef uint64_t count = records(event_view, sizeof(Event), "events")
        cdef uint64_t room = records(fill_view, sizeof(Fill), "fills")
        cdef const Event *events = <const Event *>event_view.buf
        cdef Result *results = <Result *>result_view.buf
        cdef Taker taker
        cdef uint64_t done
        if records(result_view, sizeof(Result), "results") < count:
            raise ValueError(f"{count} events need {count} results")
        taker.fills = <Fill *>fill_view.buf
        taker.fill_count = 0
        if count >= FETCHING_BATCH and resting(&self.arena) >= FETCHING_FROM:
            done = run(&self.arena, True, events, count, &taker, room, results)
        else:
            done = run(&self.arena, False, events, count, &taker, room, results)
        return done, taker.fill_count

    cdef Result carry_out_alone(self, const Event *event) noexcept:
        cdef Taker taker
        cdef Result result
        taker.fills = self.fill_buffer
        taker.fill_count = 0
        result.quantity, result.fills, result.status = 0, 0, MALFORMED
        carry_out(&self.arena, event, &taker, self.fill_room, &result)
        self.fill_count = taker.fill_count
        return result

    def place(
        self, uint16_t book, uint32_t name, uint8_t side, uint32_t tick, uint64_t quantity, uint32_t account,
        uint8_t time_in_force, /
    ):
        """Carry out one order; see `Batches.place`."""
        cdef Event event
        cdef Result result
        if time_in_force > FILL_OR_KILL:
            self.fill_count = 0
            return MALFORMED, 0
        event.quantity = quantity
        event.name = name
        event.account = account
        event.tick = tick
        event.book = book
        event.kind = time_in_force
        event.side = side
        result = self.carry_out_alone(&event)
        return result.status, result.quantity

    def cancel(self, uint16_t book, uint32_t name, /):
        """Take a resting order out and return its Wh; 0 when no order of that name rests in that book."""
        cdef Event event
        event.name = name
        event.book = book
        event.kind = CANCEL
        return self.carry_out_alone(&event).quantity

    def fills(self):
        """Return the fills of the last `place` as `FILL` has them."""
        cdef uint64_t i
        cdef Fill *fill
        cdef list fills = []
        for i in range(self.fill_count):
            fill = &self.fill_buffer[i]
            fills.append((fill.quantity, fill.maker, fill.taker, fill.maker_account, fill.tick))
        return fills

    def clear(self, int64_t book):
        """Drop every order of one book; costs as much for a full book as for an empty one."""
        reset(self.book_at(book))

    # -- QUERIES

    def __len__(self):
        return resting(&self.arena)

    def resting(self, int64_t book):
        """Return the number of orders resting in one book."""
        return self.book_at(book).resting

    def best_bid(self, int64_t book):
        """Return the highest tick bid in one book."""
        return best_tick(self.book_at(book), BUY)

    def best_ask(self, int64_t book):
        """Return the lowest tick asked in one book."""
        return best_tick(self.book_at(book), SELL)

    def orders(self, int64_t book, int64_t side):
        """Return name, tick, Wh and account of every order resting on one side of a book, in priority sequence."""
        cdef Book *found = self.book_at(book)
        require_side(side)
        return list_orders(found, <uint32_t>side, end_of(found, <uint32_t>side))


cdef uint64_t resting(const Arena *arena) noexcept nogil:
    cdef uint64_t orders = 0
    cdef uint32_t i
    for i in range(arena.book_count):
        orders += arena.books[i].resting
    return orders
