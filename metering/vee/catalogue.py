"""The rules of validation in their fixed sequence: number, name, where each one lives, and what it does when it fails.

Modelled on the CPUC/California "Standards for Validating, Editing and Estimating Monthly and Interval Data".
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """What a rule looks at."""

    FRAME = "frame"
    INTERVAL = "interval"
    NEIGHBOURHOOD = "neighbourhood"


class Action(StrEnum):
    """What follows when a rule fails."""

    REFUSE = "refuse"
    """The frame gives no reading; or, of our own arithmetic, the node stops."""
    DOUBT = "doubt"
    """The reading does not settle: after the deadline an estimate does, provisionally."""
    REMARK = "remark"
    """The reading settles, and says what was seen."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    code: str
    name: str
    level: Level
    action: Action
    place: str
    """Function that keeps it, as ``module:name`` below `metering`."""


RULES: Final = (
    Rule("R01", "FORMAT", Level.FRAME, Action.REFUSE, "protocols:PROTOCOLS"),
    Rule("R02", "IDENTITY", Level.FRAME, Action.REFUSE, "validation:check_identity"),
    Rule("R03", "SUM", Level.FRAME, Action.REFUSE, "vee.frames:check_phases"),
    Rule("R04", "TIME", Level.FRAME, Action.DOUBT, "validation:check_time"),
    Rule("R05", "REPLAY", Level.FRAME, Action.REFUSE, "validation:check_replay"),
    Rule("R06", "MONOTONE", Level.FRAME, Action.REFUSE, "validation:check_register"),
    Rule("R07", "RATE", Level.FRAME, Action.REFUSE, "validation:energy_limit_down_wh"),
    Rule("R08", "FROZEN", Level.FRAME, Action.REMARK, "vee.frames:frozen_flags"),
    Rule("R09", "SIGN", Level.FRAME, Action.REMARK, "vee.frames:sign_flags"),
    Rule("R10", "POWER_TIME", Level.FRAME, Action.REMARK, "vee.frames:power_flags"),
    Rule("R11", "STATUS", Level.FRAME, Action.DOUBT, "validation:tamper_flags"),
    Rule("R12", "GAP", Level.INTERVAL, Action.DOUBT, "validation:gap_flags"),
    Rule("R13", "PARTIAL", Level.INTERVAL, Action.REMARK, "vee.days:partial_flags"),
    Rule("R14", "SPIKE", Level.INTERVAL, Action.REMARK, "vee.days:spikes"),
    Rule("R15", "HIGH_LOW", Level.INTERVAL, Action.REMARK, "vee.days:is_high_or_low"),
    Rule("R16", "SUM", Level.INTERVAL, Action.REFUSE, "validation:check_sum"),
    Rule("R17", "ZERO", Level.INTERVAL, Action.REMARK, "vee.days:is_zero_day"),
    Rule("R18", "DST", Level.INTERVAL, Action.REFUSE, "vee.local_time:utc_of_local"),
    Rule("R19", "DUPLICATE_LATE", Level.INTERVAL, Action.DOUBT, "vee.days:judge_second"),
    Rule("R20", "BALANCE", Level.NEIGHBOURHOOD, Action.REMARK, "vee.neighbourhood:check_balance"),
    Rule("R21", "PEER", Level.NEIGHBOURHOOD, Action.REMARK, "vee.neighbourhood:check_peers"),
    Rule("R22", "RECONCILE", Level.NEIGHBOURHOOD, Action.REMARK, "vee.neighbourhood:check_reconciled"),
)
"""All rules, in the sequence in which they are applied."""
