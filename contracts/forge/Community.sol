// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bundle, Status} from "../src/interfaces/ICertificates.sol";
import {TradeOpening} from "../src/interfaces/IOpenings.sol";
import {Meter} from "../src/interfaces/IRegistry.sol";
import {Certificate, IntervalReadings, Reading, Run, Trade} from "../src/interfaces/SignedTypes.sol";
import {Founded} from "./Founded.sol";

/// @notice What members, oracles, attestors, the operator and challengers may do, in any sequence; and an auditor that
/// keeps its own books. Every function succeeds, or fails in the way that the books foresee.
contract Community is Founded {
    struct Settled {
        Run run;
        bytes nets;
        int256[4] net;
        uint256[4] paidByFund;
        Trade trade;
        Certificate certificate;
        bool isFraud;
        uint256 materialisedId;
    }

    bytes32 internal constant SALT = keccak256("salt");
    bytes32 public constant METER = keccak256("meter");

    /// @dev Per account, in the sequence of `accounts`.
    uint256[4] public deposited;
    uint256[4] public withdrawn;
    uint256 public funded;
    uint256 public slashedToFund;
    uint256 public lastAttested;
    uint256 public bond;
    uint256 public readyAt;
    uint256 public allClaimedWh;
    /// @dev What was claimed of the meter's draw, or charged with.
    mapping(uint64 interval => uint256) public usedWh;
    mapping(uint256 id => bool) public ended;
    uint256 public equivocations;
    mapping(bytes4 => uint256) public done;

    /// @dev Runs that stand or are void but not unwound, by number less one.
    Settled[] private _runs;
    uint256 private _voidFrom;
    uint256[] internal _ids;
    mapping(uint64 interval => uint32) public importWhAt;

    constructor() {
        found();
        registry.enrolMeter(METER, Meter(accounts[1], 2, 3_000, FIRST, 0, FIRST, type(uint64).max));
        for (uint256 i = 0; i < 4; i++) deposit(i, 1e12);
        _post(BOND);
    }

    modifier counted() {
        _;
        done[msg.sig]++;
    }

    /* MONEY */

    function deposit(uint256 who, uint256 amount) public counted {
        (who, amount) = (who % 4, amount % 1e12);
        token.mint(address(this), amount);
        settlement.deposit(accounts[who], amount);
        deposited[who] += amount;
    }

    function fundGuarantee(uint256 amount) external counted {
        amount %= 1e9;
        token.mint(address(this), amount);
        settlement.fundGuarantee(amount);
        funded += amount;
    }

    function requestWithdrawal(uint256 who, uint256 amount) external counted {
        who %= 4;
        amount = within(amount, 0, settlement.balanceOf(accounts[who]));
        vm.prank(accounts[who]);
        settlement.requestWithdrawal(amount);
    }

    function withdraw(uint256 who) public counted {
        who %= 4;
        (uint256 pending, uint64 afterRun, uint64 exitAt) = settlement.pendingOf(accounts[who]);
        bool voided = _voidFrom != 0 && afterRun >= _voidFrom;
        bool ready = !voided && (block.timestamp >= exitAt || _isFinal(afterRun + 1));
        vm.prank(accounts[who]);
        if (pending == 0 || !ready) vm.expectRevert();
        settlement.withdraw();
        if (pending != 0 && ready) withdrawn[who] += pending;
    }

    /// @dev Whatever has happened before: a member gets all of its money out, with nobody's help but the public's. Then
    /// it did not happen, or every window would be over, and every certificate expired, after a few of these.
    function takeAllOut(uint256 who) external counted {
        who %= 4;
        uint256 before = vm.snapshotState();
        while (_voidFrom != 0) unwind();
        uint256 balance = settlement.balanceOf(accounts[who]);
        vm.prank(accounts[who]);
        settlement.requestWithdrawal(balance);
        vm.warp(block.timestamp + settlement.EXIT_DELAY());
        withdraw(who);
        same(settlement.balanceOf(accounts[who]), 0, "left");
        (uint256 rest,,) = settlement.pendingOf(accounts[who]);
        same(rest, 0, "left behind");
        same(token.balanceOf(accounts[who]), withdrawn[who], "taken out");
        vm.revertToState(before);
    }

    function letPass(uint256 time) external counted {
        vm.warp(block.timestamp + within(time, 1, 4 days));
    }

    /* RUNS */

    function attest(uint32 importWh, uint32 exportWh) public counted {
        uint64 interval = lastAttested == 0 ? FIRST : uint64(lastAttested) + LENGTH;
        if (block.timestamp < interval + LENGTH) vm.warp(interval + LENGTH);
        importWhAt[interval] = importWh;
        exportWh /= 8; // So that most of it can be used in its interval.
        bytes32 root = readings.leafOfReading(_readingOf(interval), SALT);
        IntervalReadings memory totals = IntervalReadings(interval, root, importWh, exportWh);
        readings.attest(totals, quorum(oracles, readings.hashIntervalReadings(totals)));
        lastAttested = interval;
    }

    /// @param seed Of the nets.
    /// @param bent Which field of the run is not as it must be; none for most.
    function settle(uint256 seed, uint8 bent, bool isFraud, bool certify) external counted {
        uint64 first = _runs.length == 0 ? FIRST : _runs[_runs.length - 1].run.lastInterval + LENGTH;
        if (lastAttested < first) attest(uint32(seed), uint32(seed >> 32));
        Settled memory next = _next(first, seed, isFraud, certify);
        bool refused = _bend(next.run, bent) || _voidFrom != 0 || bond < BOND || !_covered(next);
        bytes[] memory signatures = quorum(attestors, settlement.hashRun(next.run));
        if (refused) vm.expectRevert();
        settlement.settle(next.run, next.nets, signatures);
        if (!refused) _keep(next);
    }

    /// @dev Somebody opens the only trade of a run: that voids a run in which an account trades with itself.
    function challenge(uint256 which) external counted {
        if (_runs.length == 0) return;
        which = _runs.length - 1 - which % (_runs.length < 3 ? _runs.length : 3);
        Settled storage run = _runs[which];
        uint64 runId = uint64(which + 1);
        bool open = (_voidFrom == 0 || runId < _voidFrom) && block.timestamp < settlement.finalAt(runId);
        if (!run.isFraud || !open) vm.expectRevert();
        disputes.proveSelfTrade(runId, TradeOpening(run.trade, SALT, new bytes32[](0)));
        if (!run.isFraud || !open) return;
        _voidFrom = runId;
        uint256 slashed = bond < BOND ? bond : BOND;
        bond -= slashed;
        slashedToFund += slashed - slashed / 2;
    }

    function unwind() public counted {
        if (_voidFrom == 0) vm.expectRevert();
        uint256 last = _runs.length;
        Run memory empty;
        if (last == 0) {
            settlement.unwind(empty, "");
            return;
        }
        settlement.unwind(_runs[last - 1].run, _runs[last - 1].nets);
        if (_voidFrom == 0) return;
        if (_voidFrom == last) _voidFrom = 0;
        _runs.pop();
    }

    /* BONDS AND ORACLES */

    function post(uint256 amount) external counted {
        _post(amount % (2 * BOND));
    }

    function takeBond() external counted {
        bool bound = _runs.length != 0 && !_isFinal(uint64(_runs.length));
        vm.prank(OPERATOR);
        if (bound) vm.expectRevert();
        disputes.announceBondWithdrawal();
        if (!bound) readyAt = block.timestamp + disputes.BOND_DELAY();
        vm.prank(OPERATOR);
        if (bound || block.timestamp < readyAt) vm.expectRevert();
        disputes.withdrawBond();
    }

    /// @dev An oracle signs two readings: once, for two of three have to stay.
    function equivocate(uint32 importWh) external counted {
        if (equivocations != 0) return;
        Reading memory first;
        Reading memory second;
        (first.interval, second.interval) = (FIRST, FIRST);
        second.importWh = 1 + uint64(importWh);
        bytes memory one = signature(oracles[2], readings.hashReading(first));
        bytes memory other = signature(oracles[2], readings.hashReading(second));
        vm.expectRevert();
        disputes.proveEquivocation(first, one, first, one);
        disputes.proveEquivocation(first, one, second, other);
        equivocations++;
    }

    /* CERTIFICATES */

    function materialise(uint256 which) external counted {
        if (_runs.length == 0) return;
        which %= _runs.length;
        Settled storage run = _runs[which];
        uint64 runId = uint64(which + 1);
        bool refused = run.run.certifiedWh == 0 || !_isFinal(runId) || run.materialisedId != 0;
        vm.prank(run.certificate.owner);
        if (refused) vm.expectRevert();
        certificates.materialise(runId, run.certificate, SALT, new bytes32[](0));
        if (refused) return;
        run.materialisedId = uint256(certificates.leafOfCertificate(run.certificate, SALT));
        _ids.push(run.materialisedId);
    }

    function split(uint256 which, uint64 part) external counted {
        if (_ids.length == 0) return;
        (uint256 id, Bundle memory bundle) = _bundle(which);
        uint64 wh = bundle.toWh - bundle.fromWh;
        part = uint64(within(part, 0, wh));
        bool refused = bundle.status != Status.ACTIVE || part == 0 || part == wh;
        vm.prank(bundle.holder);
        if (refused) vm.expectRevert();
        (uint256 first, uint256 second) = certificates.split(id, part);
        if (refused) return;
        ended[id] = true;
        _ids.push(first);
        _ids.push(second);
    }

    function hand(uint256 which, uint256 to) external counted {
        if (_ids.length == 0) return;
        (uint256 id, Bundle memory bundle) = _bundle(which);
        vm.prank(bundle.holder);
        if (bundle.status != Status.ACTIVE) vm.expectRevert();
        certificates.safeTransferFrom(bundle.holder, accounts[to % 4], id, bundle.toWh - bundle.fromWh, "");
    }

    /// @dev Seldom, so that something is left to use.
    function withdrawCertificate(uint256 which) external counted {
        if (_ids.length == 0 || which >> 8 & 7 != 0) return;
        (uint256 id, Bundle memory bundle) = _bundle(which);
        vm.prank(bundle.holder);
        if (bundle.status != Status.ACTIVE) vm.expectRevert();
        certificates.withdraw(id);
        if (bundle.status == Status.ACTIVE) ended[id] = true;
    }

    /* THE AUDITOR'S BOOKS */

    function runs() external view returns (uint256) {
        return _runs.length;
    }

    function settled(uint256 place) external view returns (Settled memory) {
        return _runs[place];
    }

    function account(uint256 place) external view returns (address) {
        return accounts[place];
    }

    function voidFrom() external view returns (uint256) {
        return _voidFrom;
    }

    function materialised() external view returns (uint256[] memory) {
        return _ids;
    }

    function oracle(uint256 place) external view returns (address) {
        return vm.addr(oracles[place]);
    }

    /// @dev As they are made here.
    function isEstimated(uint32 importWh) public pure returns (bool) {
        return importWh % 8 == 7;
    }

    /* PRIVATE FUNCTIONS */

    /// @dev Say whether the only meter drew so much in the bundle's interval, and has not used it up.
    function _isUsable(Bundle memory bundle) internal view returns (bool) {
        uint32 importWh = importWhAt[bundle.interval];
        return !isEstimated(importWh) && usedWh[bundle.interval] + bundle.toWh - bundle.fromWh <= importWh;
    }

    function _bundle(uint256 which) internal view returns (uint256 id, Bundle memory bundle) {
        id = _ids[which % _ids.length];
        bundle = certificates.bundleOf(id);
    }

    /// @dev The only meter measures all; an eighth of its readings are estimates.
    function _readingOf(uint64 interval) internal view returns (Reading memory reading) {
        uint32 importWh = importWhAt[interval];
        uint16 quality = isEstimated(importWh) ? 2 << 8 | 56 : 2 << 8 | 17;
        (reading.meter, reading.interval, reading.importWh, reading.quality) = (METER, interval, importWh, quality);
    }

    function _post(uint256 amount) private {
        token.mint(address(this), amount);
        disputes.postBond(OPERATOR, amount);
        bond += amount;
    }

    function _isFinal(uint64 runId) private view returns (bool) {
        bool stands = runId <= _runs.length && (_voidFrom == 0 || runId < _voidFrom);
        return stands && block.timestamp >= settlement.finalAt(runId);
    }

    function _next(uint64 first, uint256 seed, bool isFraud, bool certify) private view returns (Settled memory next) {
        next.isFraud = isFraud;
        next.trade.interval = first;
        next.trade.buyer = accounts[0];
        next.trade.seller = isFraud ? accounts[0] : accounts[1];
        // Three random nets; the last account takes what is left. Some are beyond what an account has.
        for (uint256 i = 0; i < 3; i++) {
            int256 net = int256(uint256(uint64(seed >> (64 * i))) % 4e11) - 2e11;
            next.net[i] = net;
            next.net[3] -= net;
        }
        for (uint256 i = 0; i < 4; i++) {
            next.nets = bytes.concat(next.nets, bytes20(accounts[i]), bytes12(uint96(int96(next.net[i]))));
        }
        Run memory run = next.run;
        run.runId = uint64(_runs.length + 1);
        run.firstInterval = first;
        run.lastInterval = uint64(lastAttested);
        run.tradesRoot = settlement.leafOfTrade(next.trade, SALT);
        run.readingsHash = readings.historyAt(run.lastInterval);
        run.netsHash = keccak256(next.nets);
        (uint128 importWh, uint128 exportWh) = readings.cumulative(run.lastInterval);
        (uint128 importBefore, uint128 exportBefore) = first == FIRST ? (0, 0) : readings.cumulative(first - LENGTH);
        run.importWh = uint64(importWh - importBefore);
        run.exportWh = uint64(exportWh - exportBefore);
        if (certify) run.certifiedWh = run.exportWh;
        next.certificate.number = run.runId;
        next.certificate.interval = first;
        next.certificate.toWh = run.certifiedWh;
        next.certificate.owner = accounts[0];
        // Every other one is of the store, whose origin only its charges tell.
        if (seed >> 200 & 1 == 0) next.certificate.source = 1;
        else next.certificate.device = METER;
        next.certificate.state = 1;
        run.certificatesRoot = certificates.leafOfCertificate(next.certificate, SALT);
        if (run.runId != 1) run.previousRun = settlement.hashRun(_runs[_runs.length - 1].run);
    }

    /// @dev Falsify what the contract itself must notice.
    function _bend(Run memory run, uint8 field) private pure returns (bool) {
        if (field == 0) run.runId++;
        else if (field == 1) run.firstInterval += LENGTH;
        else if (field == 2) run.lastInterval += LENGTH;
        else if (field == 3) run.importWh++;
        else if (field == 4) run.exportWh++;
        else if (field == 5) run.certifiedWh = run.exportWh + 1;
        else if (field == 6) run.readingsHash = keccak256("others");
        else if (field == 7) run.netsHash = keccak256("others");
        else if (field == 8) run.previousRun = keccak256("others");
        else return false;
        return true;
    }

    /// @dev Say whether the accounts and the fund can pay, and note what the fund pays.
    function _covered(Settled memory next) private view returns (bool) {
        uint256 fund = settlement.guaranteeFund();
        for (uint256 i = 0; i < 4; i++) {
            if (next.net[i] >= 0) continue;
            (uint256 pending,,) = settlement.pendingOf(accounts[i]);
            uint256 own = settlement.balanceOf(accounts[i]) + pending;
            uint256 owed = uint256(-next.net[i]);
            if (owed <= own) continue;
            next.paidByFund[i] = owed - own;
            if (owed - own > fund) return false;
            fund -= owed - own;
        }
        return true;
    }

    function _keep(Settled memory next) private {
        Settled storage kept = _runs.push();
        kept.run = next.run;
        kept.nets = next.nets;
        kept.net = next.net;
        kept.paidByFund = next.paidByFund;
        kept.trade = next.trade;
        kept.certificate = next.certificate;
        kept.isFraud = next.isFraud;
    }
}
