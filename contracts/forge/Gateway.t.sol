// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Export, Import, ImportStatus, LinkRun, Neighbour} from "../src/interfaces/IGateway.sol";
import {Linked} from "./Linked.sol";

/// @notice Runs and certificates across a border: nothing moves that both sides have not signed, and nothing twice.
contract GatewayTest is Linked {
    function setUp() public {
        found();
        linkUp();
    }

    /// @dev Runs follow each other, and the balance and the bond are what they add up to.
    function testFuzz_runs_add_up(int64[4] memory nets, uint32[4] memory compensations) public {
        bytes32 previous = 0;
        int256 balance = 0;
        uint256 due = 0;
        for (uint64 i = 0; i < 4; i++) {
            LinkRun memory run = nextRun(i + 1, previous);
            (run.netNeur, run.compensationNeur) = (nets[i], compensations[i]);
            previous = gateway.hashRun(run);
            gateway.settle(run, quorum(attestors, previous), quorum(theirs, previous));
            // The parent owes what a run is above zero: the child owes the opposite.
            balance -= nets[i];
            due += compensations[i];
            vm.expectRevert();
            gateway.settle(run, quorum(attestors, previous), quorum(theirs, previous));
        }
        Neighbour memory child = gateway.neighbourOf(CHILD);
        same(child.balanceNeur, balance, "balance");
        uint256 paid = due < LINK_BOND ? due : LINK_BOND;
        same(child.bondNeur, LINK_BOND - paid, "bond");
        same(token.balanceOf(PAYEE), paid, "paid");
        same(token.balanceOf(address(gateway)), child.bondNeur, "S2: the gateway holds its bonds");
        same(child.lastRun, 4, "last run");
    }

    /// @dev One changed field, or a signature less on either side, and nothing moves.
    function testFuzz_both_sides_sign_the_very_same_run(uint8 field, uint64 by) public {
        by = uint64(within(by, 1, type(uint64).max));
        LinkRun memory run = nextRun(1, 0);
        bytes32 digest = gateway.hashRun(run);
        bytes[] memory own = quorum(attestors, digest);
        bytes[] memory other = quorum(theirs, digest);
        field = uint8(within(field, 0, 13));
        unchecked {
            if (field == 0) run.link = bytes32(uint256(run.link) + by);
            else if (field == 1) run.number += by;
            else if (field == 2) run.firstAward += by;
            else if (field == 3) run.lastAward += by;
            else if (field == 4) run.exportWh += by;
            else if (field == 5) run.importWh += by;
            else if (field == 6) run.voidWh += by;
            else if (field == 7) run.netNeur += int128(uint128(by));
            else if (field == 8) run.feeNeur += by;
            else if (field == 9) run.compensationNeur += by;
            else if (field == 10) run.positionsHash = bytes32(uint256(by));
            else if (field == 11) run.previousRun = bytes32(uint256(by));
        }
        if (field == 12) own = new bytes[](0);
        if (field == 13) other = new bytes[](0);
        vm.expectRevert();
        gateway.settle(run, own, other);
        Neighbour memory child = gateway.neighbourOf(CHILD);
        require(child.lastRun == 0 && child.balanceNeur == 0 && child.bondNeur == LINK_BOND, "nothing moved");
    }

    /// @dev Two words under one number cost the bond, all of it, once; one word twice costs nothing.
    function testFuzz_equivocation_costs_the_bond(int64 net, int64 another) public {
        (LinkRun memory one, LinkRun memory two) = (nextRun(1, 0), nextRun(1, 0));
        (one.netNeur, two.netNeur) = (net, another);
        (bytes32 first, bytes32 second) = (gateway.hashRun(one), gateway.hashRun(two));
        (bytes[] memory a, bytes[] memory b) = (quorum(theirs, first), quorum(theirs, second));
        if (net == another) vm.expectRevert();
        gateway.proveEquivocation(one, a, two, b);
        same(token.balanceOf(PAYEE), net == another ? 0 : LINK_BOND, "to the payee");
        require(gateway.neighbourOf(CHILD).closed == (net != another), "closed");
        if (net == another) return;
        vm.expectRevert();
        gateway.proveEquivocation(one, a, two, b);
        vm.expectRevert();
        gateway.settle(one, quorum(attestors, first), a);
    }

    /// @dev A certificate comes in once, is used up once, and only by its holder.
    function testFuzz_certificate_comes_in_once(uint32 fromWh, uint32 wh, address caller) public {
        vm.assume(caller != accounts[1]);
        Export memory exported = exportOf(1, fromWh, uint64(fromWh) + within32(wh));
        bytes[] memory signed = quorum(theirs, gateway.hashExport(exported));
        gateway.importCertificate(exported, signed);
        vm.expectRevert();
        gateway.importCertificate(exported, signed);
        exported.number = 2;
        bytes[] memory again = quorum(theirs, gateway.hashExport(exported));
        vm.expectRevert();
        gateway.importCertificate(exported, again);
        bytes32 nullifier = gateway.nullifierOf(exported);
        vm.prank(caller);
        vm.expectRevert();
        gateway.claimImport(nullifier);
        vm.prank(accounts[1]);
        gateway.claimImport(nullifier);
        require(gateway.importOf(nullifier).status == ImportStatus.CLAIMED, "claimed");
        vm.prank(accounts[1]);
        vm.expectRevert();
        gateway.claimImport(nullifier);
    }

    /// @dev Of two exports of the same energy the later falls, and its holder is paid; of different energy none does.
    function testFuzz_double_export_is_paid_from_the_bond(uint16 firstWh, uint16 gap, uint16 secondWh) public {
        uint64 middle = within32(firstWh);
        Export memory one = exportOf(1, 0, middle);
        Export memory two = exportOf(2, gap, uint64(gap) + within32(secondWh));
        bytes[] memory first = quorum(theirs, gateway.hashExport(one));
        bytes[] memory second = quorum(theirs, gateway.hashExport(two));
        gateway.importCertificate(two, second);
        bool clash = gap < middle;
        if (!clash) vm.expectRevert();
        gateway.proveDoubleExport(one, first, two, second);
        Import memory held = gateway.importOf(gateway.nullifierOf(two));
        require(held.status == (clash ? ImportStatus.GIVEN_UP : ImportStatus.HELD), "status");
        uint256 due = uint256(two.toWh - two.fromWh) * PRICE;
        uint256 paid = !clash ? 0 : due < LINK_BOND ? due : LINK_BOND;
        same(token.balanceOf(accounts[1]), paid, "paid");
        same(gateway.neighbourOf(CHILD).bondNeur, LINK_BOND - paid, "bond");
    }

    /// @dev A bond leaves after the delay, to its owner alone.
    function testFuzz_bond_stays_bound(address stranger, uint64 waited) public {
        vm.assume(stranger != address(this));
        vm.prank(stranger);
        vm.expectRevert();
        gateway.postBond(CHILD, 1);
        vm.expectRevert();
        gateway.withdrawBond(CHILD);
        gateway.close(CHILD);
        uint256 wait = within(waited, 0, 2 * gateway.BOND_DELAY());
        vm.warp(block.timestamp + wait);
        vm.prank(stranger);
        vm.expectRevert();
        gateway.withdrawBond(CHILD);
        uint256 before = token.balanceOf(address(this));
        if (wait < gateway.BOND_DELAY()) vm.expectRevert();
        gateway.withdrawBond(CHILD);
        same(token.balanceOf(address(this)) - before, wait < gateway.BOND_DELAY() ? 0 : LINK_BOND, "back");
    }

    function within32(uint32 any) private pure returns (uint64) {
        return uint64(within(any, 1, type(uint32).max));
    }
}
