"""Memory and C functions of the order book: what its classes, or another extension, build on.

`Arena` holds the books of several delivery intervals; a book by itself is an arena of one. Placing and cancelling are
O(1) plus O(1) per fill, whatever rests in a book. No function here needs the GIL or a Python object, and none
allocates. M3 holds after each command, since an order rests only after it has matched everything that its limit reaches.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t

cdef extern from *:
    """
    #define lowest_bit(word) ((uint32_t)__builtin_ctzll(word))
    #define prefetch(address) __builtin_prefetch((address), 1)
    #define rarely(condition) __builtin_expect((condition), 0)
    """
    uint32_t lowest_bit(uint64_t word) noexcept nogil
    bint rarely(bint condition) noexcept nogil
    void prefetch(const void *address) noexcept nogil

cdef enum:
    BUY = 0
    SELL = 1

cdef enum:
    GOOD_TILL_GATE = 0
    IMMEDIATE_OR_CANCEL = 1
    FILL_OR_KILL = 2
    CANCEL = 3  # of an event only

cdef enum:
    FILLED = 0
    RESTING = 1
    IMMEDIATE_REST = 2
    SELF_TRADE = 3
    UNFILLABLE = 4
    FULL = 5
    CANCELLED = 6
    NOT_RESTING = 7
    NAME_TAKEN = 8
    MALFORMED = 9


cdef enum:
    FETCH_AHEAD = 24


# -- WIRE: the structs of `market.book.batch`

cdef struct Event:
    uint64_t quantity
    uint32_t name
    uint32_t account
    uint32_t tick
    uint16_t book
    uint8_t kind  # a time in force, or CANCEL
    uint8_t side


cdef struct Fill:
    uint64_t quantity
    uint32_t maker
    uint32_t taker
    uint32_t maker_account
    uint32_t tick


cdef struct Result:
    uint64_t quantity
    uint32_t fills
    uint32_t status


# -- MEMORY

cdef struct Link:
    # A ring per side and price: sentinel -> oldest -> ... -> newest -> sentinel. Nodes [0, 2 x levels) are the
    # sentinels, the others orders. Apart from the payload, so that a cancel touches eight bytes per neighbour.
    uint32_t next
    uint32_t prev


cdef struct Payload:
    uint64_t quantity  # Wh still open; 0 marks a free slot
    uint32_t account
    uint32_t name


cdef struct Hidden:
    # What a resting order does not show, apart from the payload: few orders hide anything.
    uint64_t reserve  # Wh; 0 for nothing
    uint64_t slice  # Wh shown at a time


cdef struct Book:
    # The sentinels that have orders, as a bitset with a second one above it. Sentinel of an ask: levels + tick, of a
    # bid: levels - 1 - tick. So the best of either side is the lowest, and an order of sentinel s meets those of the
    # other side up to 2 x levels - 1 - s: both sides share one code path.
    uint64_t *words
    uint64_t *summary
    Link *links
    Payload *orders  # by node; the sentinels have none
    uint32_t best[2]  # lowest sentinel with orders of each side; the first beyond the side when there is none
    uint32_t first_node  # first node that is an order: handle = node - first_node
    uint32_t free_node  # head of the LIFO list of freed nodes; 0, a sentinel, when there is none
    uint32_t used  # slots ever used since the last clear
    uint32_t resting
    uint32_t slices  # that all orders together still hide; while it is 0, nobody looks at `hidden`
    uint32_t capacity
    Hidden *hidden
    uint32_t levels
    uint32_t groups


cdef struct Arena:
    # Slot of an order: book << slot_bits | handle. Each book has its own slots, so that none can crowd out another,
    # and its own stretch of memory, which the operating system provides when it is first touched.
    Book *books
    Link *links
    Payload *payloads
    Hidden *hidden
    uint64_t *bitsets
    uint32_t *slots  # last slot of each name; the name in the payload tells whether it is still there
    uint32_t book_count
    uint32_t name_count
    uint32_t levels
    uint32_t slot_bits
    uint32_t handle_mask
    uint64_t quantity_max


cdef struct Taker:
    uint64_t quantity  # Wh still to fill
    uint32_t side
    uint32_t sentinel  # where it would rest
    uint32_t reach  # last sentinel of the other side that it meets
    uint32_t account
    uint32_t name
    Fill *fills
    uint64_t fill_count


cdef struct Scout:
    # Where the orders are looked for that coming ones will meet, a node each event.
    Book *book
    uint32_t node


# -- LADDER

cdef inline uint32_t next_marked(const Book *book, uint32_t sentinel) noexcept nogil:
    """Return the lowest marked sentinel that is at least `sentinel`, or 2 x levels if there is none."""
    cdef uint32_t word = sentinel >> 6
    cdef uint32_t group = word >> 6
    cdef uint64_t bits = book.words[word] >> (sentinel & 63)
    if bits:
        return sentinel + lowest_bit(bits)
    # Two shifts: one by 64, for the last word of a group, would be undefined.
    bits = (book.summary[group] >> (word & 63)) >> 1
    if bits:
        word += 1 + lowest_bit(bits)
        return (word << 6) + lowest_bit(book.words[word])
    group += 1
    while group < book.groups:
        if book.summary[group]:
            word = (group << 6) + lowest_bit(book.summary[group])
            return (word << 6) + lowest_bit(book.words[word])
        group += 1
    return 2 * book.levels


cdef inline uint32_t end_of(const Book *book, uint32_t side) noexcept nogil:
    return book.levels << side


cdef inline void mark(Book *book, uint32_t side, uint32_t sentinel) noexcept nogil:
    book.words[sentinel >> 6] |= <uint64_t>1 << (sentinel & 63)
    book.summary[sentinel >> 12] |= <uint64_t>1 << ((sentinel >> 6) & 63)
    book.best[side] = sentinel if sentinel < book.best[side] else book.best[side]


cdef inline void unmark(Book *book, uint32_t side, uint32_t sentinel) noexcept nogil:
    cdef uint32_t best
    book.words[sentinel >> 6] &= ~(<uint64_t>1 << (sentinel & 63))
    if not book.words[sentinel >> 6]:
        book.summary[sentinel >> 12] &= ~(<uint64_t>1 << ((sentinel >> 6) & 63))
    if sentinel == book.best[side]:
        best = next_marked(book, sentinel)
        book.best[side] = best if best < end_of(book, side) else end_of(book, side)


cdef inline uint32_t sentinel_of(uint32_t levels, uint32_t side, uint32_t tick) noexcept nogil:
    """Return where orders of a side and tick queue, without a branch on the side."""
    return levels + (tick ^ (side - 1))


cdef inline uint32_t tick_of(uint32_t levels, uint32_t side, uint32_t sentinel) noexcept nogil:
    return (sentinel - levels) ^ (side - 1)


cdef inline uint32_t reach_of(uint32_t levels, uint32_t sentinel) noexcept nogil:
    return 2 * levels - 1 - sentinel


# -- SLOTS

cdef inline Payload *payload_of(const Book *book, uint32_t handle) noexcept nogil:
    return &book.orders[book.first_node + handle]


cdef inline uint32_t take_node(Book *book) noexcept nogil:
    cdef uint32_t node = book.free_node
    if rarely(node == 0):
        node = book.first_node + book.used
        book.used += 1
    else:
        book.free_node = book.links[node].next
    book.resting += 1
    return node


cdef inline void release_node(Book *book, uint32_t node) noexcept nogil:
    book.orders[node].quantity = 0
    book.links[node].next = book.free_node
    book.free_node = node
    book.resting -= 1


# -- HIDDEN ENERGY

cdef inline uint32_t slices_of(const Hidden *hidden) noexcept nogil:
    return <uint32_t>((hidden.reserve + hidden.slice - 1) // hidden.slice) if hidden.reserve else 0


cdef inline uint64_t show_next(Book *book, uint32_t node) noexcept nogil:
    """Show the next slice of an order whose last one is used up; return its Wh, 0 when nothing is hidden."""
    cdef Hidden *hidden
    cdef uint64_t quantity
    if not rarely(book.slices):
        return 0
    hidden = &book.hidden[node - book.first_node]
    quantity = hidden.slice if hidden.slice < hidden.reserve else hidden.reserve
    if quantity:
        hidden.reserve -= quantity
        book.slices -= 1
        book.orders[node].quantity = quantity
    return quantity


cdef inline void append(Book *book, uint32_t sentinel, uint32_t node) noexcept nogil:
    """Put a node that is in no ring behind the newest order of a level."""
    cdef uint32_t newest = book.links[sentinel].prev
    book.links[node].prev = newest
    book.links[node].next = sentinel
    book.links[newest].next = node
    book.links[sentinel].prev = node


cdef inline uint32_t hide(Book *book, uint32_t handle, uint64_t slice) noexcept nogil:
    """Show no more than a slice of an order that has just come to rest; return in how many more it will come."""
    cdef Payload *payload = payload_of(book, handle)
    cdef Hidden *hidden = &book.hidden[handle]
    if payload.quantity <= slice:
        return 0
    hidden.slice = slice
    hidden.reserve = payload.quantity - slice
    payload.quantity = slice
    book.slices += slices_of(hidden)
    return slices_of(hidden)


cdef inline uint64_t disclose(Book *book, uint32_t handle) noexcept nogil:
    """Forget what an order hides and return it, Wh."""
    cdef Hidden *hidden = &book.hidden[handle]
    cdef uint64_t reserve
    if not rarely(book.slices):
        return 0
    reserve = hidden.reserve
    book.slices -= slices_of(hidden)
    hidden.reserve = 0
    return reserve


# -- COMMANDS

cdef inline uint32_t fill_level(Book *book, Taker *taker, uint32_t sentinel, uint32_t tick) noexcept nogil:
    """Fill the taker from the oldest order of a level on; return the first node that stays, or the sentinel."""
    cdef uint32_t node = book.links[sentinel].next
    cdef uint32_t following
    cdef Payload *maker
    cdef Fill *fill
    while node != sentinel and taker.quantity:
        maker = &book.orders[node]
        if rarely(maker.account == taker.account):
            break
        fill = &taker.fills[taker.fill_count]
        taker.fill_count += 1
        fill.maker = maker.name
        fill.taker = taker.name
        fill.maker_account = maker.account
        fill.tick = tick
        if maker.quantity > taker.quantity:
            fill.quantity = taker.quantity
            maker.quantity -= taker.quantity
            taker.quantity = 0
            break
        fill.quantity = maker.quantity
        taker.quantity -= maker.quantity
        maker.quantity = 0
        following = book.links[node].next
        if not show_next(book, node):
            release_node(book, node)
        elif following == sentinel:
            continue  # the newest of its level is next again
        else:
            append(book, sentinel, node)
        node = following
    return node


cdef inline bint meets(const Book *book, const Taker *taker) noexcept nogil:
    return book.best[SELL - taker.side] <= taker.reach


cdef inline bint match(Book *book, Taker *taker) noexcept nogil:
    """Fill the taker as far as its limit reaches; return whether its account's own order stopped it."""
    cdef uint32_t other = SELL - taker.side
    cdef uint32_t sentinel, node
    while taker.quantity and meets(book, taker):
        sentinel = book.best[other]
        node = fill_level(book, taker, sentinel, tick_of(book.levels, other, sentinel))
        book.links[sentinel].next = node
        book.links[node].prev = sentinel
        if node == sentinel:
            unmark(book, other, sentinel)
        elif taker.quantity:
            return True
    return False


