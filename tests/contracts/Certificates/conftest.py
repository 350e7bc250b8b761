"""Certified bundles of a solar roof and of a store, the meters of their holders, and what these drew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.support.certificates import certificate, enrol, materialise, open_readings, plant, reading
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, MEMBERS, Community
from tests.support.evm import Receipt

HOLDER: Final = MEMBERS[0].address
OTHER: Final = MEMBERS[1].address
HOUSE, NEIGHBOUR, STORE, BOILER = (keccak(text=name) for name in ("house", "neighbour", "store", "boiler"))
BUNDLE_WH: Final = 100
CARBON: Final = 41


@dataclass(frozen=True, slots=True)
class Market:
    """Of each of three intervals: a bundle of a solar roof (even) and one of a store (odd), all in one hand."""

    community: Community
    ids: list[int]
    drawn: Mapping[tuple[bytes, int], Any]
    """Opened readings by meter and step."""

    def act(self, function: str, *arguments: Any, sender: str = HOLDER) -> Receipt:
        """Call the contract as the holder, or as somebody else."""
        return self.community.certificates.transact(function, *arguments, sender=sender)

    def view(self, function: str, *arguments: Any) -> Any:
        """Ask the contract."""
        return self.community.certificates.call(function, *arguments)

    def bundle(self, token_id: int) -> dict[str, Any]:
        """Return a bundle by field name."""
        names = "device interval fromWh toWh carbon source carrier status holder runId parent"
        return dict(zip(names.split(), self.view("bundleOf", token_id), strict=True))

    def held_wh(self, account: str, *ids: int) -> int:
        """Return what an account holds of some bundles."""
        return sum(self.view("balanceOf", account, each) for each in ids)


def child_id(parent: int, from_wh: int, to_wh: int) -> int:
    """Return the id of what comes out of a bundle that ends."""
    return int.from_bytes(keccak(encode(["uint256", "uint64", "uint64"], [parent, from_wh, to_wh])), "big")


@pytest.fixture
def market(community: Community) -> Market:
    for meter, account, source in ((HOUSE, HOLDER, 1), (NEIGHBOUR, OTHER, 1), (STORE, HOLDER, 2), (BOILER, HOLDER, 0)):
        enrol(community, meter, account, source)
    ids: list[int] = []
    drawn: dict[tuple[bytes, int], Any] = {}
    for step in (0, 1, 2):
        interval = FIRST_INTERVAL + step * INTERVAL_LENGTH
        opened = [certificate(2 * step + place, HOLDER) | {"interval": interval} for place in (0, 1)]
        for place, values in enumerate(opened):
            values |= {"fromWh": place * BUNDLE_WH, "toWh": (place + 1) * BUNDLE_WH, "carbon": CARBON}
        opened[1] |= {"device": STORE, "source": 0, "carbon": 0, "fromWh": 0, "toWh": BUNDLE_WH}
        readings = [reading(meter, 150, step=step) for meter in (HOUSE, NEIGHBOUR, STORE, BOILER)]
        drawn |= {(meter, step): each for meter, each in open_readings(readings).items()}
        proofs = plant(community, opened, step=step, readings=readings)
        ids += materialise(community, opened, proofs, run_id=step + 1)
    return Market(community, ids, drawn)
