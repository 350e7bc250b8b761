// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISettlement} from "./interfaces/ISettlement.sol";

/// @title The arithmetic of the community's money
/// @notice No external call, no role, no token: small enough to be proved. Amounts are n€.
/// @dev S2: `_totalHeld` = Σ free + Σ pending + `_guaranteeFund`, after every function here but `_applyNet` and
/// `_reverseNet`, which keep it only over nets that sum to zero (S1); their caller checks that. Between the pages of a run
/// the sum of the nets that came is lacking on the left.
abstract contract LedgerCore {
    struct Account {
        uint128 free;
        uint128 pending;
        uint64 afterRun;
        uint64 exitAt;
    }

    mapping(address account => Account) internal _accounts;
    uint128 internal _guaranteeFund;
    uint128 internal _totalHeld;

    function _deposit(address account, uint128 amount) internal {
        _totalHeld += amount;
        _accounts[account].free += amount;
    }

    function _fundGuarantee(uint128 amount) internal {
        _totalHeld += amount;
        _guaranteeFund += amount;
    }

    /// @dev Move free money to pending; the whole of pending then waits for a run after `afterRun` or for `exitAt`.
    function _setAside(address owner, uint128 amount, uint64 afterRun, uint64 exitAt) internal {
        Account storage account = _accounts[owner];
        if (account.free < amount) revert ISettlement.InsufficientFunds(owner, amount - account.free);
        account.free -= amount;
        account.pending += amount;
        account.afterRun = afterRun;
        account.exitAt = exitAt;
    }

    /// @dev Take all that is pending out of the ledger, if it is `ready`.
    function _release(address owner, bool ready) internal returns (uint128 amount) {
        Account storage account = _accounts[owner];
        amount = account.pending;
        if (amount == 0) revert ISettlement.NothingPending(owner);
        if (!ready) revert ISettlement.WithdrawalNotReady(owner, account.afterRun, account.exitAt);
        account.pending = 0;
        _totalHeld -= amount;
    }

    /// @dev Credit or debit one net of a run. A debit takes free money first, then pending, then the guarantee fund's.
    /// @return fromFund What the guarantee fund paid.
    function _applyNet(address owner, int96 net) internal returns (uint128 fromFund) {
        Account storage account = _accounts[owner];
        if (net >= 0) {
            account.free += uint96(net);
            return 0;
        }
        // Negated in 256 bits, for -2^95 has no counterpart in int96; the magnitude fits 96 bits.
        uint128 owed = uint96(uint256(-int256(net)));
        uint128 fromFree = _min(owed, account.free);
        uint128 fromPending = _min(owed - fromFree, account.pending);
        fromFund = owed - fromFree - fromPending;
        if (fromFund > _guaranteeFund) revert ISettlement.InsufficientFunds(owner, fromFund - _guaranteeFund);
        account.free -= fromFree;
        account.pending -= fromPending;
        _guaranteeFund -= fromFund;
    }

    /// @dev Undo one net of the last run. What was credited comes back from free money first, then from pending: it is
    /// there, for money leaves the ledger only when all runs that could have brought it are final. What the fund paid
    /// goes back to the fund, the rest to the account's free money.
    /// @param fromFund What `_applyNet` returned.
    function _reverseNet(address owner, int96 net, uint128 fromFund) internal {
        Account storage account = _accounts[owner];
        if (net < 0) {
            account.free += uint96(uint256(-int256(net))) - fromFund;
            _guaranteeFund += fromFund;
            return;
        }
        uint128 fromFree = _min(uint96(net), account.free);
        account.free -= fromFree;
        account.pending -= uint96(net) - fromFree;
    }

    function _min(uint128 a, uint128 b) private pure returns (uint128) {
        return a < b ? a : b;
    }
}
