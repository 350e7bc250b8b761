// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISettlement} from "../src/interfaces/ISettlement.sol";
import {LedgerCore} from "../src/LedgerCore.sol";
import {Test} from "./Vm.sol";

/// @notice The ledger's arithmetic, opened.
contract OpenLedger is LedgerCore {
    function deposit(address owner, uint128 amount) external {
        _deposit(owner, amount);
    }

    function fund(uint128 amount) external {
        _fundGuarantee(amount);
    }

    function setAside(address owner, uint128 amount) external {
        _setAside(owner, amount, 0, 0);
    }

    function setAsideUntil(address owner, uint128 amount, uint64 afterRun, uint64 exitAt) external {
        _setAside(owner, amount, afterRun, exitAt);
    }

    function waits(address owner) external view returns (uint256 afterRun, uint256 exitAt) {
        return (_accounts[owner].afterRun, _accounts[owner].exitAt);
    }

    function release(address owner, bool ready) external returns (uint128) {
        return _release(owner, ready);
    }

    function applyNet(address owner, int96 net) external returns (uint128) {
        return _applyNet(owner, net);
    }

    function reverseNet(address owner, int96 net, uint128 fromFund) external {
        _reverseNet(owner, net, fromFund);
    }

    function balances(address owner) external view returns (uint256 free, uint256 pending) {
        return (_accounts[owner].free, _accounts[owner].pending);
    }

    function totals() external view returns (uint256 held, uint256 guarantee) {
        return (_totalHeld, _guaranteeFund);
    }
}

contract LedgerCoreTest is Test {
    address private constant ALICE = address(0xa);
    OpenLedger private _ledger;

    function setUp() public {
        _ledger = new OpenLedger();
    }

    function testFuzz_debit_takes_free_then_pending_then_the_fund(uint96 free, uint96 pending, uint96 fund, int96 net)
        public
    {
        if (net > 0) net = -net;
        uint256 owed = uint256(-int256(net));
        _found(free, pending, fund);
        if (owed > uint256(free) + pending + fund) {
            uint256 lacking = owed - free - pending - fund;
            vm.expectRevert(abi.encodeWithSelector(ISettlement.InsufficientFunds.selector, ALICE, lacking));
            _ledger.applyNet(ALICE, net);
            return;
        }
        uint256 fromFund = _ledger.applyNet(ALICE, net);
        uint256 fromFree = owed < free ? owed : free;
        uint256 fromPending = owed - fromFree < pending ? owed - fromFree : pending;
        (uint256 freeAfter, uint256 pendingAfter) = _ledger.balances(ALICE);
        (uint256 held, uint256 fundAfter) = _ledger.totals();
        same(freeAfter, free - fromFree, "free");
        same(pendingAfter, pending - fromPending, "pending");
        same(fundAfter, fund - fromFund, "fund");
        same(fromFund, owed - fromFree - fromPending, "from the fund");
        same(held, uint256(free) + pending + fund, "held");
    }

    function testFuzz_reversal_gives_back(uint96 free, uint96 pending, uint96 fund, int96 net) public {
        _found(free, pending, fund);
        uint256 owed = net < 0 ? uint256(-int256(net)) : 0;
        vm.assume(owed <= uint256(free) + pending + fund);
        uint128 fromFund = _ledger.applyNet(ALICE, net);
        _ledger.reverseNet(ALICE, net, fromFund);
        (uint256 freeAfter, uint256 pendingAfter) = _ledger.balances(ALICE);
        (uint256 held, uint256 fundAfter) = _ledger.totals();
        same(freeAfter + pendingAfter, uint256(free) + pending, "the account's");
        same(fundAfter, fund, "the fund's");
        same(held, uint256(free) + pending + fund, "held");
    }

    function testFuzz_credit_that_was_set_aside_still_goes_back(uint96 free, int96 net) public {
        if (net < 0) net = net == type(int96).min ? type(int96).max : -net;
        _found(free, 0, 0);
        _ledger.applyNet(ALICE, net);
        _ledger.setAside(ALICE, uint128(free) + uint96(net));
        _ledger.reverseNet(ALICE, net, 0);
        (uint256 freeAfter, uint256 pendingAfter) = _ledger.balances(ALICE);
        same(freeAfter, 0, "free");
        same(pendingAfter, free, "pending");
    }

    function testFuzz_pending_leaves_whole_once(uint96 free, uint96 part, bool ready) public {
        part = uint96(within(part, 0, free));
        _found(free, 0, 0);
        _ledger.setAside(ALICE, part);
        if (part == 0 || !ready) {
            vm.expectRevert();
            _ledger.release(ALICE, ready);
            return;
        }
        same(_ledger.release(ALICE, ready), part, "released");
        (uint256 held,) = _ledger.totals();
        same(held, free - part, "held");
        vm.expectRevert();
        _ledger.release(ALICE, ready);
    }

    function testFuzz_more_than_free_is_not_set_aside(uint96 free, uint128 more) public {
        vm.assume(more > free);
        _found(free, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.InsufficientFunds.selector, ALICE, more - free));
        _ledger.setAside(ALICE, more);
    }

    function testFuzz_all_that_is_set_aside_waits_as_the_last_was_to(
        uint64 runBefore,
        uint64 timeBefore,
        uint64 afterRun,
        uint64 exitAt
    ) public {
        _found(2, 0, 0);
        _ledger.setAsideUntil(ALICE, 1, runBefore, timeBefore);
        _ledger.setAsideUntil(ALICE, 1, afterRun, exitAt);
        (uint256 run, uint256 time) = _ledger.waits(ALICE);
        same(run, afterRun, "after run");
        same(time, exitAt, "exit at");
        vm.expectRevert(
            abi.encodeWithSelector(ISettlement.WithdrawalNotReady.selector, ALICE, afterRun, exitAt)
        );
        _ledger.release(ALICE, false);
    }

    function _found(uint96 free, uint96 pending, uint96 fund) private {
        _ledger.deposit(ALICE, uint128(free) + pending);
        _ledger.setAside(ALICE, pending);
        _ledger.fund(fund);
    }
}
