// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Money with which the operator and the oracles answer for what they sign
/// @notice A bond stays while its owner could still be proven wrong: the operator's while a run is open, an oracle's
/// while its key is valid; and for 30 days after its owner has announced to take it out. Amounts are n€.
interface IBonds {
    event BondPosted(address indexed account, address indexed from, uint256 amount);
    event BondWithdrawalAnnounced(address indexed account, uint64 readyAt);
    event BondWithdrawn(address indexed account, uint256 amount);
    event BondSlashed(address indexed account, uint256 amount);

    /// The account can still be proven wrong.
    error StillBound(address account);
    /// Announce first, then wait until `readyAt` (0: not announced).
    error BondNotReady(address account, uint64 readyAt);

    /// @notice Pay the caller's tokens into an account's bond; needs an ERC-20 allowance.
    function postBond(address account, uint256 amount) external;

    /// @notice Start the wait for the caller's bond.
    function announceBondWithdrawal() external;

    /// @notice Take out the caller's whole bond.
    function withdrawBond() external;

    /// @notice Bond of an account.
    function bondOf(address account) external view returns (uint256);

    /// @notice Wait between the announcement and the withdrawal, s.
    function BOND_DELAY() external view returns (uint64);
}
