# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""`OrderBook`: tick ladder, bitset and FIFO rings; the contract is `market.book.interface.Book`.

Placing and cancelling are O(1) plus O(1) per fill, whatever rests in the book. All memory is taken at construction,
zeroed lazily by the operating system, so an empty book of great capacity costs little. The C functions below need no
GIL and no Python object; the class only checks and converts. M3 holds after each command, since an order rests only
after it has matched everything that its limit reaches.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from energy.quantities import ENERGY_WH_MAX
from market.book.interface import LEVELS_MAX, ORDERS_MAX

cdef extern from *:
    """
    #define lowest_bit(word) ((uint32_t)__builtin_ctzll(word))
    """
    uint32_t lowest_bit(uint64_t word) noexcept nogil

cdef enum:
    BUY = 0
    SELL = 1

cdef enum:
    GOOD_TILL_GATE = 0
    IMMEDIATE_OR_CANCEL = 1
    FILL_OR_KILL = 2

cdef enum:
    FILLED = 0
    RESTING = 1
    IMMEDIATE_REST = 2
    SELF_TRADE = 3
    UNFILLABLE = 4
    FULL = 5

cdef int64_t QUANTITY_MAX = ENERGY_WH_MAX
cdef int64_t ACCOUNT_MAX = 0xFFFFFFFF


# -- LADDER

cdef inline uint32_t next_marked(const Ladder *ladder, uint32_t level) noexcept nogil:
    """Return the lowest marked level that is at least `level`, or `levels` if there is none."""
    cdef uint32_t word = level >> 6
    cdef uint32_t group = word >> 6
    cdef uint64_t bits = ladder.words[word] >> (level & 63)
    if bits:
        return level + lowest_bit(bits)
    # Two shifts: one by 64, for the last word of a group, would be undefined.
    bits = (ladder.summary[group] >> (word & 63)) >> 1
    if bits:
        word += 1 + lowest_bit(bits)
        return (word << 6) + lowest_bit(ladder.words[word])
    group += 1
    while group < ladder.groups:
        if ladder.summary[group]:
            word = (group << 6) + lowest_bit(ladder.summary[group])
            return (word << 6) + lowest_bit(ladder.words[word])
        group += 1
    return ladder.levels


cdef inline void mark(Ladder *ladder, uint32_t level) noexcept nogil:
    ladder.words[level >> 6] |= <uint64_t>1 << (level & 63)
    ladder.summary[level >> 12] |= <uint64_t>1 << ((level >> 6) & 63)
    if level < ladder.best:
        ladder.best = level


cdef inline void unmark(Ladder *ladder, uint32_t level) noexcept nogil:
    ladder.words[level >> 6] &= ~(<uint64_t>1 << (level & 63))
    if not ladder.words[level >> 6]:
        ladder.summary[level >> 12] &= ~(<uint64_t>1 << ((level >> 6) & 63))
    if level == ladder.best:
        ladder.best = next_marked(ladder, level)


cdef inline uint32_t mirror(const Book *book, uint32_t side, uint32_t value) noexcept nogil:
    """Turn a tick into a level of its side, or back."""
    return value if side == SELL else book.levels - 1 - value


cdef inline uint32_t sentinel_of(const Book *book, uint32_t side, uint32_t level) noexcept nogil:
    return side * book.levels + level


# -- SLOTS

cdef inline uint32_t take_node(Book *book) noexcept nogil:
    cdef uint32_t node = book.free_node
    if node:
        book.free_node = book.links[node].next
    else:
        node = book.first_node + book.used
        book.used += 1
    book.resting += 1
    return node


cdef inline void release_node(Book *book, uint32_t node) noexcept nogil:
    book.payloads[node - book.first_node].quantity = 0
    book.links[node].next = book.free_node
    book.free_node = node
    book.resting -= 1


# -- COMMANDS

