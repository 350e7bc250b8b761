import numpy as np
import pytest

from dispatch.federated.learning import (
    Clipping,
    PrivacyLedger,
    accepted,
    add_noise,
    clipped_sums,
    joined,
    pack,
    sensitivity,
    unpack,
)
from dispatch.federated.masking import VALUE_MAX, Words, decode, encode
from dispatch.federated.round import Participant, threshold_of, unmask
from dispatch.federated.shares import join, split
from dispatch.forecasting.ridge import Sums, fit

RANDOM = np.random.default_rng(11)


def seed(number: int) -> bytes:
    return number.to_bytes(32, "big")


def sharing(count: int, silent: frozenset[int] = frozenset()) -> tuple[list[Participant], dict[int, dict[int, bytes]]]:
    """Return participants after the keys, and who holds which sealed shares; the silent never send any."""
    people = [Participant(number, seed(900 + number)) for number in range(1, count + 1)]
    cohort = {person.number: person.keys() for person in people}
    sealed = {person.number: person.seal_shares(cohort) for person in people if person.number not in silent}
    return people, {holder: {sender: given[holder] for sender, given in sealed.items()} for holder in cohort}


def run(count: int, dropped: frozenset[int] = frozenset(), silent: frozenset[int] = frozenset()) -> tuple[Words, Words]:
    """Return the unmasked sum and the sum of who answered."""
    people, held = sharing(count, silent)
    values = {person.number: encode(RANDOM.normal(0, 1e3, 40)) for person in people}
    active = [person for person in people if person.number not in silent]
    all_masked = {person.number: person.masked(values[person.number], held[person.number]) for person in active}
    masked = {number: words for number, words in all_masked.items() if number not in dropped}
    opened = {person.number: person.open_shares(frozenset(masked)) for person in active if person.number in masked}
    total = unmask({p.number: p.keys() for p in people}, [p.number for p in active], masked, opened)
    plain = sum((values[number] for number in masked), start=np.zeros(40, dtype=np.uint64))
    return total, plain


@pytest.mark.parametrize(
    ("count", "dropped", "silent"),
    [(5, set(), set()), (9, {2, 9}, set()), (12, {1}, {5, 7}), (17, {3, 4, 5, 16}, {17})],
)
def test_the_sum_is_exact_whoever_drops_out(count: int, dropped: set[int], silent: set[int]) -> None:
    total, plain = run(count, frozenset(dropped), frozenset(silent))
    assert np.array_equal(total, plain)


def test_one_contribution_alone_looks_like_noise() -> None:
    people, held = sharing(6)
    sent = people[0].masked(encode(np.zeros(4_000)), held[1])
    bits = np.unpackbits(sent.view(np.uint8)).mean()
    assert abs(bits - 0.5) < 0.005
    assert len(np.unique(sent)) == 4_000


def test_small_cohorts_and_second_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        sharing(4)
    people, held = sharing(6)
    masked = {person.number: person.masked(encode(np.ones(3)), held[person.number]) for person in people}
    everybody = frozenset(masked)
    first = people[0].open_shares(everybody)
    assert people[0].open_shares(everybody) == first
    with pytest.raises(ValueError, match="differently"):
        people[0].open_shares(everybody - {6})
    with pytest.raises(ValueError, match="must have answered"):
        people[1].open_shares(frozenset({1, 2}))


def test_a_server_that_swaps_keys_is_noticed() -> None:
    people = [Participant(number, seed(number)) for number in range(1, 6)]
    cohort = {person.number: person.keys() for person in people}
    cohort[1] = Participant(1, seed(77)).keys()
    with pytest.raises(ValueError, match="keys that this participant sent"):
        people[0].seal_shares(cohort)


