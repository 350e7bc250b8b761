"""What a command costs in the whole engine: accounts, collateral, digests and events around the book."""

from typing import Final

from benchmarks.book_streams import ACCOUNTS, make_stream
from energy.identity import Address, Digest
from market.book.batch import CANCEL, EVENT
from market.commands import AdmitAccount, CancelOrder, Command, OpenInterval, PlaceOrder
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.orders import Order, Side, TimeInForce

RESTING: Final = 1_000
COMMANDS: Final = 20_000
INTERVAL: Final = 900 * 1_000
COLLATERAL_NEUR: Final = 10**18


def engine_commands() -> tuple[list[Command], list[Command]]:
    """Return the commands that open a market and fill it, and the measured ones."""
    config = MarketConfig()
    stream = make_stream(RESTING, COMMANDS)
    authors: list[Address] = []
    commands: list[Command] = [AdmitAccount(_address(number), COLLATERAL_NEUR) for number in range(ACCOUNTS)]
    commands.append(OpenInterval(INTERVAL))
    opening = len(commands) + RESTING
    for wh, name, account, tick, _, kind, side in EVENT.iter_unpack(stream.filling + stream.measured):
        if kind == CANCEL:
            commands.append(CancelOrder(authors[name], _digest(name), bytes(65)))
            continue
        authors.append(_address(account))
        price = config.price_of(tick)
        order = Order(authors[name], INTERVAL, Side(side), wh, price, TimeInForce(kind), name, 0)
        commands.append(PlaceOrder(order, _digest(name), bytes(65)))
    return commands[:opening], commands[opening:]


def run_engine(state: MarketState, commands: list[Command]) -> None:
    """Apply commands; a late cancel is refused."""
    for command in commands:
        apply(state, command, 0)


def _address(number: int) -> Address:
    return Address(number.to_bytes(20, "big"))


def _digest(name: int) -> Digest:
    return Digest(name.to_bytes(32, "big"))
