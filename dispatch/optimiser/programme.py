"""A linear or mixed-integer programme as arrays, kept inside HiGHS and changed in place.

The matrix is built once, in named blocks of columns and rows; each solve changes costs and bounds only. Works on one
thread, within a time limit, and says when it did not finish.
Units: those of its maker. Refuses: nothing; a programme without an answer says so.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import highspy
import numpy as np

from dispatch.forecasting.features import Floats, Whole

INFINITE: Final = float("inf")


@dataclass(slots=True)
class Matrix:
    """Triples of a sparse matrix, added block by block."""

    columns: int = 0
    rows: int = 0
    _row: list[Whole] = field(default_factory=list)
    _column: list[Whole] = field(default_factory=list)
    _value: list[Floats] = field(default_factory=list)

    def new_columns(self, *shape: int) -> Whole:
        """Return the numbers of new columns, in that shape."""
        first = self.columns
        self.columns += int(np.prod(shape))
        return np.arange(first, self.columns).reshape(shape)

    def new_rows(self, *shape: int) -> Whole:
        """Return the numbers of new rows, in that shape."""
        first = self.rows
        self.rows += int(np.prod(shape))
        return np.arange(first, self.rows).reshape(shape)

    def add(self, rows: Whole, columns: Whole, values: Floats | float) -> None:
        """Set entries; the three are broadcast against each other."""
        row, column, value = np.broadcast_arrays(rows, columns, np.asarray(values, dtype=np.float64))
        self._row.append(row.ravel())
        self._column.append(column.ravel())
        self._value.append(value.ravel())

    def by_columns(self) -> tuple[Whole, Whole, Floats]:
        """Return start of each column, row of each entry, and the entries; entries of one place are summed."""
        row, column, value = (np.concatenate(part) for part in (self._row, self._column, self._value))
        keys, place = np.unique(column * max(self.rows, 1) + row, return_inverse=True)
        summed = np.bincount(place, weights=value, minlength=len(keys))
        starts = np.searchsorted(keys // max(self.rows, 1), np.arange(self.columns + 1))
        return starts, keys % max(self.rows, 1), summed


@dataclass(slots=True)
class Answer:
    """What a solve gave."""

    columns: Floats
    row_duals: Floats
    """Zero for a programme with whole numbers."""
    objective: float
    finished: bool
    """Whether the answer is the best one; an answer that is not finished is still within all bounds."""


class Programme:
    """A programme whose costs and bounds change between solves; arrays are changed by the owner, in place."""

    def __init__(self, matrix: Matrix, integer_columns: Whole | None = None) -> None:
        columns, rows = matrix.columns, matrix.rows
        self.cost = np.zeros(columns)
        self.low, self.high = np.zeros(columns), np.full(columns, INFINITE)
        self.row_low, self.row_high = np.zeros(rows), np.zeros(rows)
        self.integer_columns = np.zeros(0, dtype=np.int64) if integer_columns is None else integer_columns
        self._all_columns = np.arange(columns, dtype=np.int32)
        self._all_rows = np.arange(rows, dtype=np.int32)
        solver: Any = highspy.Highs
        self._highs = solver()
        for option, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0)):
            self._highs.setOptionValue(option, value)
        model: Any = highspy.HighsLp()
        model.num_col_, model.num_row_ = columns, rows
        model.col_cost_, model.col_lower_, model.col_upper_ = self.cost, self.low, self.high
        model.row_lower_, model.row_upper_ = self.row_low, self.row_high
        starts, index, entries = matrix.by_columns()
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = starts.astype(np.int32)
        model.a_matrix_.index_ = index.astype(np.int32)
        model.a_matrix_.value_ = entries
        self._highs.passModel(model)

    def solve(
        self,
        time_limit_s: float,
        *,
        method: str = "choose",
        whole: bool = False,
        warm: bool = True,
        iterations_max: int | None = None,
        presolve: bool = True,
        gap: float = 0.0,
        crossover: bool = True,
    ) -> Answer | None:
        """Return the answer for the arrays as they are; None when none was found in time.

        Args:
            time_limit_s: After so long the best answer so far is taken.
            method: "simplex" re-solves fast after small changes; "ipm" is fast on large programmes from nothing.
            whole: Whether the integer columns must be whole.
            warm: Whether to start from the last answer.
            iterations_max: Of the simplex method: a limit that every machine counts alike.
            presolve: Whether to shrink the programme first, which costs small ones more than it saves.
            gap: How far from the best an answer in whole numbers may be, in the objective's unit.
            crossover: Whether "ipm" goes on to a corner; what it found before is as good, but has no exact zeros.
        """
        highs = self._highs
        highs.changeColsCost(len(self.cost), self._all_columns, self.cost)
        highs.changeColsBounds(len(self.cost), self._all_columns, self.low, self.high)
        highs.changeRowsBounds(len(self.row_low), self._all_rows, self.row_low, self.row_high)
        if len(self.integer_columns):
            kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
            columns = self.integer_columns.astype(np.int32)
            highs.changeColsIntegrality(len(columns), columns, np.array([kind] * len(columns)))
        if not warm:
            highs.clearSolver()
        highs.setOptionValue("solver", method)
        highs.setOptionValue("presolve", "choose" if presolve else "off")
        highs.setOptionValue("mip_abs_gap", gap)
        highs.setOptionValue("run_crossover", "on" if crossover else "off")
        if iterations_max is not None:
            highs.setOptionValue("simplex_iteration_limit", iterations_max)
        # The solver's clock runs on over all solves of one object, so the limit moves along with it.
        highs.setOptionValue("time_limit", highs.getRunTime() + time_limit_s)
        highs.run()
        status = highs.getModelStatus()
        finished = status == highspy.HighsModelStatus.kOptimal
        info = highs.getInfo()
        if not finished and info.primal_solution_status != 2:
            return None
        solution = highs.getSolution()
        duals = np.zeros(len(self.row_low)) if whole else np.array(solution.row_dual)
        return Answer(np.array(solution.col_value), duals, float(info.objective_function_value), finished)
