import pytest

from energy.results import Rejected
from metering.linky.decoder import Status, decode_historique, decode_standard
from metering.linky.encoder import encode_standard
from metering.linky.labels import HISTORIQUE
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sources.simulators.linky import with_wrong_checksum
from tests.support.meters import NOON, SERIAL, changed, frame_of, groups_of, producer_frame, without

IDENTITY = [("ADCO", SERIAL), ("ISOUSC", "45")]


def decoded(frame: bytes) -> RegisterSample:
    outcome = decode_standard(frame)
    assert isinstance(outcome, RegisterSample)
    return outcome


def test_a_producers_frame() -> None:
    frame = producer_frame(NOON, 123_456_789, 4_567)
    assert decode_standard(frame, received_at=NOON + 2) == RegisterSample(
        serial=SERIAL,
        import_index_wh=123_456_789,
        export_index_wh=4_567,
        metered_at=NOON,
        received_at=NOON + 2,
        clock_degraded=False,
        tamper=False,
        producer=True,
        raw=frame,
        exporting=False,
        apparent_import_va=460,
        apparent_export_va=0,
    )


def test_a_stored_frame_is_decoded_with_the_meters_clock() -> None:
    assert decoded(producer_frame(NOON)).received_at == NOON


def test_a_consumers_frame_has_no_export() -> None:
    sample = decoded(encode_standard(SERIAL, NOON, 5_000))
    assert (sample.producer, sample.import_index_wh, sample.export_index_wh) == (False, 5_000, 0)
    assert sample.apparent_export_va is None


def test_a_meter_of_the_first_roll_out_names_its_power_otherwise() -> None:
    named = (("SINST1", *rest) if label == "SINSTS" else (label, *rest) for label, *rest in groups_of(producer_frame()))
    assert decoded(frame_of(list(named))).apparent_import_va == 460


def test_an_export_register_counts_only_in_producer_mode() -> None:
    frame = changed(producer_frame(), "STGE", "00020000")
    assert decoded(frame).export_index_wh == 0


@pytest.mark.parametrize(
    ("bit", "field"),
    [(4, "tamper"), (8, "producer"), (9, "exporting"), (16, "clock_degraded")],
)
def test_status_bits(bit: int, field: str) -> None:
    facts = ("tamper", "producer", "exporting", "clock_degraded")
    sample = decoded(changed(producer_frame(), "STGE", f"{1 << bit:08X}"))
    assert {name: getattr(sample, name) for name in facts} == {name: name == field for name in facts}


@pytest.mark.parametrize("bit", [0, 1, 2, 3, 5, 6, 7, 10, 11, 12, 13, 14, 15, *range(17, 32)])
def test_other_status_bits_say_nothing_about_the_registers(bit: int) -> None:
    sample = decoded(changed(producer_frame(), "STGE", f"{1 << bit | Status.PRODUCER:08x}"))
    assert (sample.tamper, sample.exporting, sample.clock_degraded) == (False, False, False)


def test_a_lower_case_season_is_a_degraded_clock() -> None:
    sample = decoded(changed(producer_frame(), "DATE", "h250307130000", ""))
    assert (sample.clock_degraded, sample.metered_at) == (True, NOON)


@pytest.mark.parametrize("label", ["ADSC", "DATE", "STGE", "EAST", "EAIT"])
def test_a_sample_rests_on_each_of_its_groups(label: str) -> None:
    assert decode_standard(without(producer_frame(), label)) == Rejected(
        MeteringReject.MISSING_GROUP, {"label": label, "groups_bad": 0}
    )
    refused = decode_standard(with_wrong_checksum(producer_frame(), label))
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.facts["label"]) == (MeteringReject.CHECKSUM, label)


def test_a_group_that_lost_its_name_is_counted() -> None:
    frame = producer_frame().replace(b"\nEAST\t", b"\nEAS\x14\t")
    assert decode_standard(frame) == Rejected(MeteringReject.MISSING_GROUP, {"label": "EAST", "groups_bad": 1})


@pytest.mark.parametrize("label", ["VTIC", "SINSTS", "PRM", "EASF03", "EASD02", "UMOY1"])
def test_a_sample_does_without_any_other_group(label: str) -> None:
    sample = decoded(with_wrong_checksum(producer_frame(), label))
    assert (sample.import_index_wh, sample.export_index_wh) == (123_456_789, 4_567)


def test_apparent_power_that_is_not_good_is_not_stated() -> None:
    assert decoded(with_wrong_checksum(producer_frame(), "SINSTS")).apparent_import_va is None


@pytest.mark.parametrize("horodate", ["H250230130000", " 250307130000", "X250307130000"])
def test_a_bad_horodate(horodate: str) -> None:
    frame = changed(producer_frame(), "DATE", horodate, "")
    assert decode_standard(frame) == Rejected(MeteringReject.BAD_HORODATE, {"label": "DATE"})