cdef inline uint32_t rest(Book *book, const Taker *taker) noexcept nogil:
    """Append what is left of the taker to its level and return its handle."""
    cdef uint32_t node = take_node(book)
    cdef Payload *payload = &book.orders[node]
    payload.quantity = taker.quantity
    payload.account = taker.account
    payload.name = taker.name
    append(book, taker.sentinel, node)
    mark(book, taker.side, taker.sentinel)
    return node - book.first_node


cdef inline uint64_t fillable(const Book *book, const Taker *taker) noexcept nogil:
    """Return how much of the taker would fill now."""
    cdef uint32_t sentinel = book.best[SELL - taker.side]
    cdef uint32_t node
    cdef uint64_t available = 0, hidden
    while sentinel <= taker.reach:
        node = book.links[sentinel].next
        hidden = 0
        while node != sentinel:
            if book.orders[node].account == taker.account:
                return available
            available += book.orders[node].quantity
            if available >= taker.quantity:
                return taker.quantity
            if book.slices:
                hidden += book.hidden[node - book.first_node].reserve
            node = book.links[node].next
        # Further slices come behind every order of their level, an own one included.
        available += hidden
        if available >= taker.quantity:
            return taker.quantity
        sentinel = next_marked(book, sentinel + 1)
    return available


cdef inline uint32_t place(Book *book, Taker *taker, uint32_t time_in_force, uint32_t *handle) noexcept nogil:
    """Match an order, rest what is left under a handle, and return its status; a refusal changes nothing."""
    if meets(book, taker):
        if time_in_force == FILL_OR_KILL and fillable(book, taker) < taker.quantity:
            return UNFILLABLE
        if match(book, taker):
            return SELF_TRADE
        if taker.quantity == 0:
            return FILLED
    if rarely(time_in_force != GOOD_TILL_GATE):
        return IMMEDIATE_REST if time_in_force == IMMEDIATE_OR_CANCEL else UNFILLABLE
    # An order that crossed needs no place of its own: when it was not filled, it has freed a resting order's slot.
    if rarely(book.resting == book.capacity):
        return FULL
    handle[0] = rest(book, taker)
    return RESTING


