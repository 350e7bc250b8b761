// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IFees, Share} from "./interfaces/IFees.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";

/// @title Fees, shared out; see IFees
contract Fees is IFees {
    using SafeERC20 for IERC20;

    uint256 private constant WHOLE = 1000;
    uint256 private constant SHARES_MAX = 16;

    ISettlement public immutable settlement;

    /// @inheritdoc IFees
    address public immutable remainderOwner;

    Share[] private _shares;

    constructor(ISettlement settlement_, Share[] memory shares_, address remainderOwner_) {
        if (shares_.length > SHARES_MAX) revert TooManyShares(shares_.length, SHARES_MAX);
        uint256 permille = 0;
        for (uint256 i = 0; i < shares_.length; i++) {
            permille += shares_[i].permille;
            _shares.push(shares_[i]);
        }
        if (permille != WHOLE) revert SharesNotWhole(permille);
        settlement = settlement_;
        // A wrong address is seen before the members take the contract for theirs.
        // slither-disable-next-line missing-zero-check
        remainderOwner = remainderOwner_;
    }

    /// @inheritdoc IFees
    function collect() external {
        // Asking again would make what waits wait anew: anybody could keep it from coming.
        // From when it can be drawn is checked where it is drawn.
        // slither-disable-next-line unused-return
        (uint256 pending,,) = settlement.pendingOf(address(this));
        if (pending != 0) revert StillPending(pending);
        settlement.requestWithdrawal(settlement.balanceOf(address(this)));
    }

    /// @inheritdoc IFees
    function share() external {
        settlement.withdraw();
        IERC20 token = settlement.token();
        uint256 amount = token.balanceOf(address(this));
        uint256 left = amount;
        for (uint256 i = 0; i < _shares.length; i++) {
            uint256 part = amount * _shares[i].permille / WHOLE;
            left -= part;
            _pay(token, _shares[i].payee, part);
        }
        if (left != 0) _pay(token, remainderOwner, left);
    }

    /// @inheritdoc IFees
    function shares() external view returns (Share[] memory) {
        return _shares;
    }

    function _pay(IERC20 token, address payee, uint256 amount) private {
        emit Shared(payee, amount);
        token.safeTransfer(payee, amount);
    }
}
