"""Methods by which another node follows this one: the genesis, and sealed blocks to execute again."""

from typing import Any, Final

from node.chain.errors import ANSWER_SIZE_MAX, invalid_params
from node.chain.methods.encoding import data, parse_data, parse_quantity, quantity
from node.chain.methods.session import Methods, Session
from node.chain.sealed_block import total_bytes

BLOCKS_MAX: Final = 256
BYTES_MAX: Final = ANSWER_SIZE_MAX // 4
"""Beyond it no further block is added to an answer; the first one always is."""


def resilia_get_genesis(session: Session) -> str:
    """Return the text of the genesis file, whose digest block 0 carries."""
    return session.chain.genesis.to_json()


def resilia_get_sealed_blocks(
    session: Session, first: Any, confirmation: Any = None, standby: Any = "0x"
) -> dict[str, Any]:
    """Return the blocks from a height on, as many as fit, and how high the chain is; and whether the caller is awaited.

    Args:
        session: The chain.
        first: Height of the first block wanted, which is after all that the caller has.
        confirmation: A standby's word that it has the block before: a signature with the sealing key.
        standby: The standby's name, which the signature covers.
    Raises:
        ChainError: -32602 when the confirmation is not the sealing key's over that block of this chain.
    """
    chain = session.chain
    number = parse_quantity(first, "block number", 63)
    awaited: bool | None = False
    if confirmation is not None:
        name = data(parse_data(standby, "standby"))
        awaited = chain.confirm(number - 1, name, parse_data(confirmation, "confirmation"))
    if awaited is None:
        raise invalid_params("invalid confirmation: not signed with the sealing key, or over another block")
    blocks: list[Any] = []
    while len(blocks) < BLOCKS_MAX and total_bytes(blocks) < BYTES_MAX:
        block = chain.sealed_block(number + len(blocks))
        if block is None:
            break
        blocks.append(block)
    head = quantity(chain.head.header.number)
    return {"head": head, "blocks": [block.to_json() for block in blocks], "awaited": awaited}


METHODS: Final[Methods] = {
    "resilia_getGenesis": resilia_get_genesis,
    "resilia_getSealedBlocks": resilia_get_sealed_blocks,
}