cdef inline uint64_t cancel(Book *book, uint32_t handle) noexcept nogil:
    """Take an order out and return its Wh; 0 when the slot is free."""
    cdef uint32_t node = book.first_node + handle
    cdef uint64_t quantity
    cdef Link link
    if rarely((handle >= book.used) or (book.orders[node].quantity == 0)):
        return 0
    quantity = book.orders[node].quantity + disclose(book, handle)
    link = book.links[node]
    book.links[link.prev].next = link.next
    book.links[link.next].prev = link.prev
    if link.next == link.prev:
        # It was alone at its level: both neighbours are the sentinel, which tells the side.
        unmark(book, link.next >= book.levels, link.next)
    release_node(book, node)
    return quantity


cdef inline void take(Book *book, uint32_t handle, uint64_t quantity) noexcept nogil:
    """Fill a resting order out of turn, at most what it shows."""
    cdef uint32_t node = book.first_node + handle
    cdef uint32_t sentinel
    cdef Link link
    book.orders[node].quantity -= quantity
    if book.orders[node].quantity:
        return
    if not show_next(book, node):
        book.orders[node].quantity = quantity
        cancel(book, handle)
        return
    sentinel = book.links[node].next
    while sentinel >= book.first_node:
        sentinel = book.links[sentinel].next
    link = book.links[node]
    book.links[link.prev].next = link.next
    book.links[link.next].prev = link.prev
    append(book, sentinel, node)


