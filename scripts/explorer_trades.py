"""List the trades of a community, and check them against the orders and intervals they belong to.

    python -m scripts.explorer_trades --from 2017-05-17T12:00Z --to 2017-05-17T14:00Z
    python -m scripts.explorer_trades --interval 1495024200 --csv

Checked: every price lies within both orders' limits, both are of the trade's interval, side and account, no order is
filled beyond its quantity, and amounts are energy times price. Of an interval that is open no longer: its trades are
numbered without a gap, fill what the orders say, and add up to the interval's totals.
Units: Wh, µ€/kWh, n€, UTC epoch seconds; exact.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from energy.quantities import amount_neur
from scripts.audit import explorer_arguments, instant_argument, print_json, print_rows, run_explorer, utc
from scripts.node_rpc import JsonObject, NodeRpc

COLUMNS: Final = ("interval", "number", "quantityWh", "price", "amountNeur", "buyer", "seller", "buyOrder", "sellOrder")


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = explorer_arguments(__doc__)
    parser.add_argument("--from", dest="first", type=instant_argument, metavar="TIME", help="first interval")
    parser.add_argument("--to", dest="end", type=instant_argument, metavar="TIME", help="end, itself not included")
    parser.add_argument("--interval", type=instant_argument, metavar="TIME", help="only this interval")
    chosen = parser.parse_args(arguments)
    if chosen.interval is not None and (chosen.first is not None or chosen.end is not None):
        parser.error("--interval already says when: leave out --from and --to")
    return run_explorer(explore, chosen)


def explore(chosen: argparse.Namespace, node: NodeRpc) -> list[str]:
    """Print the chosen trades and totals by interval; return what does not hold."""
    first, end = chosen.first, chosen.end
    if chosen.interval is not None:
        first, end = chosen.interval, chosen.interval + node.call("energy_getStatus")["intervalLengthS"]
    # Intervals come first: one that is closed by now can not change while its trades and orders are read.
    intervals = list(node.items("energy_getIntervals", {"from": first, "to": end}))
    closed = {interval["start"]: interval for interval in intervals if interval["status"] != "open"}
    trades = list(node.items("energy_getTrades", {"from": first, "to": end}))
    orders = {order["digest"]: order for order in node.items("energy_getOrders", {"interval": chosen.interval})}
    faults = [*trade_faults(trades, orders), *fill_faults(trades, orders, closed), *interval_faults(trades, closed)]
    totals = interval_totals(trades)
    if chosen.json:
        print_json("explorer-trades", {"trades": trades, "intervals": totals, "faults": faults})
    elif chosen.csv:
        print_rows([{**trade, "interval": utc(trade["interval"])} for trade in trades], COLUMNS, as_csv=True)
    else:
        _print_trades(trades, totals)
    return faults


def trade_faults(trades: Sequence[JsonObject], orders: Mapping[str, JsonObject]) -> list[str]:
    """Return what is wrong between trades and their orders, one sentence each."""
    faults = []
    for trade in trades:
        name = f"trade {trade['number']} of {utc(trade['interval'])}"
        if trade["amountNeur"] != amount_neur(trade["quantityWh"], trade["price"]):
            faults.append(f"{name}: its amount is not energy times price")
        for side, account in (("buy", "buyer"), ("sell", "seller")):
            digest = trade[f"{side}Order"]
            order = orders.get(digest)
            if order is None:
                faults.append(f"{name}: there is no order {digest}")
                continue
            last = order["lastInterval"] or order["interval"]
            delivered = order["interval"] <= trade["interval"] <= last
            if not delivered or (order["side"], order["account"]) != (side, trade[account]):
                faults.append(f"{name}: order {digest} is of another side, interval or account")
            worse = trade["price"] > order["limitPrice"] if side == "buy" else trade["price"] < order["limitPrice"]
            if worse:
                faults.append(f"{name}: its price {trade['price']} breaks the limit {order['limitPrice']} of {digest}")
    return faults


def fill_faults(
    trades: Sequence[JsonObject], orders: Mapping[str, JsonObject], closed: Mapping[int, JsonObject]
) -> list[str]:
    """Return which orders are filled beyond their quantity, or otherwise than they say, one sentence each."""
    filled_wh: dict[str, int] = defaultdict(int)
    for trade in trades:
        for digest in (trade["buyOrder"], trade["sellOrder"]):
            filled_wh[digest] += trade["quantityWh"]
    return [
        f"order {digest}: trades fill {wh} Wh, it says {order['filledWh']} of {order['quantityWh']} Wh"
        for digest, wh in filled_wh.items()
        if (order := orders.get(digest))
        and (
            wh > order["quantityWh"]
            or ((order["lastInterval"] or order["interval"]) in closed and wh != order["filledWh"])
        )
    ]


def interval_faults(trades: Sequence[JsonObject], closed: Mapping[int, JsonObject]) -> list[str]:
    """Return what is wrong between trades and the totals of their closed intervals, one sentence each."""
    numbers: dict[int, list[int]] = defaultdict(list)
    traded_wh: dict[int, int] = defaultdict(int)
    for trade in trades:
        if trade["interval"] in closed:
            numbers[trade["interval"]].append(trade["number"])
            traded_wh[trade["interval"]] += trade["quantityWh"]
    faults = [
        f"interval {utc(start)}: its trades are not numbered 0 to {len(found) - 1}"
        for start, found in sorted(numbers.items())
        if sorted(found) != list(range(len(found)))
    ]
    for start, said in sorted(closed.items()):
        if (said["trades"], said["tradedWh"]) != (len(numbers[start]), traded_wh[start]):
            faults.append(
                f"interval {utc(start)}: {len(numbers[start])} trades of {traded_wh[start]} Wh are listed, "
                f"it says {said['trades']} of {said['tradedWh']}"
            )
    return faults


def interval_totals(trades: Sequence[JsonObject]) -> list[JsonObject]:
    """Return number, energy, money and prices of the trades of each interval."""
    by_interval: dict[int, list[JsonObject]] = defaultdict(list)
    for trade in trades:
        by_interval[trade["interval"]].append(trade)
    return [
        {
            "interval": start,
            "trades": len(group),
            "tradedWh": sum(trade["quantityWh"] for trade in group),
            "amountNeur": sum(trade["amountNeur"] for trade in group),
            "priceMin": min(trade["price"] for trade in group),
            "priceMax": max(trade["price"] for trade in group),
        }
        for start, group in sorted(by_interval.items())
    ]


def _print_trades(trades: Sequence[JsonObject], totals: Sequence[JsonObject]) -> None:
    brief = [
        {
            **trade,
            "interval": utc(trade["interval"]),
            **{name: trade[name][:10] for name in ("buyer", "seller", "buyOrder", "sellOrder")},
        }
        for trade in trades
    ]
    print_rows(brief, COLUMNS, as_csv=False)
    print()
    columns = ("interval", "trades", "tradedWh", "amountNeur", "priceMin", "priceMax")
    print_rows([{**total, "interval": utc(total["interval"])} for total in totals], columns, as_csv=False)
    traded_wh, money_neur = (sum(total[name] for total in totals) for name in ("tradedWh", "amountNeur"))
    print(f"\n{len(trades)} trades, {traded_wh} Wh bought and as much sold, {money_neur} n€")


if __name__ == "__main__":
    sys.exit(main())
