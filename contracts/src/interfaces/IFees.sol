// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISettlement} from "./ISettlement.sol";

/// @notice What a payee gets of every 1000 n€.
struct Share {
    address payee;
    uint16 permille;
}

/// @title Fees, shared out
/// @notice Runs credit fees to this contract, which the registry names as a collector. Anybody lets it take them out of
/// the settlement and share them: each payee gets its part rounded down, and who gets the n€ that the rounding leaves is
/// named. Shares are for good: other shares are another contract.
interface IFees {
    event Shared(address indexed payee, uint256 amount);

    /// The parts must add up to 1000.
    error SharesNotWhole(uint256 permille);
    error TooManyShares(uint256 shares, uint256 max);
    /// Fees that were asked for earlier have not been shared yet.
    error StillPending(uint256 amount);

    /// @notice Ask the settlement for all fees that are there.
    function collect() external;

    /// @notice Take what was asked for, as soon as the settlement gives it, and share it.
    function share() external;

    function settlement() external view returns (ISettlement);

    /// @notice Who gets what rounding leaves.
    function remainderOwner() external view returns (address);

    /// @notice All shares.
    function shares() external view returns (Share[] memory);
}
