/* What any matcher of one event after the other must pay: to read it and to branch on its kind and side.
 *
 * The empty assembly keeps the compiler from turning the branches into arithmetic, which a matcher cannot do either.
 */
#include <stdint.h>

struct event {
    uint64_t quantity;
    uint32_t name, account, tick;
    uint16_t book;
    uint8_t kind, side;
};

enum { CANCEL = 3 };

uint64_t branch_floor(const struct event *events, uint64_t count) {
    uint64_t cancels = 0, asks = 0, bids = 0;
    for (const struct event *event = events; event != events + count; event++) {
        if (event->kind == CANCEL) {
            cancels += event->name * 3ull;
            __asm__ volatile("" : "+r"(cancels) : : "memory");
        } else if (event->side) {
            asks ^= event->tick + event->quantity;
            __asm__ volatile("" : "+r"(asks) : : "memory");
        } else {
            bids += event->tick + event->quantity;
            __asm__ volatile("" : "+r"(bids) : : "memory");
        }
    }
    return cancels + asks + bids;
}
