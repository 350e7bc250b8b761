"""Attestation: EIP-712 typed data, quorum, salted Merkle commitments, signers, and offline proof of certificates."""
