// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {EntryOpening, ReadingOpening} from "./IOpenings.sol";

/// @title How far an account has kept to what it sold and bought
/// @notice Only facts count, each once, and anybody may bring them: attested readings speak for an account, lines of final
/// runs for energy that it sold and did not deliver, or bought and did not draw, speak against it, and so do readings that
/// could not settle. Both fade: half is left after `HALF_LIFE`.
///
/// The result sizes collateral and nothing else. It starts at the most that is ever asked, so a new identity gains
/// nothing over a bad name; and it counts metered energy, so trades with oneself gain nothing either.
interface IReputation {
    event Kept(address indexed account, bytes32 indexed meter, uint64 interval, uint64 wh);
    /// @notice `fact` counts once: the leaf of a line, or the hash of a reading's meter and interval.
    event Failed(address indexed account, bytes32 indexed fact, uint64 wh);

    /// A fact counts once.
    error AlreadyCounted(bytes32 fact);
    /// Only shortfalls (5, 15) and unused purchases (6, 16) of members are failures.
    error NotAFailure(uint8 kind);
    /// Disputes may still void the run.
    error RunNotFinal(uint64 runId);

    /// @notice Count an attested reading: for the meter's account up to `INTERVAL_WH_MAX`, or against it `FAULT_WH` if the
    /// reading could not settle.
    function countReading(ReadingOpening calldata reading) external;

    /// @notice Count a line of a final run for energy that was not delivered or not drawn.
    function countFailure(uint64 runId, EntryOpening calldata entry) external;

    /// @notice What of the full collateral an account needs, permille: 1000 for an unknown one, towards 500 with proof.
    function collateralPermille(address account) external view returns (uint256);

    /// @notice What counts for and against an account now, Wh.
    function recordOf(address account) external view returns (uint256 keptWh, uint256 failedWh);

    /// @notice All energy that ever counted for an account, Wh; this does not fade.
    function lifetimeWh(address account) external view returns (uint256);

    /// @notice How long until half of a fact's weight is left, s.
    function HALF_LIFE() external view returns (uint64);

    /// @notice Most that one reading counts, Wh.
    function INTERVAL_WH_MAX() external view returns (uint64);

    /// @notice What a reading that could not settle counts against its account, Wh.
    function FAULT_WH() external view returns (uint64);
}
