// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Quorum: k of n registered keys have signed one digest
library QuorumLib {
    /// Fewer signatures than the quorum.
    error QuorumNotMet(uint256 signatures, uint256 quorum);
    /// A signature by a key that is not registered for that time.
    error UnknownSigner(address signer, uint64 instant);
    /// Signatures must come in strictly ascending sequence of their signers; so none counts twice.
    error SignersNotAscending(address previous, address signer);

    /// @dev Returns when at least `quorum` signatures are there and every one is by a distinct valid key. The loop
    /// ends with the registered keys at the latest: signers ascend, and a stranger reverts.
    /// @param digest EIP-712 digest that was signed.
    /// @param signatures 65 bytes r || s || v each, low s, in ascending sequence of their signers.
    /// @param quorum Least number of signatures, ≥ 1 by the registry.
    /// @param instant Instant at which the keys must be valid, UTC epoch seconds.
    /// @param isSigner The registry's view of one kind of key: `isOracle` or `isAttestor`.
    function requireQuorum(
        bytes32 digest,
        bytes[] calldata signatures,
        uint256 quorum,
        uint64 instant,
        function(address, uint64) external view returns (bool) isSigner
    ) internal view {
        if (signatures.length < quorum) revert QuorumNotMet(signatures.length, quorum);
        address signer = address(0);
        for (uint256 i = 0; i < signatures.length; i++) {
            signer = signerAfter(signer, digest, signatures[i]);
            if (!isSigner(signer, instant)) revert UnknownSigner(signer, instant);
        }
    }

    /// @dev Recover who has signed; whose key it is, is the caller's matter.
    /// @param previous Signer before this one; zero before the first.
    function signerAfter(address previous, bytes32 digest, bytes calldata signature)
        internal
        pure
        returns (address signer)
    {
        signer = ECDSA.recoverCalldata(digest, signature);
        // ECDSA never recovers the zero address: it can neither be the first signer nor a registered one.
        if (signer <= previous) revert SignersNotAscending(previous, signer);
    }
}