cdef inline uint32_t fill_level(Book *book, Taker *taker, uint32_t sentinel, uint32_t tick) noexcept nogil:
    """Fill the taker from the oldest order of a level on; return the first node that stays, or the sentinel."""
    cdef uint32_t node = book.links[sentinel].next
    cdef uint32_t following
    cdef uint64_t quantity
    cdef Payload *maker
    cdef Fill *fill
    while node != sentinel and taker.quantity:
        maker = &book.payloads[node - book.first_node]
        if maker.account == taker.account:
            break
        quantity = maker.quantity if maker.quantity < taker.quantity else taker.quantity
        taker.quantity -= quantity
        maker.quantity -= quantity
        fill = &book.fills[book.fill_count]
        book.fill_count += 1
        fill.quantity = quantity
        fill.maker_remaining = maker.quantity
        fill.maker_handle = node - book.first_node
        fill.maker_account = maker.account
        fill.tick = tick
        if maker.quantity == 0:
            following = book.links[node].next
            release_node(book, node)
            node = following
    return node


cdef inline bint match(Book *book, Taker *taker) noexcept nogil:
    """Fill the taker as far as its limit reaches; return whether its account's own order stopped it."""
    cdef uint32_t other = SELL - taker.side
    cdef Ladder *makers = &book.ladders[other]
    cdef uint32_t reach = book.levels - 1 - taker.level
    cdef uint32_t sentinel, node
    while taker.quantity and makers.best <= reach:
        sentinel = sentinel_of(book, other, makers.best)
        node = fill_level(book, taker, sentinel, mirror(book, other, makers.best))
        book.links[sentinel].next = node
        book.links[node].prev = sentinel
        if node == sentinel:
            unmark(makers, makers.best)
        elif taker.quantity:
            return True
    return False


cdef inline uint32_t rest(Book *book, const Taker *taker) noexcept nogil:
    """Append what is left of the taker to its level and return its handle."""
    cdef uint32_t sentinel = sentinel_of(book, taker.side, taker.level)
    cdef uint32_t newest = book.links[sentinel].prev
    cdef uint32_t node = take_node(book)
    book.payloads[node - book.first_node].quantity = taker.quantity
    book.payloads[node - book.first_node].account = taker.account
    book.links[node].prev = newest
    book.links[node].next = sentinel
    book.links[newest].next = node
    book.links[sentinel].prev = node
    mark(&book.ladders[taker.side], taker.level)
    return node - book.first_node


cdef inline int place(Book *book, Taker *taker, int time_in_force, int64_t *handle) noexcept nogil:
    """Match an order, rest what is left, and return its status; a refusal leaves all but the fills as it was."""
    cdef bint crosses = book.ladders[SELL - taker.side].best <= book.levels - 1 - taker.level
    handle[0] = -1
    book.fill_count = 0
    if time_in_force == FILL_OR_KILL and fillable(book, taker) < taker.quantity:
        return UNFILLABLE
    # An order that crosses needs no place of its own: it is filled, or stopped, or frees a resting order's slot.
    if time_in_force == GOOD_TILL_GATE and not crosses and book.resting == book.capacity:
        return FULL
    if match(book, taker):
        return SELF_TRADE
    if taker.quantity == 0:
        return FILLED
    if time_in_force == IMMEDIATE_OR_CANCEL:
        return IMMEDIATE_REST
    handle[0] = rest(book, taker)
    return RESTING


cdef inline uint64_t cancel(Book *book, uint32_t handle) noexcept nogil:
    """Take an order out and return its Wh; 0 when the slot is free."""
    cdef uint32_t node = book.first_node + handle
    cdef uint64_t quantity
    cdef uint32_t side
    cdef Link link
    if handle >= book.used or book.payloads[handle].quantity == 0:
        return 0
    quantity = book.payloads[handle].quantity
    link = book.links[node]
    book.links[link.prev].next = link.next
    book.links[link.next].prev = link.prev
    if link.next == link.prev:
        # It was alone at its level: both neighbours are the sentinel, which tells side and level.
        side = link.next >= book.levels
        unmark(&book.ladders[side], link.next - side * book.levels)
    release_node(book, node)
    return quantity


