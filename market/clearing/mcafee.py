"""McAfee's double auction: nobody gains by bidding anything but the truth, and the community never pays in.

Orders are lots of the same size, one of each account. By merit the k best bids and asks would trade. The first pair
left out offers a price, the middle between its bid and its ask (half a tick goes to the buyers); if the k-th pair
accepts it, k lots trade at it. Otherwise the k-th pair is left out too: k - 1 lots trade, buyers pay the k-th bid,
sellers get the k-th ask, and the community keeps the difference. Where one side has no order left, the end of the
ladder stands for it.

Nobody who trades can move the prices, so lying can only lose a trade that pays, or win one that costs. The price of
that is the welfare of at most one lot. Source: R. P. McAfee, A dominant strategy double auction, Journal of Economic
Theory 56 (1992) 434-450. For orders of different sizes see `market.clearing.huang`.
Units: ticks, Wh. Refuses: orders of different sizes, and several of one account, with ValueError.
"""

from array import array

from market.clearing.outcome import Clearing, at_two_prices
from market.clearing.sealed_book import SealedBook
from market.orders import Side


def mcafee(book: SealedBook) -> Clearing:
    """Clear a book of equal lots.

    Raises:
        ValueError: the orders have different sizes, or an account has several.
    """
    book.require_one_order_each()
    if len(set(book.quantities_wh)) > 1:
        raise ValueError("McAfee's auction takes orders of one size")
    buyers, sellers = book.by_merit(Side.BUY), book.by_merit(Side.SELL)
    bids = [book.orders[place].tick for place in buyers]
    asks = [book.orders[place].tick for place in sellers]
    pairs = sum(bid >= ask for bid, ask in zip(bids, asks, strict=False))
    filled = array("Q", bytes(8 * len(book)))
    if pairs == 0:
        return Clearing(filled, ())
    next_bid = bids[pairs] if pairs < len(bids) else 0
    next_ask = asks[pairs] if pairs < len(asks) else book.levels - 1
    buyer_tick = seller_tick = (next_bid + next_ask) // 2
    if not asks[pairs - 1] <= buyer_tick <= bids[pairs - 1]:
        pairs -= 1
        buyer_tick, seller_tick = bids[pairs], asks[pairs]
    for place in (*buyers[:pairs], *sellers[:pairs]):
        filled[place] = book.quantities_wh[place]
    return at_two_prices(book, filled, buyer_tick, seller_tick)
