import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.files.csv_row import decode_row
from metering.files.load_curve import Direction, LoadCurve, Slot, energies_half_even_wh, rows_of, slots_of_powers
from metering.registers import RegisterSample
from tests.support.meters import NOON


def curve(*energies_wh: int, direction: Direction = Direction.IMPORT, start: int = NOON) -> LoadCurve:
    slots = tuple(Slot(start + 900 * place, 900, energy_wh) for place, energy_wh in enumerate(energies_wh))
    return LoadCurve("12345678901234", direction, slots)


def test_what_rounding_leaves_out_of_one_slot_is_in_the_next() -> None:
    assert [slot.energy_wh for slot in slots_of_powers((NOON + 600 * i, 600, 100) for i in range(6))] == [
        17,
        16,
        17,
        17,
        16,
        17,
    ]


def test_running_totals_are_rounded_half_to_even() -> None:
    assert list(energies_half_even_wh([1, 1, 1, 1], 2)) == [0, 1, 1, 0]


@given(st.lists(st.integers(0, 10**6)), st.integers(1, 10**6))
def test_the_sum_is_never_off_by_more_than_half_a_wh(amounts: list[int], denominator: int) -> None:
    assert abs(2 * sum(energies_half_even_wh(amounts, denominator)) * denominator - 2 * sum(amounts)) <= denominator


def test_rows_have_the_energy_of_the_curves_between_them() -> None:
    rows = list(rows_of("041876097482", curve(100, 200), curve(0, 7, direction=Direction.EXPORT), 1_000, 50))
    samples = [decode_row(row) for row in rows]
    assert [
        (sample.metered_at - NOON, sample.import_index_wh, sample.export_index_wh)
        for sample in samples
        if isinstance(sample, RegisterSample)
    ] == [(0, 1_000, 50), (900, 1_100, 50), (1_800, 1_300, 57)]


def test_a_gap_ends_the_rows() -> None:
    slots = (*curve(100, 200).slots, *curve(300, start=NOON + 2_700).slots)
    assert len(list(rows_of("1", LoadCurve("", Direction.IMPORT, slots), None))) == 3
    assert list(rows_of("1", None, None)) == []


def test_curves_of_other_slots_do_not_mix() -> None:
    with pytest.raises(ValueError, match="same slots"):
        list(rows_of("1", curve(1), curve(1, 2)))
