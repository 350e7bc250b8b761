"""The layers that a neighbourhood may have: each kind is one file, found by itself.

A file below `storage` or `conversion` holds `KIND` (its name), `PARAMETERS` (value, unit and source of each) and
`layer(values)`, which says what the kind is in the terms of `dispatch.optimiser.parts`. A new kind is a new file; the
optimiser is not touched.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from math import isfinite
from pkgutil import walk_packages
from typing import Protocol

from dispatch.optimiser.parts import Layer, Parameter


class Kind(Protocol):
    """What the file of a kind holds."""

    KIND: str
    PARAMETERS: Mapping[str, Parameter]

    def layer(self, values: Mapping[str, float]) -> Layer:
        """Return the layer with these parameters."""
        ...


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind there is, by name."""
    found: dict[str, Kind] = {}
    for module in walk_packages(__path__, __name__ + "."):
        if not module.ispkg:
            kind: Kind = import_module(module.name)
            found[kind.KIND] = kind
    return found


def make(kind: str, **given: float) -> Layer:
    """Return a layer of a kind, with its parameters as given and else as its file says.

    Raises:
        ValueError: no such kind or parameter, or a value that is negative or no number; says what there is.
    """
    known = kinds()
    if kind not in known:
        raise ValueError(f"no kind {kind!r}; there are {', '.join(sorted(known))}")
    parameters = known[kind].PARAMETERS
    for name, value in given.items():
        if name not in parameters:
            raise ValueError(f"{kind} has no {name!r}; it has {', '.join(parameters)}")
        if not isfinite(value) or value < 0:
            raise ValueError(f"{name} of {kind} is at least 0 {parameters[name].unit}, not {value}")
    return known[kind].layer({name: parameter.value for name, parameter in parameters.items()} | given)