cdef inline void reset(Book *book) noexcept nogil:
    cdef uint32_t side, node
    for node in range(book.first_node):
        book.links[node].next = node
        book.links[node].prev = node
    for side in range(2):
        memset(book.ladders[side].words, 0, ((book.levels >> 6) + 1) * sizeof(uint64_t))
        memset(book.ladders[side].summary, 0, book.ladders[side].groups * sizeof(uint64_t))
        book.ladders[side].best = book.levels
    book.free_node = 0
    book.used = 0
    book.resting = 0
    book.fill_count = 0


# -- QUERIES

cdef inline uint64_t fillable(const Book *book, const Taker *taker) noexcept nogil:
    """Return how much of the taker would fill now."""
    cdef uint32_t other = SELL - taker.side
    cdef uint32_t reach = book.levels - 1 - taker.level
    cdef uint32_t level = book.ladders[other].best
    cdef uint32_t sentinel, node
    cdef uint64_t available = 0
    while level <= reach:
        sentinel = sentinel_of(book, other, level)
        node = book.links[sentinel].next
        while node != sentinel:
            if book.payloads[node - book.first_node].account == taker.account:
                return available
            available += book.payloads[node - book.first_node].quantity
            if available >= taker.quantity:
                return taker.quantity
            node = book.links[node].next
        level = next_marked(&book.ladders[other], level + 1)
    return available


