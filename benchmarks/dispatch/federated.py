"""Learning together: what it gains a home with little history, and what an attack on it gains.

17 real homes; day-ahead load from each midnight of the last 90 days, against yesterday's values. Each home has seven
(or 14, 30) days of rows to learn from; its features look at its own past. `federated` is a model of the sum of all
homes' rows, summed under masks by the real round, so that no home's rows leave it. Beside it:

- drop-out: five homes vanish after they shared their masks; the sum of the others is what remains.
- poisoning: four homes of one group send sums of the opposite sign, a hundred times over. One model of everything
  follows them; the median of three groups' models, of five homes or more each, does not; and a home keeps an offered
  model only if it errs less on its own last days.
- a curious server: how well it can tell a home's typical energy from what it saw (correlation with the truth): from the
  sums in the clear and from the masked ones. With noise for differential privacy, whose epsilon is accounted, the model
  is pulled towards the mean of 21 days (`recent_mean`) as strongly as the noise wants it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.dispatch.figures import Measured
from benchmarks.dispatch.street import SEASON, street_year
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
from dispatch.federated.masking import decode, encode
from dispatch.federated.round import Participant, unmask
from dispatch.forecasting.features import Floats, describe, targets
from dispatch.forecasting.ridge import Sums, fit

HORIZON: Final = 24
TESTED_DAYS: Final = 90
DAYS: Final = 365
LEARNED_EVERY_H: Final = 6
PENALTY: Final = 0.003
LOCAL_PENALTIES: Final = (0.3, 1.0, 3.0, 10.0)
"""The local model is given the best of these in hindsight."""
RECENT_MEAN: Final = 4
"""Feature that is the mean of 21 days, which every home can forecast with before it learned anything."""
TYPICAL_KWH: Final = 1.0
"""Public scale of all features and targets: the size of a home's hour."""
CLIPPING: Final = Clipping(row_norm=30.0, rows_max=24 * 4 * 30)
GROUPS: Final = 3
POISONED: Final = (0, 3, 6, 9)
"""All of them in the first group."""
DROPPED: Final = (1, 4, 7, 10, 13)
TIGHT: Final = Clipping(row_norm=3.0, rows_max=24 * 4 * 7)
"""Bounds for privacy: a home may move the sum by less."""
NOISE_SDS: Final = (5_000.0, 50_000.0)


class Street:
    """Rows of all homes to learn from, and days to be judged by."""

    def __init__(self, learned_days: int) -> None:
        self.load = street_year().load_kwh
        self.homes = len(self.load)
        first_tested = DAYS - TESTED_DAYS
        last = 24 * first_tested - 1 - HORIZON
        origins = np.arange(last - 24 * learned_days, last, LEARNED_EVERY_H)
        self.features = describe(self.load, origins, HORIZON, SEASON)
        self.wanted = self.load[:, targets(origins, HORIZON)].transpose(1, 0, 2)
        midnights = 24 * np.arange(first_tested, DAYS) - 1
        self.asked = describe(self.load, midnights, HORIZON, SEASON)
        self.came = self.load[:, targets(midnights, HORIZON)].transpose(1, 0, 2)
        self.naive = float(np.abs(self.load[:, targets(midnights - 24, HORIZON)].transpose(1, 0, 2) - self.came).mean())

    def rows(self, home: int) -> tuple[Floats, Floats]:
        """Return a home's rows and targets."""
        width = self.features.shape[-1]
        return self.features[:, home].reshape(-1, width), self.wanted[:, home].ravel()

    def sums(self, home: int, clipping: Clipping = CLIPPING) -> Sums:
        """Return what a home contributes."""
        rows, wanted = self.rows(home)
        return clipped_sums(rows, wanted, np.full(rows.shape[1] + 1, TYPICAL_KWH), clipping)

    def ratio(self, models: Sequence[Floats]) -> float:
        """Return the error of the homes' models over that of yesterday's values."""
        said = np.stack([self.asked[:, home] @ model for home, model in enumerate(models)], axis=1)
        return round(float(np.abs(said - self.came).mean()) / self.naive, 4)


def secure_sum(
    contributions: Sequence[Floats], dropped: Sequence[int] = (), round_number: int = 0
) -> tuple[Floats, Floats]:
    """Return the sum of those that did not drop out, by the real round, and what the server saw of the first one."""
    people = [
        Participant(number + 1, (1_000 * round_number + number).to_bytes(32, "big"))
        for number in range(len(contributions))
    ]
    cohort = {person.number: person.keys() for person in people}
    sealed = {person.number: person.seal_shares(cohort) for person in people}
    held = {holder: {sender: shares[holder] for sender, shares in sealed.items()} for holder in cohort}
    masked = {
        person.number: person.masked(encode(values), held[person.number])
        for person, values in zip(people, contributions, strict=True)
    }
    came = {number: words for number, words in masked.items() if number - 1 not in dropped}
    opened = {person.number: person.open_shares(frozenset(came)) for person in people if person.number in came}
    return decode(unmask(cohort, sorted(cohort), came, opened)), decode(masked[1])