cdef inline void shrink(Book *book, uint32_t handle, uint64_t quantity) noexcept nogil:
    """Lower a resting order by less than it has, first what it hides; it keeps its place."""
    cdef Hidden *hidden = &book.hidden[handle]
    cdef uint64_t unseen = disclose(book, handle)
    cdef uint64_t less = quantity if quantity < unseen else unseen
    hidden.reserve = unseen - less
    book.slices += slices_of(hidden)
    payload_of(book, handle).quantity -= quantity - less


# -- BATCHES

cdef inline bint rests(const Arena *arena, uint32_t slot, uint32_t name) noexcept nogil:
    """Say whether an order of this name rests in a slot."""
    cdef const Payload *payload = &arena.payloads[slot]
    cdef uint32_t book = slot >> arena.slot_bits
    if payload.name != name or payload.quantity == 0:
        return False
    # What lies beyond the slots used since the book was last cleared is from before.
    return slot - (book << arena.slot_bits) < arena.books[book].used


cdef inline uint64_t cancel_event(const Arena *arena, const Event *event) noexcept nogil:
    """Take an order out of the book where it is said to be and return its Wh; 0 when it is not there."""
    cdef uint32_t slot = arena.slots[event.name]
    cdef uint32_t handle = slot - (<uint32_t>event.book << arena.slot_bits)  # beyond `used` in another book
    if arena.payloads[slot].name != event.name:
        return 0
    return cancel(&arena.books[event.book], handle)


