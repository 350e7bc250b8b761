// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDisputes} from "./interfaces/IDisputes.sol";
import {IReadings} from "./interfaces/IReadings.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {ISettlement, RunRecord} from "./interfaces/ISettlement.sol";
import {Cancel, Entry, Order, Receipt, Run, SignedOrder, Trade} from "./interfaces/SignedTypes.sol";
import {LedgerCore} from "./LedgerCore.sol";
import {QuorumLib} from "./libraries/QuorumLib.sol";
import {TypedDataLib} from "./libraries/TypedDataLib.sol";

/// @title The community's money; see ISettlement
contract Settlement is ISettlement, LedgerCore, EIP712 {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;
    using TypedDataLib for *;

    /// @inheritdoc ISettlement
    uint64 public constant EXIT_DELAY = 30 days;

    /// @inheritdoc ISettlement
    IERC20 public immutable token;

    /// @inheritdoc ISettlement
    IRegistry public immutable registry;

    /// @inheritdoc ISettlement
    IReadings public immutable readings;

    /// @inheritdoc ISettlement
    address public immutable supplier;

    uint64 private _lastRunId;
    /// @dev First run that a dispute has voided and nobody has unwound yet; 0 for none.
    uint64 private _voidFrom;
    /// @dev Attested energy that the settled runs cover, from the first interval on.
    uint128 private _settledImportWh;
    uint128 private _settledExportWh;
    mapping(uint64 runId => RunRecord) private _runs;

    /// @inheritdoc ISettlement
    mapping(uint64 runId => uint64) public finalAt;

    /// @dev What the guarantee fund paid in runs that can still be voided.
    mapping(uint64 runId => mapping(address account => uint128)) private _paidByFund;

    constructor(IERC20 token_, IRegistry registry_, IReadings readings_, address supplier_)
        EIP712("RESILIA-GRID", "1")
    {
        token = token_;
        registry = registry_;
        readings = readings_;
        supplier = supplier_;
    }

    /* MONEY IN AND OUT */

    /// @inheritdoc ISettlement
    function deposit(address account, uint256 amount) public {
        // No need to ask for membership: whoever is credited can withdraw.
        _deposit(account, amount.toUint128());
        emit Deposited(account, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc ISettlement
    function depositWithPermit(address account, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        // A permit that somebody else submitted first has done its work; without allowance the deposit fails anyway.
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        deposit(account, amount);
    }

    /// @inheritdoc ISettlement
    function requestWithdrawal(uint256 amount) external {
        uint64 exitAt = (block.timestamp + EXIT_DELAY).toUint64();
        _setAside(msg.sender, amount.toUint128(), _lastRunId, exitAt);
        emit WithdrawalRequested(msg.sender, amount, _lastRunId);
    }

    /// @inheritdoc ISettlement
    function withdraw() external {
        Account storage account = _accounts[msg.sender];
        uint64 afterRun = account.afterRun;
        bool exitOpen = block.timestamp >= account.exitAt && (_voidFrom == 0 || afterRun < _voidFrom);
        uint128 amount = _release(msg.sender, exitOpen || isFinal(afterRun + 1));
        emit Withdrawn(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc ISettlement
    function fundGuarantee(uint256 amount) external {
        _fundGuarantee(amount.toUint128());
        emit GuaranteeFunded(msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /* RUNS */

    /// @inheritdoc ISettlement
    function settle(Run calldata run, bytes calldata nets, bytes[] calldata signatures) external {
        _requireNext(run);
        uint64 window = _requireBonded();
        (uint128 importWh, uint128 exportWh) = _requireAttested(run);
        if (keccak256(nets) != run.netsHash) revert NetsMismatch(keccak256(nets), run.netsHash);
        bytes32 runHash = hashRun(run);
        QuorumLib.requireQuorum(
            runHash, signatures, registry.attestorQuorum(), run.lastInterval, registry.isAttestor
        );

        _lastRunId = run.runId;
        _settledImportWh = importWh;
        _settledExportWh = exportWh;
        _runs[run.runId] = RunRecord({
            runHash: runHash,
            certificatesRoot: run.certificatesRoot,
            tradesRoot: run.tradesRoot,
            entriesRoot: run.entriesRoot,
            ordersRoot: run.ordersRoot,
            certifiedWh: run.certifiedWh,
            firstInterval: run.firstInterval,
            lastInterval: run.lastInterval
        });
        if (window != 0) finalAt[run.runId] = (block.timestamp + window).toUint64();
        _applyNets(run.runId, nets);
        emit RunSettled(
            run.runId,
            runHash,
            run.firstInterval,
            run.lastInterval,
            run.tradesRoot,
            run.certificatesRoot,
            run.tradedWh,
            run.certifiedWh
        );
        emit RunPublished(run.runId, run, nets);
    }

    /// @inheritdoc ISettlement
    function voidRun(uint64 runId) external {
        if (msg.sender != registry.disputes()) revert NotTheDisputes(msg.sender);
        if (!isOpen(runId)) revert RunNotOpen(runId);
        _voidFrom = runId;
        emit RunVoided(runId, _runs[runId].runHash);
    }

    /// @inheritdoc ISettlement
    function unwind(Run calldata run, bytes calldata nets) external {
        uint64 runId = _lastRunId;
        bytes32 runHash = hashRun(run);
        if (_voidFrom == 0) revert NothingToUnwind();
        if (runHash != _runs[runId].runHash) revert UnexpectedRun(run.runId, runId);
        if (keccak256(nets) != run.netsHash) revert NetsMismatch(keccak256(nets), run.netsHash);

        _lastRunId = runId - 1;
        _settledImportWh -= run.importWh;
        _settledExportWh -= run.exportWh;
        if (_voidFrom == runId) _voidFrom = 0;
        delete _runs[runId];
        delete finalAt[runId];
        for (uint256 offset = 0; offset < nets.length; offset += 32) {
            (address account, int96 net) = _netAt(nets, offset);
            _reverseNet(account, net, _paidByFund[runId][account]);
            delete _paidByFund[runId][account];
        }
        emit RunUnwound(runId, runHash);
    }

    /* VIEWS */

    /// @inheritdoc ISettlement
    function balanceOf(address account) external view returns (uint256) {
        return _accounts[account].free;
    }

    /// @inheritdoc ISettlement
    function pendingOf(address account) external view returns (uint256 amount, uint64 afterRun, uint64 exitAt) {
        Account storage entry = _accounts[account];
        return (entry.pending, entry.afterRun, entry.exitAt);
    }

    /// @inheritdoc ISettlement
    function guaranteeFund() external view returns (uint256) {
        return _guaranteeFund;
    }

    /// @inheritdoc ISettlement
    function totalHeld() external view returns (uint256) {
        return _totalHeld;
    }

    /// @inheritdoc ISettlement
    function lastRun() external view returns (uint64 runId, bytes32 runHash, uint64 lastInterval) {
        runId = _lastRunId;
        return (runId, _runs[runId].runHash, _runs[runId].lastInterval);
    }

    /// @inheritdoc ISettlement
    function runAt(uint64 runId) external view returns (RunRecord memory) {
        if (runId == 0 || runId > _lastRunId) revert UnknownRun(runId);
        return _runs[runId];
    }

    /// @inheritdoc ISettlement
    function isFinal(uint64 runId) public view returns (bool) {
        return _stands(runId) && block.timestamp >= finalAt[runId];
    }

    /// @inheritdoc ISettlement
    function isOpen(uint64 runId) public view returns (bool) {
        return _stands(runId) && block.timestamp < finalAt[runId];
    }

    /// @inheritdoc ISettlement
    function voidFrom() external view returns (uint64) {
        return _voidFrom;
    }

    /* DIGESTS AND LEAVES */

    /// @inheritdoc ISettlement
    function hashOrder(Order calldata order) external view returns (bytes32) {
        return _hashTypedDataV4(order.hash());
    }

    /// @inheritdoc ISettlement
    function hashCancel(Cancel calldata cancel) external view returns (bytes32) {
        return _hashTypedDataV4(cancel.hash());
    }

    /// @inheritdoc ISettlement
    function hashReceipt(Receipt calldata receipt) external view returns (bytes32) {
        return _hashTypedDataV4(receipt.hash());
    }

    /// @inheritdoc ISettlement
    function hashRun(Run calldata run) public view returns (bytes32) {
        return _hashTypedDataV4(run.hash());
    }

    /// @inheritdoc ISettlement
    function leafOfOrder(SignedOrder calldata order, bytes32 salt) external pure returns (bytes32) {
        return TypedDataLib.leaf(order.hash(), salt);
    }

    /// @inheritdoc ISettlement
    function leafOfTrade(Trade calldata trade, bytes32 salt) external pure returns (bytes32) {
        return TypedDataLib.leaf(trade.hash(), salt);
    }

    /// @inheritdoc ISettlement
    function leafOfEntry(Entry calldata entry, bytes32 salt) external pure returns (bytes32) {
        return TypedDataLib.leaf(entry.hash(), salt);
    }

    /* PRIVATE FUNCTIONS */

    /// @dev Settled, and no dispute has voided it or a run before it.
    function _stands(uint64 runId) private view returns (bool) {
        return runId != 0 && runId <= _lastRunId && (_voidFrom == 0 || runId < _voidFrom);
    }

    /// @return window How long a run can be challenged, s; 0 while the community has no disputes.
    function _requireBonded() private view returns (uint64 window) {
        window = registry.challengeWindow();
        if (window != 0 && !IDisputes(registry.disputes()).isBonded()) revert OperatorNotBonded();
    }

    /// @dev S3: runs follow each other without a gap, a repeat or a second branch, from the first attested interval on;
    /// so every Wh is settled once.
    function _requireNext(Run calldata run) private view {
        if (_voidFrom != 0) revert RunIsVoid(_voidFrom);
        uint64 lastRunId = _lastRunId;
        RunRecord storage last = _runs[lastRunId];
        if (run.runId != lastRunId + 1) revert UnexpectedRun(run.runId, lastRunId + 1);
        // Before the first run the record is empty and its hash zero.
        if (run.previousRun != last.runHash) revert PreviousRunMismatch(run.previousRun, last.runHash);
        uint64 expected =
            lastRunId == 0 ? readings.firstInterval() : last.lastInterval + readings.intervalLength();
        if (run.firstInterval != expected) revert FirstIntervalMismatch(run.firstInterval, expected);
        if (run.lastInterval < run.firstInterval) revert IntervalsReversed(run.firstInterval, run.lastInterval);
    }

    /// @dev S4, C1: a run settles and certifies what the oracles attested, no more and no less.
    /// @return importWh Attested import up to and including the run's last interval, Wh.
    /// @return exportWh The same of the export.
    function _requireAttested(Run calldata run) private view returns (uint128 importWh, uint128 exportWh) {
        bytes32 history = readings.historyAt(run.lastInterval);
        if (run.readingsHash != history) revert ReadingsMismatch(run.readingsHash, history);
        (importWh, exportWh) = readings.cumulative(run.lastInterval);
        uint128 runImportWh = importWh - _settledImportWh;
        uint128 runExportWh = exportWh - _settledExportWh;
        if (run.importWh != runImportWh || run.exportWh != runExportWh) {
            revert TotalsMismatch(run.importWh, run.exportWh, runImportWh, runExportWh);
        }
        // Traded energy has no such bound: trades are contracts, and may exceed what was delivered.
        if (run.certifiedWh > run.exportWh) revert CertifiedBeyondExport(run.certifiedWh, run.exportWh);
    }

    /// @dev Move the nets of a run, one per account; the loop is as long as the caller's data.
    function _applyNets(uint64 runId, bytes calldata nets) private {
        if (nets.length % 32 != 0) revert NetsMalformed(nets.length);
        int256 sum = 0;
        // Nobody's net can be the zero address's, for it does not ascend.
        address previous = address(0);
        for (uint256 offset = 0; offset < nets.length; offset += 32) {
            (address account, int96 net) = _netAt(nets, offset);
            if (account <= previous) revert AccountsNotAscending(previous, account);
            if (account != supplier && !registry.isMember(account)) revert UnknownAccount(account);
            uint128 fromFund = _applyNet(account, net);
            if (fromFund != 0) {
                if (finalAt[runId] != 0) _paidByFund[runId][account] = fromFund;
                emit GuaranteeUsed(runId, account, fromFund);
            }
            sum += net;
            previous = account;
        }
        if (sum != 0) revert NetsNotZero(sum); // S1
    }

    function _netAt(bytes calldata nets, uint256 offset) private pure returns (address account, int96 net) {
        bytes32 word = bytes32(nets[offset:offset + 32]);
        return (address(bytes20(word)), int96(uint96(uint256(word))));
    }
}
