// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IReadings} from "./interfaces/IReadings.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {IntervalReadings, Reading} from "./interfaces/SignedTypes.sol";
import {QuorumLib} from "./libraries/QuorumLib.sol";
import {TypedDataLib} from "./libraries/TypedDataLib.sol";

/// @title Attested readings; see IReadings
contract Readings is IReadings, EIP712 {
    using TypedDataLib for *;

    /// @dev Energies are sums from the first interval on; 128 bits hold 2^64 intervals of the largest total.
    struct Attestation {
        bytes32 root;
        bytes32 history;
        uint128 importWh;
        uint128 exportWh;
    }

    IRegistry public immutable registry;

    /// @inheritdoc IReadings
    uint64 public immutable intervalLength;

    /// @inheritdoc IReadings
    uint64 public firstInterval;

    /// @inheritdoc IReadings
    uint64 public lastInterval;

    mapping(uint64 interval => Attestation) private _attestations;

    constructor(IRegistry registry_, uint64 intervalLength_) EIP712("RESILIA-GRID", "1") {
        if (intervalLength_ == 0) revert ZeroIntervalLength();
        registry = registry_;
        intervalLength = intervalLength_;
    }

    /// @inheritdoc IReadings
    function attest(IntervalReadings calldata readings, bytes[] calldata signatures) external {
        uint64 interval = readings.interval;
        uint64 previous = lastInterval;
        _requireNext(interval, previous);
        QuorumLib.requireQuorum(
            hashIntervalReadings(readings), signatures, registry.oracleQuorum(), interval, registry.isOracle
        );

        // Before the first interval there is no attestation: its history and energies read as zero.
        Attestation storage before = _attestations[previous];
        bytes32 history = keccak256(abi.encode(before.history, readings.hash()));
        _attestations[interval] = Attestation({
            root: readings.readingsRoot,
            history: history,
            importWh: before.importWh + readings.importWh,
            exportWh: before.exportWh + readings.exportWh
        });
        if (previous == 0) firstInterval = interval;
        lastInterval = interval;
        emit Attested(interval, readings.readingsRoot, readings.importWh, readings.exportWh, history);
    }

    /* VIEWS */

    /// @inheritdoc IReadings
    function rootOf(uint64 interval) external view returns (bytes32) {
        return _attested(interval).root;
    }

    /// @inheritdoc IReadings
    function historyAt(uint64 interval) external view returns (bytes32) {
        return _attested(interval).history;
    }

    /// @inheritdoc IReadings
    function cumulative(uint64 interval) external view returns (uint128 importWh, uint128 exportWh) {
        Attestation storage attestation = _attested(interval);
        return (attestation.importWh, attestation.exportWh);
    }

    /// @inheritdoc IReadings
    function hashReading(Reading calldata reading) external view returns (bytes32) {
        return _hashTypedDataV4(reading.hash());
    }

    /// @inheritdoc IReadings
    function hashIntervalReadings(IntervalReadings calldata readings) public view returns (bytes32) {
        return _hashTypedDataV4(readings.hash());
    }

    /// @inheritdoc IReadings
    function leafOfReading(Reading calldata reading, bytes32 salt) external pure returns (bytes32) {
        return TypedDataLib.leaf(reading.hash(), salt);
    }

    /* PRIVATE FUNCTIONS */

    /// @dev `previous` is the last attested interval, 0 while there is none.
    function _requireNext(uint64 interval, uint64 previous) private view {
        if (interval == 0 || interval % intervalLength != 0) revert MisalignedInterval(interval, intervalLength);
        if (previous != 0 && interval != previous + intervalLength) {
            revert UnexpectedInterval(interval, previous + intervalLength);
        }
        uint64 end = interval + intervalLength;
        if (block.timestamp < end) revert IntervalNotOver(interval, end, block.timestamp);
    }

    function _attested(uint64 interval) private view returns (Attestation storage attestation) {
        attestation = _attestations[interval];
        // A history is a hash, zero only where nothing was written.
        if (attestation.history == bytes32(0)) revert NotAttested(interval);
    }
}