cdef inline bint is_known(const Arena *arena, const Event *event) noexcept nogil:
    return (event.book < arena.book_count) & (event.name < arena.name_count) & (event.kind <= CANCEL)


cdef inline bint has_level(const Arena *arena, const Event *event) noexcept nogil:
    return (event.tick < arena.levels) & (event.side <= SELL)


# What follows asks for memory that a later event needs. It does so without a branch on the event's kind, which would
# be mispredicted once more: for orders and cancels alike it asks for what either would change.

cdef inline void fetch_slot(const Arena *arena, const Event *event) noexcept nogil:
    # As a number, not a place in the array: a name that is none asks in vain, and does no harm.
    prefetch(<const void *>(<uintptr_t>arena.slots + event.name * sizeof(uint32_t)))


cdef inline Link *link_of(const Arena *arena, const Event *event, uint32_t slot) noexcept nogil:
    """Return the link of the order to cancel, or the sentinel of the level where the order would rest."""
    cdef Book *book = &arena.books[event.book]
    cdef uint32_t order = book.first_node + (slot & arena.handle_mask)
    cdef uint32_t sentinel = sentinel_of(arena.levels, event.side, event.tick)
    # Not chosen by `if`: compilers turn that into a branch.
    cdef uint32_t cancels = 0 - <uint32_t>(event.kind == CANCEL)
    return &book.links[sentinel ^ ((sentinel ^ order) & cancels)]


cdef inline void fetch_link(const Arena *arena, const Event *event) noexcept nogil:
    cdef uint32_t slot = arena.slots[event.name]
    prefetch(&arena.payloads[slot])
    prefetch(link_of(arena, event, slot))


cdef inline void fetch_neighbours(const Arena *arena, const Event *event) noexcept nogil:
    cdef Book *book = &arena.books[event.book]
    cdef Link *link = link_of(arena, event, arena.slots[event.name])
    prefetch(&book.links[link.prev])
    prefetch(&book.links[link.next])


cdef inline void fetch_makers(const Arena *arena, const Event *event, Scout *scout) noexcept nogil:
    """Send the scout to the level that a coming order will meet, or let it go on from order to order where it is."""
    cdef Book *book = &arena.books[event.book]
    cdef uint32_t best = book.best[SELL - event.side]
    if (event.kind != CANCEL) & (best <= reach_of(arena.levels, sentinel_of(arena.levels, event.side, event.tick))):
        scout.book = book
        scout.node = best
    scout.node = scout.book.links[scout.node].next
    prefetch(&scout.book.links[scout.node])
    prefetch(&scout.book.orders[scout.node])


cdef inline bint is_sound(const Arena *arena, const Event *event) noexcept nogil:
    """Say whether the places that an event names are there, so that what it needs can be asked for."""
    return is_known(arena, event) & has_level(arena, event)


