// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allocation, Bundle, Carrier, Charge, Status} from "../src/interfaces/ICertificates.sol";
import {ReadingOpening} from "../src/interfaces/IOpenings.sol";
import {Meter} from "../src/interfaces/IRegistry.sol";
import {Certificate, IntervalReadings, Reading, Run} from "../src/interfaces/SignedTypes.sol";
import {Founded} from "./Founded.sol";

/// @notice Certified energy through a store, through a converter, and into claims: for any amounts and efficiencies.
contract StorageTest is Founded {
    bytes32 private constant SALT = keccak256("salt");
    bytes32 private constant METER = keccak256("store");
    bytes32 private constant ROOF = keccak256("roof");

    uint64 private _runs;
    bytes32 private _lastRun;

    function setUp() public {
        found();
        registry.enrolMeter(METER, Meter(accounts[0], 2, 5_000, FIRST, 0, FIRST, type(uint64).max));
        token.mint(address(this), BOND);
        disputes.postBond(OPERATOR, BOND);
    }

    /// @dev C3: what comes out of a store is at most what went in, less the losses, and has the charge's carbon.
    function testFuzz_C3_out_is_in_less_losses(uint32 charged, uint32 fedOut, uint16 permille, uint32 carbon) public {
        permille = uint16(within(permille, 1, 1000));
        charged = uint32(within(charged, 1000, type(uint32).max));
        fedOut = uint32(within(fedOut, 1, type(uint32).max));
        certificates.enrolStore(METER, Allocation.FIRST_IN_FIRST_OUT, permille);
        (uint256 id, ReadingOpening memory intake) = _certified(ROOF, charged, carbon % 1_000, 1, charged);
        vm.prank(accounts[0]);
        certificates.charge(id, intake);
        uint256 leftWh = uint256(charged) * permille / 1000;
        Charge memory charge = certificates.chargeOf(METER, 1);
        same(charge.leftWh, leftWh, "left");
        require(uint256(charge.carbon) * leftWh >= uint256(carbon % 1_000) * charged, "carbon is not lost");

        (uint256 outId,) = _certified(METER, fedOut, 0, 0, 0);
        vm.prank(accounts[0]);
        uint256 newId = certificates.discharge(outId, 1);
        Bundle memory stored = certificates.bundleOf(newId);
        same(stored.toWh - stored.fromWh, leftWh < fedOut ? leftWh : fedOut, "stored");
        same(certificates.chargeOf(METER, 1).leftWh, leftWh < fedOut ? 0 : leftWh - fedOut, "rest of the charge");
        same(certificates.balanceOf(accounts[0], outId), 0, "the old bundle");
        require(stored.source == 2 && stored.carbon == charge.carbon && stored.status == Status.ACTIVE, "storage");
    }

    /// @dev A bundle is cancelled into a store once, and only for what that drew.
    function testFuzz_charge_needs_the_stores_intake(uint32 charged, uint32 drawn) public {
        charged = uint32(within(charged, 1000, type(uint32).max));
        certificates.enrolStore(METER, Allocation.NAMED, 900);
        (uint256 id, ReadingOpening memory intake) = _certified(ROOF, charged, 0, 1, drawn);
        vm.prank(accounts[0]);
        if (drawn < charged) vm.expectRevert();
        certificates.charge(id, intake);
        vm.prank(accounts[0]);
        vm.expectRevert();
        certificates.charge(id, drawn < charged ? _opening(intake.reading.interval, charged) : intake);
    }

    /// @dev What a converter puts out follows from its factor, lies on its own ruler, and is claimed without a meter.
    function testFuzz_conversion_is_used_once(uint32 first, uint16 factor) public {
        first = uint32(within(first, 1000, type(uint32).max));
        factor = uint16(within(factor, 1, 5_000));
        certificates.enrolConverter(METER, Carrier.HEAT, factor);
        (uint256 id, ReadingOpening memory intake) = _certified(ROOF, first, 0, 1, first);
        vm.prank(accounts[0]);
        uint256 newId = certificates.convert(id, intake);
        Bundle memory heat = certificates.bundleOf(newId);
        same(heat.toWh - heat.fromWh, uint256(first) * factor / 1000, "output");
        same(certificates.convertedWh(METER, intake.reading.interval), heat.toWh, "ruler");
        require(heat.carrier == Carrier.HEAT && heat.device == METER && heat.parent == id, "carrier");
        vm.prank(accounts[0]);
        vm.expectRevert();
        certificates.convert(newId, intake);
        vm.prank(accounts[0]);
        certificates.claimConverted(newId, accounts[1]);
        same(certificates.claimedBalanceOf(accounts[1], newId), heat.toWh - heat.fromWh, "claimed");
    }

    /// @dev A batch is what its single claims are, or nothing; a lock is seen and ends with its time.
    function testFuzz_batch_of_parts_claims_the_whole(uint32 wh, uint32 part, uint32 drawn, uint32 lockedFor) public {
        wh = uint32(within(wh, 2, type(uint32).max));
        part = uint32(within(part, 1, wh - 1));
        (uint256 id, ReadingOpening memory consumption) = _certified(ROOF, wh, 0, 1, drawn);
        uint256[] memory ids = new uint256[](2);
        vm.prank(accounts[0]);
        (ids[0], ids[1]) = certificates.split(id, part);
        uint64 until = uint64(block.timestamp + within(lockedFor, 1, 300 days));
        vm.prank(accounts[0]);
        certificates.lock(ids[1], accounts[2], until);
        (address keeper, uint64 lockedUntil) = certificates.lockOf(ids[1]);
        require(keeper == accounts[2] && lockedUntil == until, "locked");
        ReadingOpening[] memory both = new ReadingOpening[](2);
        (both[0], both[1]) = (consumption, consumption);
        vm.prank(accounts[0]);
        vm.expectRevert();
        certificates.claimBatch(ids, accounts[0], both);
        same(certificates.usedWh(METER, consumption.reading.interval), 0, "used by a batch that failed");
        vm.warp(until);
        (keeper, lockedUntil) = certificates.lockOf(ids[1]);
        require(keeper == address(0) && lockedUntil == 0, "free");
        vm.prank(accounts[0]);
        if (drawn < wh) vm.expectRevert();
        certificates.claimBatch(ids, accounts[0], both);
        uint256 claimed = certificates.claimedBalanceOf(accounts[0], ids[0])
            + certificates.claimedBalanceOf(accounts[0], ids[1]);
        same(claimed, drawn < wh ? 0 : wh, "claimed");
    }

    /// @dev A bundle out of a run of its own, in the hands of the first member, whose only meter drew `drawn`.
    function _certified(bytes32 device, uint32 wh, uint32 carbon, uint8 source, uint32 drawn)
        private
        returns (uint256 id, ReadingOpening memory opened)
    {
        uint64 interval = FIRST + _runs * LENGTH;
        vm.warp(interval + LENGTH > block.timestamp ? interval + LENGTH : block.timestamp);
        opened = _opening(interval, drawn);
        IntervalReadings memory totals =
            IntervalReadings(interval, readings.leafOfReading(opened.reading, SALT), drawn, wh);
        readings.attest(totals, quorum(oracles, readings.hashIntervalReadings(totals)));

        Certificate memory certificate = Certificate(1, device, interval, 0, wh, accounts[0], source, 1, carbon);
        Run memory run;
        run.runId = ++_runs;
        (run.firstInterval, run.lastInterval) = (interval, interval);
        run.certificatesRoot = certificates.leafOfCertificate(certificate, SALT);
        run.readingsHash = readings.historyAt(interval);
        run.netsHash = keccak256("");
        (run.importWh, run.exportWh, run.certifiedWh) = (drawn, wh, wh);
        run.previousRun = _lastRun;
        _lastRun = settlement.hashRun(run);
        settlement.settle(run, "", quorum(attestors, _lastRun));
        vm.warp(settlement.finalAt(_runs));
        vm.prank(accounts[0]);
        certificates.materialise(_runs, certificate, SALT, new bytes32[](0));
        id = uint256(run.certificatesRoot);
    }

    function _opening(uint64 interval, uint32 importWh) private pure returns (ReadingOpening memory opened) {
        (opened.reading.meter, opened.reading.interval, opened.salt) = (METER, interval, SALT);
        (opened.reading.importWh, opened.reading.quality) = (importWh, 2 << 8 | 17);
    }
}
