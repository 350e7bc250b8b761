"""Why metering refuses a frame, a row or a sample: stable codes, in order of precedence.

Facts name the label, register or limit that was broken, never a serial number, a delivery point or a register's
value: they end in logs, and a register's values over time are a household's load curve.
"""

from enum import IntEnum


class MeteringReject(IntEnum):
    """Codes 2000 to 2999. A code is never reused or renumbered."""

    TORN_FRAME = 2001
    """Not STX … ETX, interrupted by EOT, too long, or two frames run together. Facts: length, and label when one comes
    twice."""
    TORN_GROUP = 2002
    """Not LF, label, separator, data, separator, checksum, CR in printable characters. Facts: group (its place in the
    frame, from 0)."""
    CHECKSUM = 2003
    """Facts: group, and label when it is one of the protocol's."""
    UNKNOWN_LABEL = 2004
    """Facts: group; or label OPTARIF when the registers of a tariff option are unknown."""
    BAD_LENGTH = 2005
    """Facts: label, length, length_expected."""
    BAD_DIGITS = 2006
    """A character that the label's data cannot hold. Facts: label."""
    MISSING_GROUP = 2007
    """A group that a sample needs is not in the frame. Facts: label, groups_bad (damaged groups without a label)."""
    BAD_HORODATE = 2008
    """Facts: label."""
    SUM_RULE = 2009
    """The tariff registers do not add up to the total. Facts: registers, tolerance_wh."""
    MALFORMED_ROW = 2010
    """Facts: line (from 1), field."""
    COMM_LOST = 2011
    """The source went silent or away. Facts: reason (open, read or silence)."""
    FOREIGN_METER = 2012
    """Another meter speaks than the one enrolled. Facts: meter (the pseudonym expected)."""
    INDEX_OUT_OF_RANGE = 2013
    """Facts: register, index_max_wh."""
    FUTURE_STAMP = 2014
    """Facts: ahead_s, ahead_max_s."""
    REPLAY = 2015
    """Not later than the last accepted sample. Facts: metered_at, later_than."""
    INDEX_BACK = 2016
    """A register went back, and not over its top. Facts: register."""
    RATE = 2017
    """More energy than the connection can carry. Facts: register, limit_wh, elapsed_s."""
    INTERVAL_CLOSED = 2018
    """The interval has its reading already, or lies before one. Facts: interval, open_from."""
    MISSING_BOUNDARY = 2019
    """No index at a boundary of the interval. Facts: interval, boundary, known_to (last sample; when it is not before
    the boundary, that index is lost)."""
    INTERVAL_SUM = 2020
    """Readings do not add up to their indexes. Facts: register, interval."""
    NO_INDEX = 2021
    """A good telegram that shows no energy register, as most of a Nordic meter's; no fault. Facts: label."""
    SIGNATURE = 2022
    """What a device has signed is not what its signature says, or not by that key. Facts: label."""
    AMBIGUOUS_TIME = 2023
    """A local stamp without a season that two instants have, or none. Facts: place (from 0), reason."""
