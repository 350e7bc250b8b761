"""What a neighbourhood's energy system is made of: stores, and converters between carriers.

A converter takes energy from a carrier, from a store, or from nowhere (sun, wind, fuel) and gives it to carriers and
stores, at a fixed yield. A store holds one thing and loses a share of it per hour. Every layer, from a battery to
a hydrogen chain, is a few of these, so the optimiser knows no kinds.
Units: kWh, kW, €/kWh, h; yields are kWh given per kWh taken. Refuses, with `ValueError`: what physics does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

ELECTRICITY: Final = "electricity"
HEAT: Final = "heat"
NOWHERE: Final = ""
"""Where sun, wind and bought fuel come from."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a layer, as its file says it."""

    value: float
    unit: str
    source: str
    """Where the value is from; "engineering value" where nobody published one."""


@dataclass(frozen=True, slots=True)
class Store:
    """Something that holds energy."""

    name: str
    capacity_kwh: float
    floor_kwh: float = 0.0
    """Least content: freezing, cushion gas, health of cells."""
    kept_per_hour: float = 1.0
    """Share of the content above nothing that is left after an hour."""

    def __post_init__(self) -> None:
        if not 0 <= self.floor_kwh <= self.capacity_kwh or not 0 < self.kept_per_hour <= 1:
            raise ValueError(f"{self.name}: floor lies within capacity, and a store keeps a share of 0 to 1")


@dataclass(frozen=True, slots=True)
class Converter:
    """Something that turns energy into other energy."""

    name: str
    takes: str
    """Carrier, store, or `NOWHERE`."""
    gives: tuple[tuple[str, float], ...]
    """Carrier or store, and yield."""
    power_max_kw: float
    """Of what it takes."""
    cost_eur_per_kwh: float = 0.0
    """Fuel and wear, per kWh taken."""
    carbon_kg_per_kwh: float = 0.0
    """Of the fuel, per kWh taken."""
    least_share: float = 0.0
    """Least load while it runs, of `power_max_kw`."""
    start_cost_eur: float = 0.0
    least_on_h: float = 0.0
    """Once started it runs for at least so long."""

    def __post_init__(self) -> None:
        if self.power_max_kw < 0 or not 0 <= self.least_share <= 1 or self.start_cost_eur < 0:
            raise ValueError(f"{self.name}: power and start cost are at least 0, the least load a share of 0 to 1")
        if any(share < 0 for _, share in self.gives):
            raise ValueError(f"{self.name}: a yield is at least 0")

    @property
    def switched(self) -> bool:
        """Whether it is on or off, and that matters."""
        return self.least_share > 0 or self.start_cost_eur > 0


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing that somebody owns."""

    kind: str
    stores: tuple[Store, ...] = ()
    converters: tuple[Converter, ...] = ()

    def __post_init__(self) -> None:
        inside = {store.name for store in self.stores}
        for converter in self.converters:
            taken = converter.takes in inside or converter.takes in (ELECTRICITY, HEAT, NOWHERE)
            if not taken or any(to not in inside and to not in (ELECTRICITY, HEAT) for to, _ in converter.gives):
                raise ValueError(f"{self.kind}: {converter.name} joins something that is not there")


def placed(layer: Layer, owner: str, buses: Mapping[str, str]) -> Layer:
    """Return a layer under its owner's name, joined to buses instead of carriers.

    Args:
        layer: As a kind made it.
        owner: Set before all names inside.
        buses: Bus for each carrier that the layer uses.
    """
    names: dict[str, str] = {store.name: f"{owner}/{store.name}" for store in layer.stores}
    names |= dict(buses) | {NOWHERE: NOWHERE}
    stores = tuple(replace(store, name=names[store.name]) for store in layer.stores)
    converters = tuple(
        replace(
            converter,
            name=f"{owner}/{converter.name}",
            takes=names[converter.takes],
            gives=tuple((names[to], share) for to, share in converter.gives),
        )
        for converter in layer.converters
    )
    return _Placed(layer.kind, stores, converters)


class _Placed(Layer):
    """A layer whose converters join buses; those are checked where the neighbourhood is put together."""

    def __post_init__(self) -> None:
        pass
