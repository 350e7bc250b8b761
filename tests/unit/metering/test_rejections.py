from metering.rejections import MeteringReject


def test_codes_lie_in_their_range_without_gap() -> None:
    assert [code.value for code in MeteringReject] == list(range(2001, 2001 + len(MeteringReject)))


def test_codes_are_never_renumbered() -> None:
    assert {code.name: code.value for code in MeteringReject} == {
        "TORN_FRAME": 2001,
        "TORN_GROUP": 2002,
        "CHECKSUM": 2003,
        "UNKNOWN_LABEL": 2004,
        "BAD_LENGTH": 2005,
        "BAD_DIGITS": 2006,
        "MISSING_GROUP": 2007,
        "BAD_HORODATE": 2008,
        "SUM_RULE": 2009,
        "MALFORMED_ROW": 2010,
        "COMM_LOST": 2011,
        "FOREIGN_METER": 2012,
        "INDEX_OUT_OF_RANGE": 2013,
        "FUTURE_STAMP": 2014,
        "REPLAY": 2015,
        "INDEX_BACK": 2016,
        "RATE": 2017,
        "INTERVAL_CLOSED": 2018,
        "MISSING_BOUNDARY": 2019,
        "INTERVAL_SUM": 2020,
        "NO_INDEX": 2021,
        "SIGNATURE": 2022,
        "AMBIGUOUS_TIME": 2023,
    }
