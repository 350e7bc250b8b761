"""Registers: what a meter shows at one instant, before any validation. Units: Wh, VA, W, UTC epoch seconds."""

from dataclasses import dataclass, field

import sha3

from energy.identity import Digest


@dataclass(frozen=True, slots=True)
class RegisterSample:
    """One well-formed statement of one meter; says nothing yet about whether it can be believed."""

    serial: str = field(repr=False)
    """Serial number by which the meter names itself. Personal data: never logged, signed or put on chain."""
    import_index_wh: int
    """Cumulative energy drawn from the grid (OBIS 1.8.0), ≥ 0."""
    export_index_wh: int
    """Cumulative energy fed into the grid (OBIS 2.8.0), ≥ 0; 0 when the meter is no producer's."""
    metered_at: int
    """When, by the meter's clock."""
    received_at: int
    """When, by the node's clock; equals `metered_at` where nobody stood by, as for a row of a file."""
    clock_degraded: bool
    """The meter doubts its own clock, or has none."""
    tamper: bool
    """The meter reports that it has been opened."""
    producer: bool
    """The export register counts."""
    raw: bytes = field(repr=False)
    """The bytes that say all this, exactly as a decoder takes them again in a dispute."""
    exporting: bool = False
    """The meter says that energy flows to the grid at this instant."""
    apparent_import_va: int | None = None
    """Apparent power drawn; None when not stated."""
    apparent_export_va: int | None = None
    """Apparent power fed in; None when not stated."""
    power_w: int | None = None
    """Active power at this instant, drawn > 0, fed in < 0; None when not stated."""
    power_failures: int | None = None
    """How often the supply has been cut, ever; None when not stated."""
    charge_permille: int | None = None
    """How full a battery is, in thousandths; None for what is no battery."""
    grid_there: bool | None = None
    """Whether the device sees the grid; None when it does not tell, such as an inverter at night."""

    @property
    def raw_hash(self) -> Digest:
        """keccak-256 of `raw`."""
        return Digest(sha3.keccak_256(self.raw).digest())
