// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {EntryOpening, IOpenings, OrderOpening, ReadingOpening, TradeOpening} from "./interfaces/IOpenings.sol";
import {IReadings} from "./interfaces/IReadings.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {ISettlement, RunRecord} from "./interfaces/ISettlement.sol";
import {Receipt} from "./interfaces/SignedTypes.sol";
import {TypedDataLib} from "./libraries/TypedDataLib.sol";

/// @title Opening leaves under the roots of runs and of attested intervals
abstract contract Openings is IOpenings {
    using TypedDataLib for *;

    // Outcomes of receipts after which an order is filled in part at least, or fills no more.
    uint8 internal constant FILLED = 2;
    uint8 internal constant PARTLY_FILLED_REST_CANCELLED = 3;
    uint8 internal constant CANCELLED = 4;

    ISettlement public immutable settlement;
    IRegistry public immutable registry;
    IReadings public immutable readings;

    constructor(ISettlement settlement_) {
        settlement = settlement_;
        registry = settlement_.registry();
        readings = settlement_.readings();
    }

    // Each opening reverts unless the leaf is under its root, and returns the leaf.

    function _open(uint64 runId, OrderOpening calldata order) internal view returns (bytes32 leaf) {
        leaf = TypedDataLib.leaf(order.signed.hash(), order.salt);
        _requireUnder(settlement.runAt(runId).ordersRoot, leaf, order.proof);
    }

    function _open(uint64 runId, TradeOpening calldata trade) internal view returns (bytes32 leaf) {
        leaf = TypedDataLib.leaf(trade.trade.hash(), trade.salt);
        _requireUnder(settlement.runAt(runId).tradesRoot, leaf, trade.proof);
    }

    function _open(uint64 runId, EntryOpening calldata entry) internal view returns (bytes32 leaf) {
        leaf = TypedDataLib.leaf(entry.entry.hash(), entry.salt);
        _requireUnder(settlement.runAt(runId).entriesRoot, leaf, entry.proof);
    }

    /// @dev A reading is under the root that the oracles attested for its interval, whatever the run says.
    function _open(ReadingOpening calldata reading) internal view {
        bytes32 leaf = TypedDataLib.leaf(reading.reading.hash(), reading.salt);
        _requireUnder(readings.rootOf(reading.reading.interval), leaf, reading.proof);
    }

    function _requireReceipt(Receipt calldata receipt, bytes calldata signature, address operator) internal view {
        address signer = ECDSA.recoverCalldata(settlement.hashReceipt(receipt), signature);
        if (signer != operator) revert ReceiptNotTheOperators(signer);
    }

    function _requireUnder(bytes32 root, bytes32 leaf, bytes32[] calldata proof) internal pure {
        if (!MerkleProof.verifyCalldata(proof, root, leaf)) revert NotUnderRoot(root, leaf);
    }

    function _requireDistinct(bytes32 first, bytes32 second) internal pure {
        if (first == second) revert SameLeaf(first);
    }

    function _isOutside(uint64 runId, uint64 interval) internal view returns (bool) {
        RunRecord memory run = settlement.runAt(runId);
        return interval < run.firstInterval || interval > run.lastInterval
            || interval % readings.intervalLength() != 0;
    }
}