def test_shares_below_the_threshold_say_nothing() -> None:
    secret = bytes(range(32))
    shares = split(secret, 7, 5, b"s")
    assert join({holder: shares[holder] for holder in (2, 3, 5, 6, 7)}, 5) == secret
    with pytest.raises(ValueError, match="5 shares"):
        join({holder: shares[holder] for holder in (1, 2, 3, 4)}, 5)
    other = split(bytes(32), 7, 5, b"t")
    with pytest.raises(ValueError, match="different secrets"):
        join({holder: shares[holder] for holder in (1, 2, 3, 4)} | {5: other[5]}, 5)


def test_values_that_would_wrap_are_refused() -> None:
    for wrong in (2 * VALUE_MAX, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite values"):
            encode(np.array([wrong]))
    values = RANDOM.normal(0, 1e6, 50)
    assert np.abs(decode(encode(values)) - values).max() <= 2.0**-21


def test_sums_survive_packing() -> None:
    sums = Sums.empty(4)
    sums.add(RANDOM.random((9, 4)), RANDOM.random(9))
    back = unpack(pack(sums))
    assert np.array_equal(back.gram, sums.gram)
    assert np.array_equal(back.cross, sums.cross)
    assert back.rows == 9
    with pytest.raises(ValueError, match="this length"):
        unpack(np.zeros(12))


def homes(count: int, rows: int = 200) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    truth = np.array([0.7, -0.4, 0.2, 1.0])
    made = []
    for _ in range(count):
        features = RANDOM.normal(0, 1, (rows, 4))
        made.append((features, features @ truth + RANDOM.normal(0, 0.1, rows)))
    return made, truth


def test_one_poisoner_moves_the_plain_sum_and_not_the_groups() -> None:
    made, truth = homes(15)
    clipping, scale = Clipping(row_norm=6.0, rows_max=200), np.ones(5)
    sums = [clipped_sums(features, wanted, scale, clipping) for features, wanted in made]
    sums[3] = Sums(sums[3].gram, sums[3].cross * -400.0, sums[3].rows)
    groups = []
    for first in range(0, 15, 5):
        group = Sums.empty(4)
        for each in sums[first : first + 5]:
            group.merge(each)
        groups.append(group)
    whole = Sums.empty(4)
    for each in sums:
        whole.merge(each)
    assert np.abs(joined([whole], 1e-3, 4) - truth).max() > 5.0
    robust = joined(groups, 1e-3, 4)
    assert np.abs(robust - truth).max() < 0.05
    features, wanted = made[0]
    assert np.array_equal(accepted(features, wanted, fit(whole, 1e-3), robust), robust), "its own days tell a home"
    assert np.array_equal(accepted(features, wanted, np.full(4, np.nan), robust), robust)


def test_clipping_bounds_what_one_home_weighs() -> None:
    clipping = Clipping(row_norm=2.0, rows_max=50)
    wild = RANDOM.normal(0, 1e6, (80, 3))
    sums = clipped_sums(wild, wild[:, 0], np.ones(4), clipping)
    whole = np.block([[sums.gram, sums.cross[:, None]], [sums.cross[None], np.zeros((1, 1))]])
    assert sums.rows == 50
    assert np.linalg.norm(whole) <= np.sqrt(2) * sensitivity(clipping)


def test_privacy_is_accounted_and_noise_adds_up() -> None:
    ledger = PrivacyLedger()
    assert ledger.epsilon() == 0.0
    ledger.spend(noise_sd=100.0, moved_by=100.0)
    once = ledger.epsilon()
    assert once == pytest.approx(0.5 + 2 * np.sqrt(0.5 * np.log(1e5)))
    ledger.spend(noise_sd=100.0, moved_by=100.0)
    assert once < ledger.epsilon() < 2 * once
    ledger.spend(noise_sd=0.0, moved_by=1.0)
    assert ledger.epsilon() == float("inf")
    total = sum(add_noise(np.zeros(20_000), 50.0, 9, seed(number)) for number in range(9))
    assert np.std(total) == pytest.approx(50.0, rel=0.03)
    assert threshold_of(12) == 9
