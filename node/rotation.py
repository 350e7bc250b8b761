"""Key rotation: a key that is to follow another is added to the registry, and the other retired, with an overlap.

Both are valid in between and both sign, so that an interval from either side of a restart finds its quorum. Units: UTC
epoch seconds.
"""

import logging
from collections.abc import Sequence
from typing import Final

from energy.identity import hex_text
from node.ledger import Ledger
from node.signing_keys import Rotation

logger = logging.getLogger(__name__)

ORACLE: Final = "Oracle"
ATTESTOR: Final = "Attestor"


async def rotate(ledger: Ledger, rotations: Sequence[Rotation], now: int) -> None:
    """Tell the registry of keys that follow others; doing it again changes nothing.

    Raises:
        ChainRefused: the operator's key is not the registry's owner.
    """
    for rotation in rotations:
        kind = ORACLE if rotation.role.startswith("oracle") else ATTESTOR
        if now < rotation.valid_to and not await _is_valid(ledger, kind, rotation.new, rotation.valid_to):
            await ledger.send("Registry", f"add{kind}", rotation.new, rotation.valid_from)
            logger.info("%s: %s is valid from %d on", rotation.role, hex_text(rotation.new), rotation.valid_from)
        if await _is_valid(ledger, kind, rotation.old, rotation.valid_to):
            await ledger.send("Registry", f"retire{kind}", rotation.old, rotation.valid_to)
            logger.info("%s: %s is valid until %d", rotation.role, hex_text(rotation.old), rotation.valid_to)


async def _is_valid(ledger: Ledger, kind: str, address: bytes, instant: int) -> bool:
    """Say whether the registry knows a key at an instant."""
    return bool(await ledger.read("Registry", f"is{kind}", address, instant))
