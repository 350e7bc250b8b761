"""keccak-256, the one hash of the chain: of leaves, digests, addresses and raw frames."""

import sha3

from energy.identity import Digest


def keccak(data: bytes) -> Digest:
    """Return the keccak-256 of some bytes (the padding of Ethereum, not that of FIPS 202)."""
    return Digest(sha3.keccak_256(data).digest())
