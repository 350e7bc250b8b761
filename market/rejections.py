"""Why the market refuses a command: stable codes, in order of precedence. Facts name the field and the right value."""

from enum import IntEnum


class MarketReject(IntEnum):
    """Codes 1000 to 1999. A code is never reused or renumbered."""

    UNKNOWN_ACCOUNT = 1001
    """The account is not a member. Facts: account."""
    UNKNOWN_INTERVAL = 1002
    """No book is open for this interval. Facts: interval, open_first, open_last (0 when none is open)."""
    INTERVAL_ALREADY_OPEN = 1003
    GATE_CLOSED = 1004
    """Facts: interval, gate_closure, now."""
    GATE_STILL_OPEN = 1005
    """CloseGate came early. Facts: interval, gate_closure, now."""
    QUANTITY_OUT_OF_RANGE = 1006
    """Facts: quantity_wh, quantity_min_wh, quantity_max_wh."""
    PRICE_OUT_OF_RANGE = 1007
    """Facts: limit_price_ueur_per_kwh, price_floor_ueur_per_kwh, price_ceiling_ueur_per_kwh."""
    PRICE_OFF_TICK = 1008
    """Facts: limit_price_ueur_per_kwh, tick_ueur_per_kwh."""
    UNSUPPORTED_ATTRIBUTE = 1009
    """Facts: field, supported."""
    EXPIRED = 1010
    """Facts: expiry, now."""
    DUPLICATE_NONCE = 1011
    """Facts: nonce."""
    INSUFFICIENT_COLLATERAL = 1012
    """Facts: needed_neur, available_neur."""
    UNFILLABLE = 1013
    """Fill-or-kill that the book can not fill whole. Facts: quantity_wh, available_wh."""
    BOOK_FULL = 1014
    """Facts: open_orders_max."""
    UNKNOWN_ORDER = 1015
    """Cancel of an order that is not resting. Facts: digest."""
    NOT_THE_OWNER = 1016
    """Facts: account, digest."""
    INTERVAL_NOT_CLOSED = 1017
    """ReleaseInterval before the gate closed. Facts: interval."""
    NEGATIVE_COLLATERAL = 1018
    """Facts: collateral_neur."""
    TOO_MANY_ACCOUNTS = 1019
    """Facts: accounts_max."""
    INTERVAL_OFF_GRID = 1020
    """OpenInterval whose start is no multiple of the interval length. Facts: interval, interval_length_s."""
    NOT_ONE_LOT = 1021
    """The mechanism takes orders of one size. Facts: quantity_wh, lot_wh."""
    ONE_ORDER_EACH = 1022
    """The mechanism takes one order of each account. Facts: interval, open_orders."""
    OWN_ORDERS_MEET = 1023
    """The call would trade it with an own order. Facts: limit_price_ueur_per_kwh, own_price_ueur_per_kwh."""
    ACCOUNT_HALTED = 1024
    """Its member or the operator has stopped the account. Facts: account, by."""
    TOO_FAST = 1025
    """Facts: orders_per_minute_max, retry_at."""
    OUTSIDE_COLLAR = 1026
    """Far from the last price. Facts: limit_price_ueur_per_kwh, collar_low_ueur_per_kwh, collar_high_ueur_per_kwh."""
    TOO_MANY_ORDERS = 1027
    """Facts: account_orders, limit_orders."""
    TOO_MUCH_ENERGY = 1028
    """Facts: account_open_wh, limit_open_wh."""
    TOO_MUCH_MONEY = 1029
    """Facts: account_notional_neur, limit_notional_neur."""
    WOULD_MATCH = 1030
    """Post-only. Facts: limit_price_ueur_per_kwh, best_price_ueur_per_kwh."""
    CONDITIONS_CLASH = 1031
    """Two fields of an order that contradict each other. Facts: field, with_field."""
    DISPLAY_TOO_SMALL = 1032
    """Facts: display_wh, display_min_wh."""
    WRONG_REPLACEMENT = 1033
    """It differs from what it replaces where it may not. Facts: field, right."""
    NEVER_VALID = 1034
    """It would become valid when it can not match any more. Facts: valid_from, valid_until."""
    NOTHING_DUE = 1035
    """WakeOrders while every order sleeps on. Facts: interval, due_at (0 when none sleeps)."""
    TOO_MANY_WAITING = 1036
    """Facts: waiting_orders_max."""
    WRONG_LEG = 1037
    """It does not fit the other orders of its bundle. Facts: field, bundle."""
    OUTLIVES_CONNECTION = 1038
    """DropDisconnected for an order that did not ask for it. Facts: digest."""
    LIMIT_OUT_OF_RANGE = 1039
    """SetLimits with a value that no market has. Facts: problem."""


class SettlementReject(IntEnum):
    """Codes 1101 to 1199: why an interval can not be settled. A code is never reused or renumbered."""

    MISSING_READING = 1101
    """An account traded, but none of its meters was read. Facts: account, interval."""
    NOT_FINAL = 1102
    """A reading is provisional or estimated (S4). Facts: meter, interval."""
    DUPLICATE_METER = 1103
    """A meter was given twice; its energy would be paid for twice (S3). Facts: meter, interval."""
    WRONG_INTERVAL = 1104
    """A trade belongs to another interval than the tariff. Facts: interval, trade_interval, trade_number."""
