// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {IReputation} from "./IReputation.sol";

/// @notice What a badge is for, by metered energy that counted for the account.
enum Badge {
    FIRST_ENERGY,
    HUNDRED_KILOWATT_HOURS,
    MEGAWATT_HOUR
}

/// @title Badges: tokens that stay with whoever earned them
/// @notice Anybody may award what the reputation's facts say was earned, once for each account and badge. A badge gives no
/// right; it is never sold or moved (ERC-5192).
interface IBadges is IERC721 {
    /// @notice ERC-5192: the token never moves.
    event Locked(uint256 tokenId);

    error BadgeNotEarned(address account, Badge badge, uint256 lifetimeWh, uint256 neededWh);
    error BadgeNeverMoves(uint256 tokenId);

    function award(address account, Badge badge) external returns (uint256 tokenId);

    /// @notice ERC-5192: true for every badge; reverts for one that nobody has.
    function locked(uint256 tokenId) external view returns (bool);

    function reputation() external view returns (IReputation);
}
