// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

import {IFees, Share} from "../src/interfaces/IFees.sol";
import {IntervalReadings, Run} from "../src/interfaces/SignedTypes.sol";
import {Founded} from "./Founded.sol";

interface IOwned {
    function owner() external view returns (address);
    function transferOwnership(address next) external;
}

interface ITimelock {
    function accept(address owned) external;
}

interface ICouncil is IGovernor {
    function timelock() external view returns (address);
    function quorumPercent() external view returns (uint8);
}

/// @notice What members decide together, whom they put in a lost key's place, and how fees are shared: for any votes.
contract MembersTest is Founded {
    uint48 private constant DELAY = 1 hours;
    uint32 private constant PERIOD = 7 days;
    uint256 private constant GRACE = 2 days;
    uint8 private constant QUORUM = 50;
    address private constant NEWCOMER = address(0x77);

    ICouncil private _council;

    function setUp() public {
        found();
        _council = ICouncil(deploy("Cooperative", abi.encode(registry, QUORUM, DELAY, PERIOD, GRACE)));
        IOwned(address(registry)).transferOwnership(_council.timelock());
        ITimelock(_council.timelock()).accept(address(registry));
        // Who proposes was a member before.
        vm.warp(FIRST + 1);
    }

    function test_nobody_but_the_members_changes_the_registry() public {
        same(uint160(IOwned(address(registry)).owner()), uint160(_council.timelock()), "owner");
        vm.expectRevert();
        registry.admitMember(NEWCOMER);
        vm.prank(accounts[0]);
        vm.expectRevert();
        registry.admitMember(NEWCOMER);
        vm.prank(address(_council));
        vm.expectRevert();
        registry.admitMember(NEWCOMER);
    }

    /// @dev One member, one vote: a proposal is carried out if more are for than against and a quorum took part.
    function testFuzz_majority_with_quorum_decides(uint8[3] memory votes, uint32 stranger) public {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _admission();
        vm.prank(accounts[0]);
        uint256 id = _council.propose(targets, values, calls, "a newcomer");
        vm.warp(block.timestamp + DELAY + 1);
        uint256[3] memory counted;
        for (uint256 i = 0; i < 3; i++) {
            votes[i] %= 4;
            if (votes[i] == 3) continue;
            vm.prank(accounts[i]);
            _council.castVote(id, votes[i]);
            counted[votes[i]]++;
            vm.prank(accounts[i]);
            vm.expectRevert();
            _council.castVote(id, votes[i]);
        }
        // Whoever is no member counts for nothing, however often.
        vm.prank(address(uint160(0x1000) + stranger));
        _council.castVote(id, 0);
        vm.warp(block.timestamp + PERIOD);
        bool passes = counted[1] > counted[0] && 2 * (counted[1] + counted[2]) >= 3;
        IGovernor.ProposalState lost = IGovernor.ProposalState.Defeated;
        same(uint8(_council.state(id)), uint8(passes ? IGovernor.ProposalState.Succeeded : lost), "state");
        if (!passes) vm.expectRevert();
        _council.queue(targets, values, calls, keccak256("a newcomer"));
        vm.expectRevert();
        _council.execute(targets, values, calls, keccak256("a newcomer"));
        vm.warp(block.timestamp + GRACE);
        if (!passes) vm.expectRevert();
        _council.execute(targets, values, calls, keccak256("a newcomer"));
        require(registry.isMember(NEWCOMER) == passes, "decided");
        vm.expectRevert();
        _council.execute(targets, values, calls, keccak256("a newcomer"));
    }

    function test_strangers_propose_nothing() public {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _admission();
        vm.prank(NEWCOMER);
        vm.expectRevert();
        _council.propose(targets, values, calls, "myself");
    }

    /// @dev Two of three guardians, and the delay; then the successor is the member, with one vote as before.
    function testFuzz_lost_key_needs_two_guardians_and_time(uint8 approving, uint32 waited) public {
        address lost = accounts[0];
        address[3] memory guardians = [address(0x91), address(0x92), address(0x93)];
        vm.prank(lost);
        registry.nameGuardians(guardians);
        uint256 agreed = 0;
        for (uint256 i = 0; i < 3; i++) {
            if (approving >> i & 1 == 0 || agreed == 2) continue;
            vm.prank(guardians[i]);
            registry.approveRotation(lost, NEWCOMER);
            agreed++;
        }
        uint256 wait = within(waited, 0, 2 * registry.ROTATION_DELAY());
        vm.warp(block.timestamp + wait);
        bool rotates = agreed == 2 && wait >= registry.ROTATION_DELAY();
        if (!rotates) vm.expectRevert();
        registry.rotate(lost);
        require(registry.isMember(NEWCOMER) == rotates && registry.isMember(lost) != rotates, "place");
        require(registry.isParty(lost), "what it traded can still settle");
        same(registry.memberCountAt(uint48(block.timestamp)), 3, "members");
        same(uint160(registry.successorOf(lost)), rotates ? uint160(NEWCOMER) : 0, "successor");
    }

    /// @dev Every n€ of fees reaches a payee or the owner of the remainder, whatever the shares.
    function testFuzz_fees_are_shared_to_the_last(uint64 amount, uint16 first, uint16 second) public {
        amount = uint64(within(amount, 1, 1e12));
        first = uint16(within(first, 0, 1000));
        second = uint16(within(second, 0, 1000 - first));
        Share[] memory shares = new Share[](3);
        shares[0] = Share(address(0xf1), first);
        shares[1] = Share(address(0xf2), second);
        shares[2] = Share(address(0xf3), 1000 - first - second);
        IFees fees = IFees(deploy("Fees", abi.encode(settlement, shares, address(0xf4))));
        vm.prank(_council.timelock());
        registry.setCollector(address(fees), true);
        _credit(address(fees), amount);
        fees.collect();
        vm.expectRevert();
        fees.collect();
        vm.warp(block.timestamp + settlement.EXIT_DELAY());
        fees.share();
        uint256 paid = token.balanceOf(address(0xf1)) + token.balanceOf(address(0xf2)) + token.balanceOf(address(0xf3));
        same(token.balanceOf(address(0xf1)), uint256(amount) * first / 1000, "a share");
        same(paid + token.balanceOf(address(0xf4)), amount, "all of it");
        require(token.balanceOf(address(0xf4)) < 3, "the remainder is below the number of shares");
    }

    function _admission()
        private
        view
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calls)
    {
        (targets, values, calls) = (new address[](1), new uint256[](1), new bytes[](1));
        targets[0] = address(registry);
        calls[0] = abi.encodeCall(registry.admitMember, (NEWCOMER));
    }

    /// @dev The first run of all: a member pays, a collector is credited.
    function _credit(address to, uint64 amount) private {
        token.mint(address(this), amount + BOND);
        settlement.deposit(accounts[0], amount);
        disputes.postBond(OPERATOR, BOND);
        vm.warp(FIRST + LENGTH);
        IntervalReadings memory totals = IntervalReadings(FIRST, keccak256("root"), 0, 0);
        readings.attest(totals, quorum(oracles, readings.hashIntervalReadings(totals)));
        bytes memory debit = abi.encodePacked(accounts[0], -int96(uint96(amount)));
        bytes memory credit = abi.encodePacked(to, int96(uint96(amount)));
        bytes memory nets = accounts[0] < to ? bytes.concat(debit, credit) : bytes.concat(credit, debit);
        Run memory run;
        (run.runId, run.firstInterval, run.lastInterval) = (1, FIRST, FIRST);
        (run.readingsHash, run.netsHash) = (readings.historyAt(FIRST), keccak256(nets));
        settlement.settle(run, nets, quorum(attestors, settlement.hashRun(run)));
    }
}