cdef inline bint carry_out(
    const Arena *arena, const Event *event, Taker *taker, uint64_t fill_room, Result *result
) noexcept nogil:
    """Carry out one event; False, and nothing done, when its fills might find no room."""
    cdef Book *book = &arena.books[event.book]
    cdef uint64_t fills = taker.fill_count
    cdef uint32_t handle
    if rarely(not is_known(arena, event)):
        result.quantity, result.fills, result.status = 0, 0, MALFORMED
        return True
    if event.kind == CANCEL:
        result.quantity = cancel_event(arena, event)
        result.fills = 0
        result.status = CANCELLED if result.quantity else NOT_RESTING
        return True
    if rarely((not has_level(arena, event)) | (event.quantity - 1 >= arena.quantity_max)):
        result.quantity, result.fills, result.status = 0, 0, MALFORMED
        return True
    if rarely(rests(arena, arena.slots[event.name], event.name)):
        result.quantity, result.fills, result.status = 0, 0, NAME_TAKEN
        return True
    taker.quantity = event.quantity
    taker.side = event.side
    taker.sentinel = sentinel_of(arena.levels, event.side, event.tick)
    taker.reach = reach_of(arena.levels, taker.sentinel)
    taker.account = event.account
    taker.name = event.name
    if meets(book, taker) and rarely(fill_room - fills < book.resting):
        return False
    result.status = place(book, taker, event.kind, &handle)
    result.quantity = event.quantity - taker.quantity
    result.fills = <uint32_t>(taker.fill_count - fills)
    if result.status == RESTING:
        arena.slots[event.name] = (<uint32_t>event.book << arena.slot_bits) + handle
    return True


cdef inline uint64_t run(
    const Arena *shared, bint fetching, const Event *events, uint64_t count, Taker *taker, uint64_t fill_room,
    Result *results
) noexcept nogil:
    """Carry out events until one might find no room for its fills; return how many were carried out.

    The place of a later event's name is asked for in any case. `fetching` also asks for the orders and levels behind it:
    that costs more than it saves while the books fit the cache. As a constant of the caller it leaves no branch.
    """
    cdef Arena arena = shared[0]  # a copy, so that its addresses stay in registers
    cdef uint64_t number = 0
    cdef Scout scout
    scout.book = arena.books
    scout.node = 0
    while number + FETCH_AHEAD < count:
        fetch_slot(&arena, &events[number + FETCH_AHEAD])
        if fetching:
            if is_sound(&arena, &events[number + FETCH_AHEAD // 2]):
                fetch_link(&arena, &events[number + FETCH_AHEAD // 2])
                fetch_makers(&arena, &events[number + FETCH_AHEAD // 2], &scout)
            if is_sound(&arena, &events[number + FETCH_AHEAD // 4]):
                fetch_neighbours(&arena, &events[number + FETCH_AHEAD // 4])
        if not carry_out(&arena, &events[number], taker, fill_room, &results[number]):
            return number
        number += 1
    while number < count:
        if not carry_out(&arena, &events[number], taker, fill_room, &results[number]):
            break
        number += 1
    return number


cdef class OrderBook:
    cdef Arena arena
    cdef Book *book
    cdef Fill *fill_buffer
    cdef uint64_t fill_room
    cdef uint64_t fill_count
    cdef bint makers_gone  # the last order rested, so that it has filled all that it met
    cdef int require(self, int64_t side, int64_t tick, int64_t quantity, int64_t account) except -1
    cdef Taker taker(self, int64_t side, int64_t tick, int64_t quantity, int64_t account) noexcept
    cdef int make_room(self) except -1
    cdef int require_shown(self, int64_t handle, int64_t quantity, int64_t most) except -1
    cdef int64_t shown_wh(self, int64_t handle) noexcept
    cdef int64_t open_wh(self, uint32_t handle) noexcept


cdef class BookSet:
    cdef Arena arena
    cdef Fill *fill_buffer
    cdef uint64_t fill_room
    cdef uint64_t fill_count
    cdef Result carry_out_alone(self, const Event *event) noexcept
    cdef Book *book_at(self, int64_t index) except NULL
    cdef tuple submit_views(self, Py_buffer *event_view, Py_buffer *fill_view, Py_buffer *result_view)
