// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IBonds} from "./interfaces/IBonds.sol";
import {Openings} from "./Openings.sol";

/// @title Bonds; see IBonds
abstract contract Bonds is IBonds, Openings {
    using SafeERC20 for IERC20;

    /// @inheritdoc IBonds
    uint64 public constant BOND_DELAY = 30 days;

    IERC20 public immutable token;

    /// @inheritdoc IBonds
    mapping(address account => uint256) public bondOf;

    mapping(address account => uint64) private _readyAt;

    constructor() {
        token = settlement.token();
        // The guarantee fund takes its share of every slashed bond.
        token.forceApprove(address(settlement), type(uint256).max);
    }

    /// @inheritdoc IBonds
    function postBond(address account, uint256 amount) external {
        bondOf[account] += amount;
        emit BondPosted(account, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IBonds
    function announceBondWithdrawal() external {
        if (_isBound(msg.sender)) revert StillBound(msg.sender);
        uint64 readyAt = uint64(block.timestamp) + BOND_DELAY;
        _readyAt[msg.sender] = readyAt;
        emit BondWithdrawalAnnounced(msg.sender, readyAt);
    }

    /// @inheritdoc IBonds
    function withdrawBond() external {
        if (_isBound(msg.sender)) revert StillBound(msg.sender);
        uint64 readyAt = _readyAt[msg.sender];
        if (readyAt == 0 || block.timestamp < readyAt) revert BondNotReady(msg.sender, readyAt);
        uint256 amount = bondOf[msg.sender];
        delete bondOf[msg.sender];
        delete _readyAt[msg.sender];
        emit BondWithdrawn(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @dev Take up to `amount` of a bond: half for the challenger, the rest for the guarantee fund.
    /// @return reward What the challenger got.
    function _slash(address account, uint256 amount, address challenger) internal returns (uint256 reward) {
        uint256 bond = bondOf[account];
        if (amount > bond) amount = bond;
        if (amount == 0) return 0;
        bondOf[account] = bond - amount;
        reward = amount / 2;
        emit BondSlashed(account, amount);
        settlement.fundGuarantee(amount - reward);
        token.safeTransfer(challenger, reward);
    }

    /// @dev Say whether an account can still be proven wrong.
    function _isBound(address account) internal view virtual returns (bool);
}
