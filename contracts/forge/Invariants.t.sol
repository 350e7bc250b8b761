// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bundle, Status} from "../src/interfaces/ICertificates.sol";
import {ICommunityToken} from "../src/interfaces/ICommunityToken.sol";
import {ISettlement} from "../src/interfaces/ISettlement.sol";
import {Community} from "./Community.sol";
import {Test} from "./Vm.sol";

/// @notice The numbered invariants of docs/INVARIANTS.md, after any sequence of calls.
contract InvariantsTest is Test {
    Community private _community;
    ISettlement private _settlement;
    ICommunityToken private _token;

    function setUp() public {
        _community = new Community();
        _settlement = _community.settlement();
        _token = _community.token();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_community);
    }

    /// @dev S1: what runs moved sums to zero, for each account it is what the auditor booked, and void runs left nothing.
    function invariant_S1_balances_are_the_auditors() public view {
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
    function invariant_S2_held_is_owed() public view {
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
    function invariant_S3_runs_are_one_chain() public view {
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
    function invariant_C1_certified_was_exported() public view {
        uint256 runs = _community.runs();
        for (uint256 place = 0; place < runs; place++) {
            Community.Settled memory each = _community.settled(place);
            uint256 outWh = _community.certificates().materialisedWh(uint64(place + 1));
            require(outWh <= each.run.certifiedWh && each.run.certifiedWh <= each.run.exportWh, "C1");
            same(outWh, each.materialisedId == 0 ? 0 : each.run.certifiedWh, "C1: once");
        }
    }

    /// @dev C1: however it is split and handed on, no Wh is lost and none comes twice.
    function invariant_C1_parts_add_up() public view {
        uint256 runs = _community.runs();
        uint256 outWh = 0;
        for (uint256 place = 0; place < runs; place++) {
            outWh += _community.certificates().materialisedWh(uint64(place + 1));
        }
        uint256[] memory ids = _community.materialised();
        for (uint256 place = 0; place < ids.length; place++) {
            Bundle memory bundle = _community.certificates().bundleOf(ids[place]);
            if (bundle.status != Status.SPLIT) outWh -= bundle.toWh - bundle.fromWh;
        }
        same(outWh, 0, "C1: parts");
    }

    /// @dev C2: what was claimed, withdrawn or split is nobody's, and a claim stays.
    function invariant_C2_ended_never_moves() public view {
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

    /// @dev O1: whoever signed two readings of one interval signs no more; the others do.
    function invariant_O1_equivocation_costs_the_key() public view {
        for (uint256 i = 0; i < 3; i++) {
            bool valid = _community.registry().isOracle(_community.oracle(i), uint64(block.timestamp));
            require(valid == (i != 2 || _community.equivocations() == 0), "O1");
        }
    }
}
