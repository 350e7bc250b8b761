from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from energy.identity import MeterId
from metering.vee.neighbourhood import check_balance, check_peers, check_reconciled, suspects

METERS = [MeterId(bytes([number]) * 32) for number in range(1, 21)]


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)), min_size=1, max_size=60),
    st.integers(0, 50),
)
def test_r20_an_honest_street_balances_with_its_losses(meters: list[tuple[int, int]], losses_permille: int) -> None:
    net = sum(drawn - fed for drawn, fed in meters)
    lost = abs(net) * losses_permille // 1_000
    feeder = (net + lost, 0) if net + lost >= 0 else (0, -net - lost)
    assert check_balance(meters, *feeder).holds


def test_r20_a_meter_that_hides_half_a_house_is_seen() -> None:
    honest = [(250, 0)] * 20
    assert check_balance(honest, 5_000, 0).holds
    assert check_balance(honest, 5_300, 0).holds
    assert not check_balance(honest, 5_900, 0).holds
    assert not check_balance(honest, 4_800, 0).holds, "energy from nowhere"
    assert not check_balance([(0, 500)] * 20, 0, 9_000).holds, "export that never left"


def test_r20_the_gap_follows_the_meter_that_lies() -> None:
    said, gap = {}, [0] * 96
    for number, meter in enumerate(METERS):
        # Each home has a rhythm of its own.
        true = [200 + 4 * sha256(f"{number} {place}".encode()).digest()[0] for place in range(96)]
        said[meter] = [(wh, 0) for wh in true]
    liar = METERS[7]
    said[liar] = [(wh * 4 // 10, 0) for wh, _ in said[liar]]
    gap = [(each[0] * 10 // 4) - each[0] for each in said[liar]]
    ranked = suspects(said, gap)
    assert ranked[0][0] == liar
    assert ranked[0][1] > 900
    assert all(score < 300 for _, score in ranked[1:])


def test_r20_without_a_gap_nobody_is_suspected() -> None:
    assert suspects({METERS[0]: [(1, 0), (2, 0)]}, [0, 0]) == []


def test_r21_a_plant_far_from_its_peers() -> None:
    rated = dict.fromkeys(METERS[:5], 3_000)
    yields = dict(zip(METERS[:5], (2_000, 2_100, 1_900, 3_000, 1_100), strict=True))
    assert check_peers(yields, rated) == [METERS[3], METERS[4]]
    assert check_peers(dict.fromkeys(METERS[:4], 500) | {METERS[4]: 2_000}, rated) == [], "a dull hour says nothing"
    assert check_peers({METERS[0]: 3_000, METERS[1]: 100}, rated) == [], "two are no peers"


def test_r22_a_day_agrees_with_the_grid_operator() -> None:
    assert check_reconciled(10_100, 10_000)
    assert not check_reconciled(10_101, 10_000)
    assert check_reconciled(100_500, 100_000)
    assert not check_reconciled(100_501, 100_000)
