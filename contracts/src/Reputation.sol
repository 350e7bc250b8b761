// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EntryOpening, ReadingOpening} from "./interfaces/IOpenings.sol";
import {IReputation} from "./interfaces/IReputation.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Reading} from "./interfaces/SignedTypes.sol";
import {ReadingLib} from "./libraries/ReadingLib.sol";
import {Openings} from "./Openings.sol";

/// @title Reputation from facts; see IReputation
contract Reputation is IReputation, Openings {
    using ReadingLib for Reading;

    /// @dev What was left at an instant.
    struct Record {
        uint96 keptWh;
        uint96 failedWh;
        uint64 instant;
    }

    uint8 private constant SHORTFALL = 5;
    uint8 private constant UNUSED = 6;
    uint8 private constant SHORTFALL_COVERED = 15;
    uint8 private constant UNUSED_GIVEN = 16;

    /// @dev Kept energy that earns half of the discount.
    uint256 private constant TRUST_WH = 100_000;
    /// @dev A Wh that failed outweighs so many that were kept.
    uint256 private constant FAILURE_WEIGHT = 4;
    uint256 private constant DISCOUNT_PERMILLE = 500;

    /// @inheritdoc IReputation
    uint64 public constant HALF_LIFE = 30 days;

    /// @inheritdoc IReputation
    uint64 public constant INTERVAL_WH_MAX = 10_000;

    /// @inheritdoc IReputation
    uint64 public constant FAULT_WH = 1_000;

    /// @inheritdoc IReputation
    mapping(address account => uint256) public lifetimeWh;

    mapping(address account => Record) private _records;
    mapping(bytes32 fact => bool) private _counted;

    constructor(ISettlement settlement_) Openings(settlement_) {}

    /// @inheritdoc IReputation
    function countReading(ReadingOpening calldata opened) external {
        Reading calldata reading = opened.reading;
        _open(opened);
        // One reading for each meter and interval: a second one would be an equivocation, and counts no more.
        bytes32 fact = keccak256(abi.encode(reading.meter, reading.interval));
        _countOnce(fact);
        address account = registry.meterOf(reading.meter).account;
        if (!reading.isFinal()) {
            _count(account, 0, FAULT_WH);
            emit Failed(account, fact, FAULT_WH);
            return;
        }
        uint256 wh = uint256(reading.importWh) + reading.exportWh;
        if (wh > INTERVAL_WH_MAX) wh = INTERVAL_WH_MAX;
        lifetimeWh[account] += wh;
        _count(account, wh, 0);
        emit Kept(account, reading.meter, reading.interval, uint64(wh));
    }

    /// @inheritdoc IReputation
    function countFailure(uint64 runId, EntryOpening calldata opened) external {
        bytes32 leaf = _open(runId, opened);
        if (!settlement.isFinal(runId)) revert RunNotFinal(runId);
        uint8 kind = opened.entry.kind;
        address account = opened.entry.account;
        // That neighbours evened it out does not make it kept.
        bool failed =
            kind == SHORTFALL || kind == UNUSED || kind == SHORTFALL_COVERED || kind == UNUSED_GIVEN;
        // The supplier's lines are the mirror image of the members'.
        if (!failed || account == settlement.supplier()) revert NotAFailure(kind);
        _countOnce(leaf);
        _count(account, 0, opened.entry.quantityWh);
        emit Failed(account, leaf, opened.entry.quantityWh);
    }

    /// @inheritdoc IReputation
    function collateralPermille(address account) external view returns (uint256) {
        (uint256 keptWh, uint256 failedWh) = recordOf(account);
        return 1000 - DISCOUNT_PERMILLE * keptWh / (keptWh + TRUST_WH + FAILURE_WEIGHT * failedWh);
    }

    /// @inheritdoc IReputation
    function recordOf(address account) public view returns (uint256 keptWh, uint256 failedWh) {
        Record memory record = _records[account];
        uint256 elapsed = block.timestamp - record.instant;
        return (_faded(record.keptWh, elapsed), _faded(record.failedWh, elapsed));
    }

    function _countOnce(bytes32 fact) private {
        if (_counted[fact]) revert AlreadyCounted(fact);
        _counted[fact] = true;
    }

    function _count(address account, uint256 keptWh, uint256 failedWh) private {
        (uint256 kept, uint256 failed) = recordOf(account);
        // Each fact adds at most 2^64: no chain is long enough to fill 96 bits.
        _records[account] = Record(uint96(kept + keptWh), uint96(failed + failedWh), uint64(block.timestamp));
    }

    /// @dev Halved once for each half-life, and along a straight line in between; rounded down.
    function _faded(uint256 wh, uint256 elapsed) private pure returns (uint256) {
        uint256 halved = wh >> (elapsed / HALF_LIFE);
        // No chance in it: how far into its half-life a time is.
        // slither-disable-next-line weak-prng
        return halved - halved * (elapsed % HALF_LIFE) / (2 * HALF_LIFE);
    }
}
