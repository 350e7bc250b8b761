// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IRegistry} from "./IRegistry.sol";

/// @title The members decide: one member, one vote
/// @notice OpenZeppelin's Governor over the registry's list of members. A member proposes calls; whoever was a member when
/// the vote began votes once, whatever it owns; what has a majority and a quorum waits in the timelock, and then anybody
/// executes it. The timelock is the only one that acts, and has no other master: hand it the registry with
/// `transferOwnership`, and let anybody call its `accept`. Times are UTC epoch seconds (`mode=timestamp`).
interface ICooperative {
    /// A quorum is 1 to 100 percent.
    error QuorumOutOfBounds(uint8 quorumPercent);

    /// @notice Whose members vote.
    function registry() external view returns (IRegistry);

    /// @notice How many of the members must vote for a proposal or abstain, percent.
    function quorumPercent() external view returns (uint8);
}
