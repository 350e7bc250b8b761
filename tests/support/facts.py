"""A series of facts as `energy_getFacts` tells it."""

from typing import Any

NOW = 1_495_023_600


def carbon() -> dict[str, Any]:
    """Return the grid's carbon of four hours."""
    first = NOW - NOW % 3_600 + 3_600
    series = {"kind": "carbon_g_per_kwh", "place": "FR", "knownAt": first - 3_600, "first": first, "stepS": 3_600}
    return series | {"values": [52, 49, 47, 60], "signatures": ["0x" + "11" * 65, "0x" + "22" * 65]}
