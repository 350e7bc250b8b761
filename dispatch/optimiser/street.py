"""A street of batteries that counts its joint peaks and ramps, planned each hour over many likely futures.

Each home pays for its own import; the street also pays for its highest hour of a day, of all days, and for every rise
from hour to hour. The future is a set of equally likely paths of net load. A home's expected import is convex and
piecewise linear in what its battery does, and so is the expected rise of the street, so both are priced over all paths
at the cost of a few columns; only the peak keeps a row for each path. Later hours will be corrected when they come,
so their doubt is counted at a share (`kept_doubt`): planning as if nothing could be corrected costs more.
Units: kWh per hour, weights per kWh. Shapes: K paths, n homes, H hours. Refuses: nothing.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats
from dispatch.optimiser.programme import Matrix, Programme

TIE_BREAK: Final = 1e-7


@dataclass(frozen=True, slots=True)
class StreetBattery:
    """The battery that each home has."""

    capacity_kwh: float
    power_kw: float
    one_way_yield: float
    taper_from: float = 1.0
    """Share of the capacity above which power falls, to `taper_to` when full; 1 for no taper."""
    taper_to: float = 1.0


@dataclass(frozen=True, slots=True)
class StreetWeights:
    """What counts, per kWh."""

    import_price: Floats
    """Of each home's import, shape (n, H)."""
    rise: float
    """Of the street's rise from hour to hour."""
    day_peak: float
    all_peak: float
    stored: Floats
    """Worth of what is left in each home's battery, shape (n,)."""