def recency(width: int) -> Floats:
    """Return the model that forecasts the mean of 21 days."""
    usual = np.zeros(width)
    usual[RECENT_MEAN] = 1.0
    return usual


def measure(pictures: Path | None) -> Measured:
    """Return the ratios."""
    found: Measured = {}
    for days in (7, 14, 30):
        street = Street(days)
        sums = [street.sums(home) for home in range(street.homes)]
        total, _ = secure_sum([pack(each) for each in sums])
        together = fit(unpack(total), PENALTY)
        central = fit(_added(sums), PENALTY)
        local = min(street.ratio([fit(each, penalty) for each in sums]) for penalty in LOCAL_PENALTIES)
        suffix = f"_{days}d"
        found[f"federated_new_home{suffix}"] = street.ratio([together] * street.homes)
        found[f"local_new_home{suffix}"] = local
        found[f"federated_from_central{suffix}"] = float(f"{np.abs(together - central).max():.1e}")
        if days == 7:
            found["recent_mean_ratio"] = street.ratio([recency(len(together))] * street.homes)
            found |= _never_seen(street, sums)
            found |= _attacks(street, sums, together)
            found |= _privacy(street)
    return found


def _added(sums: Sequence[Sums]) -> Sums:
    total = Sums.empty(len(sums[0].cross))
    for each in sums:
        total.merge(each)
    return total


def _never_seen(street: Street, sums: Sequence[Sums]) -> Measured:
    """Return the ratio of homes whose rows nobody learned from: each third is left out in turn."""
    models: list[Floats] = [np.zeros(0)] * street.homes
    for third in range(3):
        rest = _added([each for home, each in enumerate(sums) if home % 3 != third])
        for home in range(third, street.homes, 3):
            models[home] = fit(rest, PENALTY)
    return {"federated_never_seen": street.ratio(models)}


def _attacks(street: Street, sums: Sequence[Sums], together: Floats) -> Measured:
    packed = [pack(each) for each in sums]
    survivors, _ = secure_sum(packed, DROPPED)
    without = _added([each for home, each in enumerate(sums) if home not in DROPPED])
    poisoned = [
        Sums(each.gram, -100.0 * each.cross, each.rows) if home in POISONED else each for home, each in enumerate(sums)
    ]
    width = len(together)
    groups = [_added(poisoned[group::GROUPS]) for group in range(GROUPS)]
    one, median = fit(_added(poisoned), PENALTY), joined(groups, PENALTY, width)
    honest = [home for home in range(street.homes) if home not in POISONED]
    usual = recency(width)
    checked = [[accepted(*street.rows(home), model, usual) for home in range(street.homes)] for model in (one, median)]

    def of_honest(models: Sequence[Floats]) -> float:
        said = np.stack([street.asked[:, home] @ models[home] for home in honest], axis=1)
        naive = street.load[:, targets(24 * np.arange(DAYS - TESTED_DAYS, DAYS) - 25, HORIZON)].transpose(1, 0, 2)
        came = street.came[:, honest]
        return round(float(np.abs(said - came).mean() / np.abs(naive[:, honest] - came).mean()), 4)

    return {
        "dropout_sum_error": float(f"{np.abs(survivors - pack(without)).max():.1e}"),
        "dropout_five_of_17": street.ratio([fit(unpack(survivors), PENALTY)] * street.homes),
        "poisoned_none": of_honest([together] * street.homes),
        "poisoned_one_model": of_honest([one] * street.homes),
        "poisoned_median_of_groups": of_honest([median] * street.homes),
        "poisoned_one_model_checked_by_home": of_honest(checked[0]),
        "poisoned_median_checked_by_home": of_honest(checked[1]),
    }


def _privacy(street: Street) -> Measured:
    """Return what a server learns of homes, and what noise costs."""
    sent = [pack(street.sums(home)) for home in range(street.homes)]
    tight = [pack(street.sums(home, TIGHT)) for home in range(street.homes)]
    truth = street.wanted.mean(axis=(0, 2))
    clear = [vector[-2] for vector in sent]
    seen = [
        secure_sum([sent[home], *sent[:home], *sent[home + 1 :]], round_number=1 + home)[1][-2]
        for home in range(street.homes)
    ]
    found: Measured = {
        "curious_server_clear": round(float(np.corrcoef(clear, truth)[0, 1]), 3),
        "curious_server_masked": round(float(np.corrcoef(seen, truth)[0, 1]), 3),
    }
    for sd in NOISE_SDS:
        noisy = [
            add_noise(vector, sd, street.homes, (900 + home).to_bytes(32, "big")) for home, vector in enumerate(tight)
        ]
        ledger = PrivacyLedger()
        ledger.spend(sd, sensitivity(TIGHT))
        total = unpack(np.sum(noisy, axis=0))
        usual = recency(len(total.cross))
        pull = 40.0 * sd * np.sqrt(len(usual)) * np.eye(len(usual))
        model = np.linalg.solve(total.gram + pull, total.cross + pull @ usual)
        found[f"noise_{sd:g}_epsilon"] = round(ledger.epsilon(), 2)
        found[f"noise_{sd:g}_ratio"] = street.ratio([model] * street.homes)
    return found
