from sqlmodel import Session

from node.api.wording import CommunityClock
from node.orders.steps import Step, What, order_steps
from node.storage.models import OrderRow
from node.views.queries import Queries
from tests.support.small_community import FIRST, HOMES, LENGTH_S, NEXT, NOW, filled_projection, sun_wh, word


def test_each_step_of_an_order_has_its_time() -> None:
    engine = filled_projection()
    partly = OrderRow(
        digest=word(0xEA, 1), sequence=900, placed_at=NOW - 60, account=HOMES[2], interval=NEXT, side="buy",
        quantity_wh=500, limit_price_ueur_per_kwh=90_000, time_in_force=0, nonce=1, expiry=0, status="cancelled",
        ended_at=NOW - 10,
    )  # fmt: skip
    with Session(engine) as session:
        session.add(partly)
        session.commit()
    orders = Queries(engine).orders(account=HOMES[2])["items"]
    bought = next(order for order in orders if order["interval"] == FIRST + 30 * LENGTH_S)
    cancelled = next(order for order in orders if order["digest"] == word(0xEA, 1))
    steps = order_steps(engine, HOMES[2], [bought, cancelled])
    interval, wh = FIRST + 30 * LENGTH_S, min(sun_wh(30), 900 + 40 * 2)
    run, block = 30 // 4 + 1, 10 + 30 // 4 + 1
    assert steps == [
        [
            Step(What.PLACED, wh, interval - 1_000),
            Step(What.MATCHED, wh, interval - 900),
            Step(What.SETTLED, wh, None, block, run),
            Step(What.CERTIFIED, sun_wh(30), None, block, run),
        ],
        [Step(What.PLACED, 500, NOW - 60), Step(What.CANCELLED, 500, NOW - 10)],
    ]
    sold = Queries(engine).orders(account=HOMES[0])["items"][-1:]
    assert [step.what for step in order_steps(engine, HOMES[0], sold)[0]][-1] is What.SETTLED, (
        "the buyer owns the proof"
    )
    assert order_steps(engine, HOMES[0], []) == []


def test_a_later_time_is_short_on_the_same_day_only() -> None:
    clock = CommunityClock("Europe/Paris")
    assert clock.later(FIRST + 60, FIRST) == "05:01"
    assert clock.later(FIRST + 86_400, FIRST) == "2017-05-18 05:00 CEST"
