// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IntervalReadings, Reading} from "./SignedTypes.sol";

/// @title What the neighbourhood's meters measured: one attestation per interval, in sequence, by a quorum of oracles
/// @notice Holds totals and salted roots, never a household's curve (P1). Anybody may submit: the signatures decide.
/// The EIP-712 domain of `Reading` and `IntervalReadings` is this contract's, "RESILIA-GRID" version "1".
interface IReadings {
    /// @notice An interval was attested.
    /// @param history keccak256(abi.encode(history before, struct hash of the attestation)); 0 before the first.
    event Attested(
        uint64 indexed interval, bytes32 readingsRoot, uint64 importWh, uint64 exportWh, bytes32 history
    );

    /// An interval's start must be a multiple of its length, and above zero.
    error MisalignedInterval(uint64 interval, uint64 intervalLength);
    /// Intervals come once, in sequence: `expected` is next.
    error UnexpectedInterval(uint64 interval, uint64 expected);
    /// What is not over has not been measured.
    error IntervalNotOver(uint64 interval, uint64 end, uint256 timestamp);
    error NotAttested(uint64 interval);
    /// Length of an interval must be above zero.
    error ZeroIntervalLength();

    /// @notice Record the totals and the readings' root of the next interval. The first interval is free.
    /// @param readings What the oracles signed.
    /// @param signatures At least the registry's oracle quorum, each by a key valid at the interval's start, in
    /// strictly ascending sequence of the signers' addresses.
    function attest(IntervalReadings calldata readings, bytes[] calldata signatures) external;

    /// @notice Length of every interval, s.
    function intervalLength() external view returns (uint64);

    /// @notice First attested interval; 0 while there is none.
    function firstInterval() external view returns (uint64);

    /// @notice Last attested interval; 0 while there is none. All in between are attested.
    function lastInterval() external view returns (uint64);

    /// @notice Root of an interval's readings; reverts with `NotAttested`.
    function rootOf(uint64 interval) external view returns (bytes32);

    /// @notice The hash that binds every attestation up to and including an interval; reverts with `NotAttested`.
    function historyAt(uint64 interval) external view returns (bytes32);

    /// @notice Total energy from the first interval up to and including this one; reverts with `NotAttested`.
    function cumulative(uint64 interval) external view returns (uint128 importWh, uint128 exportWh);

    /// @notice EIP-712 digest of a reading, as oracles sign it.
    function hashReading(Reading calldata reading) external view returns (bytes32);

    /// @notice EIP-712 digest of an interval's totals and root, as oracles sign it.
    function hashIntervalReadings(IntervalReadings calldata readings) external view returns (bytes32);

    /// @notice Leaf of a reading under `IntervalReadings.readingsRoot`.
    function leafOfReading(Reading calldata reading, bytes32 salt) external pure returns (bytes32);
}
