"""Key rotation: a key that is to follow another is added to the registry, and the other retired, with an overlap.

A key that comes to the others is added. Both of a pair are valid in between and both sign, so that an interval from
either side of a restart finds its quorum. Units: UTC epoch seconds.
"""

import logging
from collections.abc import Sequence
from typing import Final

from energy.identity import hex_text
from node.ledger import Ledger
from node.signing.signers import Rotation

logger = logging.getLogger(__name__)

ORACLE: Final = "Oracle"
ATTESTOR: Final = "Attestor"


async def rotate(ledger: Ledger, rotations: Sequence[Rotation], now: int) -> None:
    """Tell the registry of keys that follow others; doing it again changes nothing.

    Where members decide, the keys that they have not decided on yet are named in the log, and nothing is sent.
    """
    wanted: list[tuple[str, bytes, int]] = []
    for rotation in rotations:
        kind = ORACLE if rotation.role.startswith("oracle") else ATTESTOR
        # One that follows must outlive the other; one that comes to the others is added once, whatever becomes of it.
        known_at = rotation.valid_to if rotation.old is not None else rotation.valid_from
        if now < rotation.valid_to and not await _is_valid(ledger, kind, rotation.new, known_at):
            wanted.append((f"add{kind}", rotation.new, rotation.valid_from))
        if rotation.old is not None and await _is_valid(ledger, kind, rotation.old, rotation.valid_to):
            wanted.append((f"retire{kind}", rotation.old, rotation.valid_to))
    if not wanted:
        return
    decides = await ledger.owns_registry()
    for function, key, instant in wanted:
        if decides:
            await ledger.send("Registry", function, key, instant)
            logger.info("%s: %s from %d on", function, hex_text(key), instant)
        else:
            call = f"resilia coop propose registry {function} {hex_text(key)} {instant}"
            logger.warning("a key is to change, and the members have not decided so: %s", call)


async def _is_valid(ledger: Ledger, kind: str, address: bytes, instant: int) -> bool:
    """Say whether the registry knows a key at an instant."""
    return bool(await ledger.read("Registry", f"is{kind}", address, instant))
