// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Certificate, Entry, Reading, SignedOrder, Trade} from "./SignedTypes.sol";

/// @notice A leaf of `Run.ordersRoot` with its way to the root.
struct OrderOpening {
    SignedOrder signed;
    bytes32 salt;
    bytes32[] proof;
}

/// @notice A leaf of `Run.tradesRoot` with its way to the root.
struct TradeOpening {
    Trade trade;
    bytes32 salt;
    bytes32[] proof;
}

/// @notice A leaf of `Run.entriesRoot` with its way to the root.
struct EntryOpening {
    Entry entry;
    bytes32 salt;
    bytes32[] proof;
}

/// @notice A leaf of `Run.certificatesRoot` with its way to the root.
struct CertificateOpening {
    Certificate certificate;
    bytes32 salt;
    bytes32[] proof;
}

/// @notice A leaf of an attested `IntervalReadings.readingsRoot` with its way to the root.
struct ReadingOpening {
    Reading reading;
    bytes32 salt;
    bytes32[] proof;
}

/// @title Leaves, opened; what is refused of them
interface IOpenings {
    /// The proof does not lead from the leaf to the root.
    error NotUnderRoot(bytes32 root, bytes32 leaf);
    /// Two leaves are needed, not the same twice.
    error SameLeaf(bytes32 leaf);
    /// What was opened is not about the same thing.
    error Unrelated();
    /// The receipt is not signed by the operator.
    error ReceiptNotTheOperators(address signer);
}
