"""Times the uniform-price clearing of ASSUME in an environment of its own, and prints one JSON object.

`python energy_market_peer.py`, with the orders on standard input: a list of [1 to buy or -1 to sell, price, quantity].
It imports nothing of this project, so that it runs where only `assume-framework` is installed.
"""

import copy
import importlib
import json
import sys
import time
from datetime import datetime, timedelta
from typing import Final

ROUNDS: Final = 2


def main() -> None:
    simple = importlib.import_module("assume.markets.clearing_algorithms.simple")
    # Its clearing needs nothing of the market agent that its constructor sets up.
    clearing = object.__new__(simple.PayAsClearRole)
    start = datetime(2026, 6, 21, 12)
    product = (start, start + timedelta(hours=1), None)
    book = [
        {
            "start_time": product[0],
            "end_time": product[1],
            "only_hours": product[2],
            "agent_addr": f"member_{number}",
            "bid_id": f"order_{number}",
            "volume": -direction * quantity,
            "price": price,
        }
        for number, (direction, price, quantity) in enumerate(json.load(sys.stdin))
    ]
    cpu_ns = []
    volume = 0
    for _ in range(ROUNDS):
        orders = copy.deepcopy(book)
        begin = time.thread_time_ns()
        accepted = clearing.clear(orders, [product])[0]
        cpu_ns.append(time.thread_time_ns() - begin)
        volume = sum(order["accepted_volume"] for order in accepted if order["volume"] > 0)
    print(json.dumps({"cpu_ns": min(cpu_ns), "volume": volume}))


if __name__ == "__main__":
    main()
