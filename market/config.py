"""Parameters of the market. Consensus: part of the community's genesis, the same on every machine."""

from dataclasses import asdict, dataclass, fields, replace

from energy.errors import Misconfigured
from energy.interval import LENGTHS_S
from energy.quantities import ENERGY_WH_MAX, PRICE_UEUR_PER_KWH_MAX, ratio_down
from market.book.interface import LEVELS_MAX, ORDERS_MAX
from market.commands import SetLimits
from market.grid import Feeder, check_feeders
from market.mechanism import Mechanism, Sharing


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """Bounds and timing of the books of one community.

    Raises:
        Misconfigured: bounds that contradict each other, or that a book can not hold.
    """

    interval_length_s: int = 900
    """Length of a delivery interval; one of 300, 900, 1800, 3600 s."""
    gate_lead_s: int = 300
    """The gate closes this long before delivery starts, ≥ 0 s."""
    tick_ueur_per_kwh: int = 1_000
    """Every price is a multiple of it, ≥ 1 µ€/kWh."""
    price_floor_ueur_per_kwh: int = -500_000
    """Lowest price; a multiple of the tick."""
    price_ceiling_ueur_per_kwh: int = 1_000_000
    """Highest price; a multiple of the tick."""
    quantity_max_wh: int = 1_000_000
    """Largest single order, Wh."""
    shortfall_price_max_ueur_per_kwh: int = 1_000_000
    """Highest price at which a seller can be charged for energy not delivered; sizes a seller's collateral."""
    open_orders_max: int = 65_536
    """Resting orders one interval's book can hold."""
    accounts_max: int = 65_536
    """Accounts that one market can admit."""
    mechanism: Mechanism = Mechanism.CONTINUOUS
    """How orders meet."""
    lot_wh: int = 100
    """Size of every order in McAfee's auction, Wh; the other mechanisms take any size."""
    sharing: Sharing = Sharing.NONE
    """What becomes of surplus and need that nobody traded."""
    account_orders_max: int = 0
    """Open orders that one account may have, in all intervals; 0 for any number."""
    account_open_max_wh: int = 0
    """Energy that one account's open orders may add up to, Wh; 0 for any."""
    account_notional_max_neur: int = 0
    """Money that one account's open orders may be about, n€; 0 for any."""
    orders_per_minute_max: int = 0
    """Orders that one account may place in a minute of the clock; 0 for any number."""
    collar_ueur_per_kwh: int = 0
    """How far above the last price a bid, below it an ask may be, µ€/kWh; 0 for any distance."""
    feeders: tuple[Feeder, ...] = ()
    """What trades may load, in continuous trading; without any they may go everywhere."""

    def __post_init__(self) -> None:
        self._take_names()
        tick, floor, ceiling = self.tick_ueur_per_kwh, self.price_floor_ueur_per_kwh, self.price_ceiling_ueur_per_kwh
        for name, value, low, high in (
            ("gate_lead_s", self.gate_lead_s, 0, None),
            ("tick_ueur_per_kwh", tick, 1, PRICE_UEUR_PER_KWH_MAX),
            ("price_floor_ueur_per_kwh", floor, -PRICE_UEUR_PER_KWH_MAX, ceiling),
            ("price_ceiling_ueur_per_kwh", ceiling, floor, PRICE_UEUR_PER_KWH_MAX),
            ("quantity_max_wh", self.quantity_max_wh, 1, ENERGY_WH_MAX),
            ("shortfall_price_max_ueur_per_kwh", self.shortfall_price_max_ueur_per_kwh, 0, PRICE_UEUR_PER_KWH_MAX),
            ("open_orders_max", self.open_orders_max, 1, ORDERS_MAX),
            ("accounts_max", self.accounts_max, 1, 1 << 32),
            ("lot_wh", self.lot_wh, 1, ENERGY_WH_MAX),
            ("account_orders_max", self.account_orders_max, 0, 1 << 32),
            ("account_open_max_wh", self.account_open_max_wh, 0, ENERGY_WH_MAX),
            ("account_notional_max_neur", self.account_notional_max_neur, 0, 1 << 96),
            ("orders_per_minute_max", self.orders_per_minute_max, 0, 1 << 32),
            ("collar_ueur_per_kwh", self.collar_ueur_per_kwh, 0, 2 * PRICE_UEUR_PER_KWH_MAX),
        ):
            if value < low or (high is not None and value > high):
                raise Misconfigured(f"{name} is {value}, but must be at least {low} and at most {high}")
        if self.interval_length_s not in LENGTHS_S:
            raise Misconfigured(f"interval_length_s is {self.interval_length_s}, but must be one of {LENGTHS_S}")
        if self.mechanism is Mechanism.MCAFEE and self.lot_wh > self.quantity_max_wh:
            raise Misconfigured(f"lot_wh is {self.lot_wh}, but one order has at most {self.quantity_max_wh} Wh")
        if floor % tick or ceiling % tick:
            raise Misconfigured(f"price floor {floor} and ceiling {ceiling} must be multiples of the tick {tick}")
        if self.levels > LEVELS_MAX:
            raise Misconfigured(f"the prices have {self.levels} ticks, but a book has at most {LEVELS_MAX} levels")

    def _take_names(self) -> None:
        """Take the names of choices as an agreement's file holds them."""
        for name, choices in (("mechanism", Mechanism), ("sharing", Sharing)):
            value = getattr(self, name)
            if value not in list(choices):
                raise Misconfigured(f"{name} is {value!r}, but must be one of {', '.join(choices)}")
            object.__setattr__(self, name, choices(value))
        feeders = tuple(Feeder.from_plain(each) for each in self.feeders)
        object.__setattr__(self, "feeders", feeders)
        check_feeders(feeders, max(self.tick_ueur_per_kwh, 1))
        if feeders and self.mechanism is not Mechanism.CONTINUOUS:
            raise Misconfigured(f"feeders need the mechanism continuous: {self.mechanism} has no price for a place")

    def with_limits(self, limits: SetLimits) -> "MarketConfig":
        """Return the parameters with other limits.

        Raises:
            Misconfigured: one is out of its range.
        """
        return replace(self, **asdict(limits))

    @property
    def limits(self) -> SetLimits:
        """The limits, as one command sets them."""
        return SetLimits(*(getattr(self, each.name) for each in fields(SetLimits)))

    @property
    def limits_open_orders(self) -> bool:
        """Say whether anything limits what one account may have open; if not, nobody need add it up."""
        return bool(self.account_orders_max or self.account_open_max_wh or self.account_notional_max_neur)

    @property
    def levels(self) -> int:
        """Number of prices on the ladder."""
        return self.level_of(self.price_ceiling_ueur_per_kwh) + 1

    def level_of(self, price_ueur_per_kwh: int) -> int:
        """Return the place on the ladder of a price that is on the tick; the floor is 0."""
        return ratio_down(price_ueur_per_kwh - self.price_floor_ueur_per_kwh, 1, self.tick_ueur_per_kwh)

    def price_of(self, level: int) -> int:
        """Return the price of a place on the ladder, µ€/kWh."""
        return self.price_floor_ueur_per_kwh + level * self.tick_ueur_per_kwh

    def gate_closure(self, interval: int) -> int:
        """Return the first second at which orders for an interval are refused."""
        return interval - self.gate_lead_s
