// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bundle, Status} from "../src/interfaces/ICertificates.sol";
import {ICommunityToken} from "../src/interfaces/ICommunityToken.sol";
import {ISettlement} from "../src/interfaces/ISettlement.sol";
import {Community} from "./Community.sol";
import {Stored} from "./Stored.sol";
import {Test} from "./Vm.sol";

/// @notice The numbered invariants of docs/INVARIANTS.md, after any sequence of calls. One test holds them all: tests of
/// their own would run the very same sequences, for forge draws those from the seed alone.
contract InvariantsTest is Test {
    Stored private _community;
    ISettlement private _settlement;
    ICommunityToken private _token;

    function setUp() public {
        _community = new Stored();
        _settlement = _community.settlement();
        _token = _community.token();
        // Every sequence begins in the middle of the community's life, when there is something to break.
        _liveOn(600);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_community);
    }

    function invariant_all_hold() public view {
        _S1_balances_are_the_auditors();
        _S2_held_is_owed();
        _S3_runs_are_one_chain();
        _C1_certified_was_exported();
        _C1_parts_add_up();
        _C2_ended_never_moves();
        _C3_out_is_in_less_losses();
        _O1_equivocation_costs_the_key();
        _O3_estimates_are_used_for_nothing();
    }

    /// @dev The rules below must do something, or the invariants hold for nothing: all of it comes about in random days.
    function test_random_days_reach_everything() public {
        _liveOn(2_400);
        uint256 taken = 0;
        for (uint256 i = 0; i < 4; i++) taken += _community.withdrawn(i);
        require(_community.runs() != 0 && taken != 0, "nothing was settled and taken out");
        require(_community.slashedToFund() != 0 && _community.equivocations() != 0, "no fraud was proven");
        require(_community.allClaimedWh() != 0 && _community.dischargedWh() != 0, "no origin was used");
    }

    function _liveOn(uint256 steps) private {
        uint256 word = steps;
        for (uint256 i = 0; i < steps; i++) {
            word = uint256(keccak256(abi.encode(word)));
            _step(word % 20, word >> 8);
        }
    }

    function _step(uint256 rule, uint256 any) private {
        uint256 more = any >> 64;
        if (rule == 0) _community.deposit(any, more);
        else if (rule == 1) _community.fundGuarantee(any);
        else if (rule == 2) _community.requestWithdrawal(any, more);
        else if (rule == 3) _community.withdraw(any);
        else if (rule == 4) _community.takeAllOut(any);
        else if (rule == 5) _community.letPass(any);
        else if (rule == 6) _community.attest(uint32(any), uint32(more));
        else if (rule == 7) _community.challenge(any);
        else if (rule == 8) _community.unwind();
        else if (rule == 9) _community.post(any);
        else if (rule == 10) _community.takeBond();
        else if (rule == 11) _community.equivocate(uint32(any));
        else if (rule == 12) _community.split(any, uint64(more));
        else if (rule == 13) _community.hand(any, more);
        else if (rule == 14) _community.withdrawCertificate(any);
        else if (rule == 15) _community.claim(any);
        else if (rule == 16) _community.charge(any);
        else if (rule == 17) _community.discharge(any);
        else if (rule == 18) _community.materialise(any);
        else _community.settle(any, uint8(more), any & 1 == 0, any & 6 != 0);
    }

    /// @dev S1: what runs moved sums to zero, for each account it is what the auditor booked, and void runs left nothing.
    function _S1_balances_are_the_auditors() private view {
        uint256 runs = _community.runs();
        int256[4] memory expected;
        int256 fund = int256(_community.funded() + _community.slashedToFund());
        for (uint256 place = 0; place < runs; place++) {
            Community.Settled memory each = _community.settled(place);
            for (uint256 i = 0; i < 4; i++) {
                expected[i] += each.net[i] + int256(each.paidByFund[i]);
                fund -= int256(each.paidByFund[i]);
            }
        }
        for (uint256 i = 0; i < 4; i++) {
            address account = _community.account(i);
            (uint256 pending,,) = _settlement.pendingOf(account);
            expected[i] += int256(_community.deposited(i)) - int256(_community.withdrawn(i));
            same(int256(_settlement.balanceOf(account) + pending), expected[i], "S1: an account");
        }
        same(int256(_settlement.guaranteeFund()), fund, "S1: the guarantee fund");
    }

    /// @dev S2: everything that is held is owed to somebody, and all tokens are somewhere.
    function _S2_held_is_owed() private view {
        uint256 owed = _settlement.guaranteeFund();
        uint256 outside = 0;
        for (uint256 i = 0; i < 4; i++) {
            address account = _community.account(i);
            (uint256 pending,,) = _settlement.pendingOf(account);
            owed += _settlement.balanceOf(account) + pending;
            outside += _token.balanceOf(account);
        }
        same(_settlement.totalHeld(), owed, "S2: held");
        same(_token.balanceOf(address(_settlement)), owed, "S2: tokens");
        same(_token.balanceOf(address(_community.disputes())), _community.bond(), "S2: bonds");
        uint256 challengers = _token.balanceOf(address(_community));
        same(_token.totalSupply(), owed + outside + _community.bond() + challengers, "S2: supply");
    }

    /// @dev S3: the runs cover all intervals up to the last one, each once, with what was attested.
    function _S3_runs_are_one_chain() private view {
        uint256 runs = _community.runs();
        (uint64 lastId, bytes32 lastHash, uint64 lastInterval) = _settlement.lastRun();
        same(lastId, runs, "S3: last run");
        same(_settlement.voidFrom(), _community.voidFrom(), "S3: void from");
        if (runs == 0) return;
        uint256 importWh = 0;
        uint256 exportWh = 0;
        uint64 next = 1_751_371_200;
        bytes32 previous = 0;
        for (uint256 place = 0; place < runs; place++) {
            Community.Settled memory each = _community.settled(place);
            same(each.run.firstInterval, next, "S3: gap");
            same(uint256(each.run.previousRun), uint256(previous), "S3: branch");
            next = each.run.lastInterval + 900;
            importWh += each.run.importWh;
            exportWh += each.run.exportWh;
            previous = _settlement.hashRun(each.run);
        }
        same(uint256(lastHash), uint256(previous), "S3: hash");
        (uint128 attestedImport, uint128 attestedExport) = _community.readings().cumulative(lastInterval);
        same(importWh, attestedImport, "S3: import");
        same(exportWh, attestedExport, "S3: export");
    }

    /// @dev C1: what left a run as tokens is at most what it certified, and that at most what was attested.
    function _C1_certified_was_exported() private view {
        uint256 runs = _community.runs();
        for (uint256 place = 0; place < runs; place++) {
            Community.Settled memory each = _community.settled(place);
            uint256 outWh = _community.certificates().materialisedWh(uint64(place + 1));
            require(outWh <= each.run.certifiedWh && each.run.certifiedWh <= each.run.exportWh, "C1");
            same(outWh, each.materialisedId == 0 ? 0 : each.run.certifiedWh, "C1: once");
        }
    }

    /// @dev C1: however it is split and handed on, no Wh is lost and none comes twice.
    function _C1_parts_add_up() private view {
        uint256 runs = _community.runs();
        uint256 outWh = 0;
        for (uint256 place = 0; place < runs; place++) {
            outWh += _community.certificates().materialisedWh(uint64(place + 1));
        }
        uint256[] memory ids = _community.materialised();
        for (uint256 place = 0; place < ids.length; place++) {
            Bundle memory bundle = _community.certificates().bundleOf(ids[place]);
            if (bundle.status != Status.SPLIT && !_community.replaced(ids[place])) outWh -= bundle.toWh - bundle.fromWh;
        }
        same(outWh, 0, "C1: parts");
    }

    /// @dev C2: what was claimed, withdrawn or split is nobody's, and a claim stays.
    function _C2_ended_never_moves() private view {
        uint256[] memory ids = _community.materialised();
        uint256 claimedWh = 0;
        for (uint256 place = 0; place < ids.length; place++) {
            Bundle memory bundle = _community.certificates().bundleOf(ids[place]);
            uint256 held = 0;
            for (uint256 i = 0; i < 4; i++) {
                held += _community.certificates().balanceOf(_community.account(i), ids[place]);
            }
            same(held, _community.ended(ids[place]) ? 0 : bundle.toWh - bundle.fromWh, "C2: held");
            claimedWh += _community.certificates().claimedBalanceOf(_community.account(1), ids[place]);
        }
        same(claimedWh, _community.allClaimedWh(), "C2: claimed");
    }

    /// @dev C3: what came out of the store is what went in, less the losses and what is still in it.
    function _C3_out_is_in_less_losses() private view {
        uint256[] memory ids = _community.materialised();
        uint256 outWh = 0;
        for (uint256 place = 0; place < ids.length; place++) {
            Bundle memory bundle = _community.certificates().bundleOf(ids[place]);
            if (bundle.source == 2 && bundle.status != Status.SPLIT) outWh += bundle.toWh - bundle.fromWh;
        }
        same(outWh, _community.dischargedWh(), "C3: out");
        uint256 leftWh = 0;
        for (uint64 number = 1; number <= _community.charges(); number++) {
            leftWh += _community.certificates().chargeOf(_community.METER(), number).leftWh;
        }
        same(leftWh, _community.leftWh(), "C3: left");
        same(outWh + leftWh, _community.storedWh(), "C3: in");
    }

    /// @dev O3: what is used of a meter's draw is what was claimed and charged; of an estimate, nothing.
    function _O3_estimates_are_used_for_nothing() private view {
        uint64 last = uint64(_community.lastAttested());
        for (uint64 interval = 1_751_371_200; interval <= last; interval += 900) {
            uint256 used = _community.certificates().usedWh(_community.METER(), interval);
            same(used, _community.usedWh(interval), "O3: used");
            require(used == 0 || !_community.isEstimated(_community.importWhAt(interval)), "O3: an estimate");
        }
    }

    /// @dev O1: whoever signed two readings of one interval signs no more; the others do.
    function _O1_equivocation_costs_the_key() private view {
        for (uint256 i = 0; i < 3; i++) {
            bool valid = _community.registry().isOracle(_community.oracle(i), uint64(block.timestamp));
            require(valid == (i != 2 || _community.equivocations() == 0), "O1");
        }
    }
}
