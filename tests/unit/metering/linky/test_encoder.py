import pytest

from metering.linky.decoder import Status, decode_historique, decode_standard
from metering.linky.encoder import encode_group, encode_historique, encode_standard
from metering.linky.frame import FrameGroups, read_groups
from metering.linky.labels import STANDARD
from metering.registers import RegisterSample
from tests.support.meters import NOON, SERIAL, groups_of

MANDATORY = [
    *("ADSC", "VTIC", "DATE", "NGTF", "LTARF", "EAST", "IRMS1", "URMS1", "PREF", "PCOUP", "SINSTS", "SMAXSN"),
    *("SMAXSN-1", "CCASN", "CCASN-1", "UMOY1", "STGE", "MSG1", "PRM", "RELAIS", "NTARF", "NJOURF", "NJOURF+1"),
    "PJOURF+1",
    *(f"EASF{i:02}" for i in range(1, 11)),
    *(f"EASD{i:02}" for i in range(1, 5)),
]
PRODUCER_ONLY = ["EAIT", "SINSTI", "SMAXIN", "SMAXIN-1", "CCAIN", "CCAIN-1", *(f"ERQ{i}" for i in range(1, 5))]


@pytest.mark.parametrize(("export_wh", "labels"), [(None, MANDATORY), (7, MANDATORY + PRODUCER_ONLY)])
def test_every_mandatory_group_is_there_and_good(export_wh: int | None, labels: list[str]) -> None:
    frame = encode_standard(SERIAL, NOON, 1, export_wh)
    outcome = read_groups(frame, STANDARD)
    assert isinstance(outcome, FrameGroups)
    assert not outcome.bad
    assert sorted(outcome.good) == sorted(labels)


def test_a_real_group_is_written_as_the_meter_wrote_it() -> None:
    assert encode_group("DATE", "", "H250307134353") == b"\nDATE\tH250307134353\t\tE\r"
    assert encode_group("SMAXSN-1", "09562", "H200213085118") == b"\nSMAXSN-1\tH200213085118\t09562\t \r"


def test_the_delivery_point_is_not_told() -> None:
    assert ("PRM", "0" * 14) in groups_of(encode_standard(SERIAL, NOON, 1))


def test_registers_turn_over() -> None:
    sample = decode_standard(encode_standard(SERIAL, NOON, 1_000_000_003, 2_000_000_004))
    assert isinstance(sample, RegisterSample)
    assert (sample.import_index_wh, sample.export_index_wh) == (3, 4)


def test_a_degraded_clock_shows_in_both_places() -> None:
    groups = groups_of(encode_standard(SERIAL, NOON, 1, status=Status.CLOCK_DEGRADED))
    assert ("DATE", "h250307130000", "") in groups
    assert ("STGE", "00030000") in groups


@pytest.mark.parametrize("serial", ["", "12345678901", "1234567890123", "12345678901x", "12345678901²"])
def test_a_serial_number_that_does_not_fit(serial: str) -> None:
    with pytest.raises(ValueError, match="ADSC"):
        encode_standard(serial, NOON, 1)


def test_a_power_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="SINSTS"):
        encode_standard(SERIAL, NOON, 1, apparent_import_va=100_000)


def test_mode_historique_shows_what_was_drawn_alone() -> None:
    frame = encode_historique(SERIAL, 1_000_000_003, apparent_import_va=1_234)
    assert b"\nPAPP 01230 '\r" in frame
    sample = decode_historique(frame, NOON)
    assert isinstance(sample, RegisterSample)
    assert (sample.serial, sample.import_index_wh, sample.apparent_import_va) == (SERIAL, 3, 1_230)
    assert (sample.producer, sample.clock_degraded, sample.metered_at) == (False, True, NOON)


def test_a_power_that_does_not_fit_mode_historique() -> None:
    with pytest.raises(ValueError, match="PAPP"):
        encode_historique(SERIAL, 1, apparent_import_va=100_000)