cdef class OrderBook:
    """Orders of one delivery interval; see `Book`."""

    def __cinit__(self, int64_t levels, int64_t capacity):
        """Take the memory of a book of `levels` price levels for at most `capacity` resting orders."""
        cdef uint32_t side
        if not (1 <= levels <= LEVELS_MAX and 1 <= capacity <= ORDERS_MAX):
            raise ValueError(f"a book has 1 to {LEVELS_MAX} levels and 1 to {ORDERS_MAX} orders")
        self.book.levels = <uint32_t>levels
        self.book.capacity = <uint32_t>capacity
        self.book.first_node = <uint32_t>(2 * levels)
        self.book.links = <Link *>calloc(2 * levels + capacity, sizeof(Link))
        self.book.payloads = <Payload *>calloc(capacity, sizeof(Payload))
        self.book.fills = <Fill *>calloc(capacity, sizeof(Fill))
        if not self.book.links or not self.book.payloads or not self.book.fills:
            raise MemoryError
        for side in range(2):
            self.book.ladders[side].levels = <uint32_t>levels
            self.book.ladders[side].groups = <uint32_t>(levels >> 12) + 1
            self.book.ladders[side].words = <uint64_t *>calloc((levels >> 6) + 1, sizeof(uint64_t))
            self.book.ladders[side].summary = <uint64_t *>calloc((levels >> 12) + 1, sizeof(uint64_t))
            if not self.book.ladders[side].words or not self.book.ladders[side].summary:
                raise MemoryError
        reset(&self.book)

    def __dealloc__(self):
        cdef uint32_t side
        for side in range(2):
            free(self.book.ladders[side].words)
            free(self.book.ladders[side].summary)
        free(self.book.links)
        free(self.book.payloads)
        free(self.book.fills)

    cdef int require(self, int64_t side, int64_t tick, int64_t quantity, int64_t account) except -1:
        if side != BUY and side != SELL:
            raise ValueError(f"no side {side}")
        if not 0 <= tick < self.book.levels:
            raise ValueError(f"tick {tick} is not in 0 to {self.book.levels - 1}")
        if not 1 <= quantity <= QUANTITY_MAX:
            raise ValueError(f"quantity {quantity} Wh is not in 1 to {QUANTITY_MAX}")
        if not 0 <= account <= ACCOUNT_MAX:
            raise ValueError(f"account index {account} has more than 32 bits")
        return 0

    # -- COMMANDS

    def place(self, int64_t side, int64_t tick, int64_t quantity, int64_t account, int64_t time_in_force):
        """Match an order and rest what is left; see `Book.place`."""
        cdef Taker taker
        cdef int64_t handle
        cdef int status
        self.require(side, tick, quantity, account)
        if not GOOD_TILL_GATE <= time_in_force <= FILL_OR_KILL:
            raise ValueError(f"no time in force {time_in_force}")
        taker.side = <uint32_t>side
        taker.level = mirror(&self.book, taker.side, <uint32_t>tick)
        taker.quantity = <uint64_t>quantity
        taker.account = <uint32_t>account
        status = place(&self.book, &taker, <int>time_in_force, &handle)
        if status == UNFILLABLE or status == FULL:
            return status, 0, -1
        return status, quantity - <int64_t>taker.quantity, handle

    def cancel(self, int64_t handle):
        """Take a resting order out and return its Wh; 0 when no order rests under the handle."""
        if not 0 <= handle < self.book.capacity:
            return 0
        return cancel(&self.book, <uint32_t>handle)

    def clear(self):
        """Drop every order; costs as much for a full book as for an empty one."""
        reset(&self.book)

    # -- QUERIES

    def __len__(self):
        return self.book.resting

    def fills(self):
        """Return the fills of the last `place`; see `Book.fills`."""
        cdef uint32_t i
        cdef Fill *fill
        cdef list fills = []
        for i in range(self.book.fill_count):
            fill = &self.book.fills[i]
            fills.append((fill.maker_handle, fill.tick, fill.quantity, fill.maker_account, fill.maker_remaining))
        return fills

    def fillable(self, int64_t side, int64_t tick, int64_t quantity, int64_t account):
        """Return how many of `quantity` Wh an order would fill if it were placed now."""
        cdef Taker taker
        self.require(side, tick, quantity, account)
        taker.side = <uint32_t>side
        taker.level = mirror(&self.book, taker.side, <uint32_t>tick)
        taker.quantity = <uint64_t>quantity
        taker.account = <uint32_t>account
        return fillable(&self.book, &taker)

    def best_bid(self):
        """Return the highest tick bid."""
        cdef uint32_t best = self.book.ladders[BUY].best
        return None if best == self.book.levels else mirror(&self.book, BUY, best)

    def best_ask(self):
        """Return the lowest tick asked."""
        cdef uint32_t best = self.book.ladders[SELL].best
        return None if best == self.book.levels else best

    def depth(self, int64_t side, int64_t levels):
        """Return tick, Wh and number of orders of the best occupied levels of one side, best first."""
        cdef uint32_t level, sentinel, node, orders
        cdef uint64_t quantity
        cdef list depth = []
        self.require(side, 0, 1, 0)
        level = self.book.ladders[side].best
        while level < self.book.levels and len(depth) < levels:
            sentinel = sentinel_of(&self.book, <uint32_t>side, level)
            node = self.book.links[sentinel].next
            quantity = 0
            orders = 0
            while node != sentinel:
                quantity += self.book.payloads[node - self.book.first_node].quantity
                orders += 1
                node = self.book.links[node].next
            depth.append((mirror(&self.book, <uint32_t>side, level), quantity, orders))
            level = next_marked(&self.book.ladders[side], level + 1)
        return depth

    def orders(self, int64_t side):
        """Return handle, tick, Wh and account of every resting order of one side, in priority sequence."""
        cdef uint32_t level, sentinel, node, tick
        cdef Payload *order
        cdef list orders = []
        self.require(side, 0, 1, 0)
        level = self.book.ladders[side].best
        while level < self.book.levels:
            tick = mirror(&self.book, <uint32_t>side, level)
            sentinel = sentinel_of(&self.book, <uint32_t>side, level)
            node = self.book.links[sentinel].next
            while node != sentinel:
                order = &self.book.payloads[node - self.book.first_node]
                orders.append((node - self.book.first_node, tick, order.quantity, order.account))
                node = self.book.links[node].next
            level = next_marked(&self.book.ladders[side], level + 1)
        return orders

    def total(self, int64_t side):
        """Return the Wh resting on one side."""
        return sum([wh for _, wh, _ in self.depth(side, self.book.levels)])