class StreetPlanner:
    """One programme, filled anew each hour."""

    def __init__(self, homes: int, hours: int, paths: int, battery: StreetBattery, pieces: int = 10) -> None:
        self.homes, self.hours, self.paths, self.battery, self.pieces = homes, hours, paths, battery, pieces
        matrix = Matrix()
        n, h = homes, hours
        self._charge, self._discharge, self._stored = (matrix.new_columns(n, h) for _ in range(3))
        self._import = matrix.new_columns(n, h, pieces + 1)
        self._street, self._rise = matrix.new_columns(h), matrix.new_columns(h, pieces + 1)
        self._day_peak, self._all_peak = matrix.new_columns(paths), matrix.new_columns(paths)
        self._held, self._taper_in, self._taper_out, self._net = (matrix.new_rows(n, h) for _ in range(4))
        self._sum_row, self._rise_row = matrix.new_rows(h), matrix.new_rows(h)
        self._peak_row, self._all_row = matrix.new_rows(paths, h), matrix.new_rows(paths)
        self._build(matrix)
        self._programme = Programme(matrix)

    @property
    def _slope(self) -> float:
        """Power lost per kWh stored above the taper's begin."""
        battery = self.battery
        if battery.taper_from >= 1:
            return 0.0
        return battery.power_kw * (1 - battery.taper_to) / (battery.capacity_kwh * (1 - battery.taper_from))

    def _build(self, matrix: Matrix) -> None:
        way = self.battery.one_way_yield
        matrix.add(self._held, self._stored, 1.0)
        matrix.add(self._held[:, 1:], self._stored[:, :-1], -1.0)
        matrix.add(self._held, self._charge, -way)
        matrix.add(self._held, self._discharge, 1.0 / way)
        for rows, columns in ((self._taper_in, self._charge), (self._taper_out, self._discharge)):
            matrix.add(rows, columns, 1.0)
            matrix.add(rows[:, 1:], self._stored[:, :-1], self._slope)
        matrix.add(self._net, self._charge, 1.0)
        matrix.add(self._net, self._discharge, -1.0)
        matrix.add(self._net[:, :, None], self._import, -1.0)
        matrix.add(self._sum_row, self._street, -1.0)
        matrix.add(np.broadcast_to(self._sum_row, self._charge.shape), self._charge, 1.0)
        matrix.add(np.broadcast_to(self._sum_row, self._charge.shape), self._discharge, -1.0)
        matrix.add(self._rise_row, self._street, 1.0)
        matrix.add(self._rise_row[1:], self._street[:-1], -1.0)
        matrix.add(self._rise_row[:, None], self._rise, -1.0)
        matrix.add(self._peak_row, self._day_peak[:, None], 1.0)
        matrix.add(self._peak_row, np.broadcast_to(self._street, self._peak_row.shape), -1.0)
        matrix.add(self._all_row, self._all_peak, 1.0)
        matrix.add(self._all_row, self._day_peak, -1.0)

    def plan(
        self,
        net: Floats,
        stored: Floats,
        before: float,
        peak: float,
        weights: StreetWeights,
        time_limit_s: float = 10.0,
    ) -> Floats | None:
        """Return what each battery should take (negative: give), shape (n, H); None when time ran out.

        Args:
            net: Load minus solar on every path, shape (K, n, H).
            stored: Content of each battery, shape (n,).
            before: The street's import in the hour before.
            peak: Its highest import so far.
            weights: What counts.
            time_limit_s: For the solver.
        """
        programme, battery = self._programme, self.battery
        programme.cost[:], programme.low[:], programme.high[:] = 0.0, 0.0, np.inf
        programme.row_low[:], programme.row_high[:] = 0.0, 0.0
        programme.high[self._charge] = programme.high[self._discharge] = battery.power_kw
        programme.high[self._stored] = battery.capacity_kwh
        programme.cost[self._charge] = programme.cost[self._discharge] = TIE_BREAK
        programme.cost[self._stored[:, -1]] = -weights.stored
        programme.row_low[self._held[:, 0]] = programme.row_high[self._held[:, 0]] = stored
        self._fill_taper(stored)
        most = battery.power_kw
        self._fill_pieces(self._net, self._import, -net, most, weights.import_price[:, :, None])
        street = net.sum(axis=1)
        rises = np.diff(np.concatenate((np.full((self.paths, 1), before), street), axis=1), axis=1)
        self._fill_pieces(self._rise_row, self._rise, -rises, 2 * self.homes * most, np.array(weights.rise))
        programme.low[self._street], programme.high[self._street] = -self.homes * most, self.homes * most
        programme.row_low[self._peak_row], programme.row_high[self._peak_row] = street, np.inf
        programme.row_high[self._all_row] = np.inf
        programme.cost[self._day_peak] = weights.day_peak / self.paths
        programme.cost[self._all_peak] = weights.all_peak / self.paths
        programme.low[self._all_peak] = peak
        answer = programme.solve(time_limit_s, method="simplex")
        if answer is None:
            return None
        taken: Floats = answer.columns[self._charge] - answer.columns[self._discharge]
        return taken

    def _fill_taper(self, stored: Floats) -> None:
        battery, programme = self.battery, self._programme
        at_begin = battery.power_kw + self._slope * battery.capacity_kwh * battery.taper_from
        for rows in (self._taper_in, self._taper_out):
            programme.row_low[rows], programme.row_high[rows] = -np.inf, at_begin
            programme.row_high[rows[:, 0]] = at_begin - self._slope * stored

    def _fill_pieces(self, rows: Floats, columns: Floats, edges: Floats, most: float, price: Floats) -> None:
        """Price what lies above an edge, which is another on every path, at its expectation: by quantiles."""
        programme, count = self._programme, self.pieces
        levels = (np.arange(count) + 0.5) / count
        quantiles = np.clip(np.quantile(edges, levels, axis=0), -most, most)
        ends = np.concatenate((np.full((1, *rows.shape), -most), quantiles, np.full((1, *rows.shape), most)))
        programme.high[columns] = np.moveaxis(np.diff(ends, axis=0), 0, -1)
        programme.cost[columns] = price * (np.arange(count + 1) / count)
        programme.row_low[rows] = programme.row_high[rows] = -most


def likely_paths(mean: Floats, errors: Floats, kept_doubt: float, metered: Floats | None = None) -> Floats:
    """Return paths of net load, shape (K, n, H).

    Args:
        mean: The forecast, shape (n, H).
        errors: Whole past errors, shape (K, n, H).
        kept_doubt: Share of the errors that counts after the first hour, since later hours will be corrected.
        metered: The first hour's net load where it is known, shape (n,).
    """
    share = np.full(mean.shape[1], kept_doubt)
    share[0] = 1.0
    paths: Floats = mean[None] + errors * share
    if metered is not None:
        paths[:, :, 0] = metered
    return paths
