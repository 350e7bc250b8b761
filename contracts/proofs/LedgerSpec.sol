// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LedgerCore} from "../src/LedgerCore.sol";

// What the ledger's arithmetic promises, as numbered assertions that the SMTChecker proves: `make prove`. Each contract
// is one proof. But for the last, each function is one call in any state at all, whether a community could reach it or not.

contract DepositSpec is LedgerCore {
    function deposit(address owner, address other, uint128 amount) external {
        require(owner != other);
        uint128 before = _accounts[owner].free;
        uint128 others = _accounts[other].free;
        uint128 held = _totalHeld;
        _deposit(owner, amount);
        assert(_accounts[owner].free == before + amount); // 1: exact
        assert(_totalHeld == held + amount); // 2: and owed
        assert(_accounts[other].free == others); // 3: to nobody else
    }

    function fundGuarantee(uint128 amount) external {
        uint128 fund = _guaranteeFund;
        uint128 held = _totalHeld;
        _fundGuarantee(amount);
        assert(_guaranteeFund - fund == _totalHeld - held); // 4: exact, and owed
    }
}

contract SetAsideSpec is LedgerCore {
    function setAside(address owner, uint128 amount, uint64 afterRun, uint64 exitAt) external {
        uint128 free = _accounts[owner].free;
        uint128 pending = _accounts[owner].pending;
        uint128 held = _totalHeld;
        _setAside(owner, amount, afterRun, exitAt);
        assert(amount <= free); // 5: nobody sets aside more than is free
        assert(_accounts[owner].free == free - amount); // 6: exact
        assert(_accounts[owner].pending == pending + amount); // 7: nothing is lost
        assert(_totalHeld == held); // 8: nothing leaves
        assert(_accounts[owner].afterRun == afterRun && _accounts[owner].exitAt == exitAt); // 9: all of pending waits
    }
}

contract ReleaseSpec is LedgerCore {
    function release(address owner, bool ready) external {
        uint128 free = _accounts[owner].free;
        uint128 pending = _accounts[owner].pending;
        uint128 held = _totalHeld;
        uint128 amount = _release(owner, ready);
        assert(ready); // 10: nothing leaves before its time
        assert(amount == pending && amount != 0); // 11: all that is pending leaves
        assert(_accounts[owner].pending == 0); // 12: once
        assert(_totalHeld == held - amount); // 13: what leaves is no longer owed
        assert(_accounts[owner].free == free); // 14: the rest stays
    }
}

contract CreditSpec is LedgerCore {
    function credit(address owner, int96 net) external {
        require(net >= 0);
        uint128 free = _accounts[owner].free;
        uint128 pending = _accounts[owner].pending;
        uint128 fund = _guaranteeFund;
        uint128 fromFund = _applyNet(owner, net);
        assert(fromFund == 0 && _guaranteeFund == fund); // 15: the fund never pays for a credit
        assert(_accounts[owner].free == free + uint96(net)); // 16: exact
        assert(_accounts[owner].pending == pending); // 17: what is set aside does not grow
    }
}

contract DebitSpec is LedgerCore {
    function debit(address owner, int96 net) external {
        require(net < 0);
        uint256 owed = uint256(-int256(net));
        uint256 own = uint256(_accounts[owner].free) + _accounts[owner].pending;
        uint128 fund = _guaranteeFund;
        uint128 held = _totalHeld;
        uint128 fromFund = _applyNet(owner, net);
        uint256 left = uint256(_accounts[owner].free) + _accounts[owner].pending;
        assert(own + fromFund == left + owed); // 18: S1, exactly the debit is gone
        assert(_guaranteeFund + fromFund == fund); // 19: the fund pays what it says
        assert(fromFund == 0 || left == 0); // 20: own money first
        assert(_totalHeld == held); // 21: nothing leaves
    }
}

contract UnwindSpec is LedgerCore {
    function settleAndUnwind(address owner, int96 net) external {
        require(net < 0);
        uint256 own = uint256(_accounts[owner].free) + _accounts[owner].pending;
        uint128 fund = _guaranteeFund;
        uint128 fromFund = _applyNet(owner, net);
        _reverseNet(owner, net, fromFund);
        assert(uint256(_accounts[owner].free) + _accounts[owner].pending == own); // 22: the account has what it had
        assert(_guaranteeFund == fund); // 23: and so has the fund
    }

    function creditAndUnwind(address owner, int96 net, uint128 aside) external {
        require(net >= 0);
        uint256 own = uint256(_accounts[owner].free) + _accounts[owner].pending;
        uint128 fromFund = _applyNet(owner, net);
        _setAside(owner, aside, 0, 0);
        _reverseNet(owner, net, fromFund);
        assert(uint256(_accounts[owner].free) + _accounts[owner].pending == own); // 24: a credit goes back, set aside or not
    }
}

/// @dev Liveness: from any state, a member gets all of its money out, and none of anybody else's.
contract ExitSpec is LedgerCore {
    function takeAllOut(address owner, address other) external {
        require(owner != other);
        uint128 free = _accounts[owner].free;
        uint128 pending = _accounts[owner].pending;
        uint128 others = _accounts[other].free;
        uint128 fund = _guaranteeFund;
        _setAside(owner, free, 0, 0);
        uint128 amount = _release(owner, true);
        assert(amount == free + pending); // 25: everything
        assert(_accounts[owner].free == 0 && _accounts[owner].pending == 0); // 26: nothing stays behind
        assert(_accounts[other].free == others && _guaranteeFund == fund); // 27: no one else's
    }
}

/// @dev S2 over any sequence of calls from the beginning: what is held is the sum of what is owed.
contract SumSpec is LedgerCore {
    uint256 private _sum;

    function deposit(address owner, uint128 amount) external {
        _deposit(owner, amount);
        _sum += amount;
    }

    function fundGuarantee(uint128 amount) external {
        _fundGuarantee(amount);
    }

    function setAside(address owner, uint128 amount) external {
        _setAside(owner, amount, 0, 0);
    }

    function release(address owner, bool ready) external {
        _sum -= _release(owner, ready);
    }

    function held() external view {
        assert(_totalHeld == _sum + _guaranteeFund); // 28: S2
    }
}