@pytest.mark.parametrize(
    ("label", "apart_wh", "registers", "tolerance_wh"),
    [("EASF02", 10, "", 0), ("EASF02", 11, "EASF", 10), ("EASD02", 4, "", 0), ("EASD02", 5, "EASD", 4)],
)
def test_the_tariff_registers_add_up(label: str, apart_wh: int, registers: str, tolerance_wh: int) -> None:
    outcome = decode_standard(changed(producer_frame(), label, f"{apart_wh:09}"))
    if registers:
        assert outcome == Rejected(MeteringReject.SUM_RULE, {"registers": registers, "tolerance_wh": tolerance_wh})
    else:
        assert isinstance(outcome, RegisterSample)


def test_the_total_may_also_be_above_its_registers() -> None:
    assert isinstance(decode_standard(changed(producer_frame(), "EASF01", "123456779")), RegisterSample)
    assert isinstance(decode_standard(changed(producer_frame(), "EASF01", "123456778")), Rejected)


def test_the_sum_holds_over_the_top_of_the_total() -> None:
    frame = changed(producer_frame(NOON, 3), "EASF01", "999999999")
    frame = changed(frame, "EASD01", "999999999")
    frame = changed(frame, "EASF02", "000000004")
    frame = changed(frame, "EASD02", "000000004")
    assert decoded(frame).import_index_wh == 3


def test_one_whole_set_of_tariff_registers_is_enough() -> None:
    assert isinstance(decode_standard(without(producer_frame(), "EASF07")), RegisterSample)
    assert isinstance(decode_standard(without(producer_frame(), "EASD04")), RegisterSample)
    assert decode_standard(without(producer_frame(), "EASF07", "EASD04")) == Rejected(
        MeteringReject.MISSING_GROUP, {"label": "EASF07", "groups_bad": 0}
    )


def test_two_digits_that_cheat_the_checksum_break_the_sum() -> None:
    frame = producer_frame()
    cheat = frame.replace(b"EAST\t123456789\t", b"EAST\t213456789\t")
    assert cheat != frame
    assert decode_standard(cheat) == Rejected(MeteringReject.SUM_RULE, {"registers": "EASF", "tolerance_wh": 10})


@pytest.mark.parametrize(
    ("option", "registers", "total_wh"),
    [
        ("BASE", {"BASE": 12_345_678}, 12_345_678),
        ("HC..", {"HCHC": 1_000, "HCHP": 2_000}, 3_000),
        ("EJP.", {"EJPHN": 5, "EJPHPM": 6}, 11),
        (
            "BBR(",
            {"BBRHCJB": 1, "BBRHPJB": 20, "BBRHCJW": 300, "BBRHPJW": 4_000, "BBRHCJR": 50_000, "BBRHPJR": 600_000},
            654_321,
        ),
        ("HC..", {"HCHC": 999_999_999, "HCHP": 2}, 1),
    ],
)
def test_historique(option: str, registers: dict[str, int], total_wh: int) -> None:
    groups = [
        *IDENTITY,
        ("OPTARIF", option),
        *((name, f"{wh:09}") for name, wh in registers.items()),
        ("PAPP", "00460"),
    ]
    frame = frame_of(groups, HISTORIQUE)
    assert decode_historique(frame, NOON) == RegisterSample(
        serial=SERIAL,
        import_index_wh=total_wh,
        export_index_wh=0,
        metered_at=NOON,
        received_at=NOON,
        clock_degraded=True,
        tamper=False,
        producer=False,
        raw=frame,
        apparent_import_va=460,
    )


@pytest.mark.parametrize(
    ("groups", "code", "label"),
    [
        ([("OPTARIF", "BASE"), ("BASE", "000000001")], MeteringReject.MISSING_GROUP, "ADCO"),
        ([*IDENTITY, ("BASE", "000000001")], MeteringReject.MISSING_GROUP, "OPTARIF"),
        ([*IDENTITY, ("OPTARIF", "HC.."), ("HCHC", "000000001")], MeteringReject.MISSING_GROUP, "HCHP"),
        ([*IDENTITY, ("OPTARIF", "XYZ.")], MeteringReject.UNKNOWN_LABEL, "OPTARIF"),
        ([("ADIR1", "001"), ("ADCO", SERIAL), ("IINST1", "099")], MeteringReject.NO_INDEX, "OPTARIF"),
    ],
    ids=["no identity", "no option", "half the registers", "strange option", "short frame of an overload"],
)
def test_historique_refusals(groups: list[tuple[str, ...]], code: MeteringReject, label: str) -> None:
    outcome = decode_historique(frame_of(groups, HISTORIQUE), NOON)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.facts["label"]) == (code, label)


def test_the_modes_do_not_read_each_other() -> None:
    historique = frame_of([*IDENTITY, ("OPTARIF", "BASE"), ("BASE", "000000001")], HISTORIQUE)
    assert isinstance(decode_standard(historique), Rejected)
    assert isinstance(decode_historique(producer_frame(), NOON), Rejected)


def test_nothing_personal_is_printed() -> None:
    foreign = decode_standard(with_wrong_checksum(producer_frame(), "ADSC"))
    assert SERIAL not in f"{foreign} {foreign!r} {decoded(producer_frame())!r}"
