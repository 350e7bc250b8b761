"""What orders' choices are called on every face of the node: JSON-RPC, REST, CLI and page."""

from collections.abc import Mapping
from typing import Final

from market.orders import SelfTrade, TimeInForce

TIME_IN_FORCE_NAMES: Final[Mapping[TimeInForce, str]] = {
    TimeInForce.GOOD_TILL_GATE: "good-till-gate",
    TimeInForce.IMMEDIATE_OR_CANCEL: "immediate-or-cancel",
    TimeInForce.FILL_OR_KILL: "fill-or-kill",
}
SELF_TRADE_NAMES: Final[Mapping[SelfTrade, str]] = {
    SelfTrade.CANCEL_INCOMING: "cancel-incoming",
    SelfTrade.CANCEL_RESTING: "cancel-resting",
    SelfTrade.CANCEL_BOTH: "cancel-both",
}
