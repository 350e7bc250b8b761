// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IDisputes} from "./interfaces/IDisputes.sol";
import {IReadings} from "./interfaces/IReadings.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {ISettlement, Paging, RunRecord} from "./interfaces/ISettlement.sol";
import {Cancel, Entry, Order, Receipt, Run, SignedOrder, Trade} from "./interfaces/SignedTypes.sol";
import {LedgerCore} from "./LedgerCore.sol";
import {NetsLib} from "./libraries/NetsLib.sol";
import {QuorumLib} from "./libraries/QuorumLib.sol";
import {TypedDataLib} from "./libraries/TypedDataLib.sol";

/// @title The community's money; see ISettlement
contract Settlement is ISettlement, LedgerCore, EIP712 {
    using SafeCast for int256;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;
    using TypedDataLib for *;

    /// @inheritdoc ISettlement
    uint64 public constant EXIT_DELAY = 30 days;

    /// @inheritdoc ISettlement
    uint64 public constant PAGE_TIME = 1 days;

    /// @inheritdoc ISettlement
    uint64 public constant PAUSE_MAX = 7 days;

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
    /// @inheritdoc ISettlement
    uint64 public pausedUntil;
    /// @dev When the first page of the next run was settled; 0 while no run is between its pages.
    uint64 private _openedAt;
    /// @dev Attested energy that the settled runs cover, from the first interval on.
    uint128 private _settledImportWh;
    uint128 private _settledExportWh;
    mapping(uint64 runId => RunRecord) private _runs;
    Paging private _paging;

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
        // A wrong address is seen before the members take the contract for theirs.
        // slither-disable-next-line missing-zero-check
        supplier = supplier_;
    }

    /// @dev A pause keeps money and runs out, and nothing in.
    modifier unlessPaused() {
        if (block.timestamp < pausedUntil) revert Paused(pausedUntil);
        _;
    }

    /* MONEY IN AND OUT */

    /// @inheritdoc ISettlement
    function deposit(address account, uint256 amount) public unlessPaused {
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
        // The token is the community's own and calls nobody back.
        // slither-disable-next-line reentrancy-benign,reentrancy-events
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        deposit(account, amount);
    }

    /// @inheritdoc ISettlement
    function requestWithdrawal(uint256 amount) external {
        _request(msg.sender, amount.toUint128());
    }

    /// @inheritdoc ISettlement
    function requestWithdrawalOf(address account) external {
        _requireSuccessor(account);
        _request(account, _accounts[account].free);
    }

    /// @inheritdoc ISettlement
    function withdraw() external {
        _withdraw(msg.sender);
    }

    /// @inheritdoc ISettlement
    function withdrawOf(address account) external {
        _requireSuccessor(account);
        _withdraw(account);
    }

    /// @inheritdoc ISettlement
    function fundGuarantee(uint256 amount) external {
        _fundGuarantee(amount.toUint128());
        emit GuaranteeFunded(msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /* RUNS */

    /// @inheritdoc ISettlement
    function settle(Run calldata run, bytes calldata nets, bytes[] calldata signatures) external unlessPaused {
        if (_openedAt != 0) revert RunInPages(_paging.runHash);
        bytes32 runHash = _requireSettleable(run, signatures);
        _requireNets(nets, 0, run.netsHash);
        bool voidable = _record(run, runHash);
        (, int256 sum) = _applyNets(run.runId, nets, address(0), voidable);
        _publish(run, runHash, nets, sum);
    }

    /// @inheritdoc ISettlement
    function settlePage(Run calldata run, bytes calldata nets, bytes32 rest, bytes[] calldata signatures)
        external
        unlessPaused
    {
        Paging memory pages = _paging;
        if (_openedAt == 0) {
            // A void run that is being unwound page by page keeps the next one out: it is void.
            pages = Paging(_requireSettleable(run, signatures), run.netsHash, address(0), 0, false, 0);
            _openedAt = block.timestamp.toUint64();
        } else {
            if (hashRun(run) != pages.runHash) revert RunInPages(pages.runHash);
            if (_voidFrom != 0) revert RunIsVoid(_voidFrom);
            if (pages.undoing || block.timestamp >= _openedAt + PAGE_TIME) revert PagesOverdue(_openedAt + PAGE_TIME);
        }
        _requireNets(nets, rest, pages.left);
        (pages.last, pages.sum) = _applyPage(run.runId, nets, pages.last, pages.sum);
        if (rest != 0) {
            (pages.left, pages.count) = (rest, pages.count + 1);
            _paging = pages;
            emit PageSettled(run.runId, pages.runHash, nets);
            return;
        }
        delete _paging;
        _openedAt = 0;
        _record(run, pages.runHash);
        _publish(run, pages.runHash, nets, pages.sum);
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
        undoPage(run, nets, 0);
    }

    /// @inheritdoc ISettlement
    function undoPage(Run calldata run, bytes calldata nets, bytes32 rest) public {
        Paging memory pages = _paging;
        bool unfinished = _openedAt != 0;
        bytes32 runHash = hashRun(run);
        if (!pages.undoing) {
            if (unfinished && _voidFrom == 0 && block.timestamp < _openedAt + PAGE_TIME) {
                revert PagesNotOverdue(_openedAt + PAGE_TIME);
            }
            if (!unfinished) {
                if (_voidFrom == 0) revert NothingToUnwind();
                // All pages of a settled run go back: until there is no rest.
                (pages.runHash, pages.count) = (_runs[_lastRunId].runHash, type(uint32).max);
            }
            (pages.undoing, pages.left) = (true, run.netsHash);
        }
        if (runHash != pages.runHash) revert UnexpectedRun(run.runId, unfinished ? _lastRunId + 1 : _lastRunId);
        _requireNets(nets, rest, pages.left);
        _reverseNets(run.runId, nets);
        (pages.left, pages.count) = (rest, pages.count - 1);
        if (rest != 0 && pages.count != 0) {
            _paging = pages;
            emit PageUndone(run.runId, runHash, keccak256(nets));
            return;
        }
        delete _paging;
        if (unfinished) _openedAt = 0;
        else _forget(run);
        emit RunUnwound(run.runId, runHash);
    }

    /* PAUSE */

    /// @inheritdoc ISettlement
    function pause() external {
        address community = Ownable(address(registry)).owner();
        if (msg.sender != community) revert NotTheCommunity(msg.sender, community);
        // As long a time without a pause follows each pause: whoever holds the key can not stop the market for ever.
        if (pausedUntil != 0 && block.timestamp < pausedUntil + PAUSE_MAX) revert Paused(pausedUntil);
        pausedUntil = (block.timestamp + PAUSE_MAX).toUint64();
        emit PausedUntil(pausedUntil);
    }

    /// @inheritdoc ISettlement
    function resume() external {
        address community = Ownable(address(registry)).owner();
        if (msg.sender != community) revert NotTheCommunity(msg.sender, community);
        if (block.timestamp >= pausedUntil) revert NotPaused();
        pausedUntil = block.timestamp.toUint64();
        emit PausedUntil(pausedUntil);
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

    /// @inheritdoc ISettlement
    function paging() external view returns (uint64 openedAt, Paging memory) {
        return (_openedAt, _paging);
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

    function _request(address account, uint128 amount) private {
        _setAside(account, amount, _lastRunId, (block.timestamp + EXIT_DELAY).toUint64());
        emit WithdrawalRequested(account, amount, _lastRunId);
    }

    /// @dev Pay what an account has set aside to the caller.
    function _withdraw(address owner) private {
        Account storage account = _accounts[owner];
        uint64 afterRun = account.afterRun;
        // Money that a void run, or the pages of an unfinished one, may have brought stays until they are undone.
        // 0 says that there is none.
        // slither-disable-next-line incorrect-equality
        bool older = (_voidFrom == 0 || afterRun < _voidFrom)
            && (_openedAt == 0 || account.exitAt < _openedAt + EXIT_DELAY);
        bool exitOpen = block.timestamp >= account.exitAt && older;
        uint128 amount = _release(owner, exitOpen || isFinal(afterRun + 1));
        emit Withdrawn(owner, amount);
        token.safeTransfer(msg.sender, amount);
    }

    function _requireSuccessor(address account) private view {
        address successor = registry.successorOf(account);
        if (msg.sender != successor) revert NotTheSuccessor(msg.sender, successor);
    }

    /// @dev Settled, and no dispute has voided it or a run before it.
    function _stands(uint64 runId) private view returns (bool) {
        return runId != 0 && runId <= _lastRunId && (_voidFrom == 0 || runId < _voidFrom);
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
    function _requireAttested(Run calldata run) private view {
        bytes32 history = readings.historyAt(run.lastInterval);
        if (run.readingsHash != history) revert ReadingsMismatch(run.readingsHash, history);
        (uint128 importWh, uint128 exportWh) = readings.cumulative(run.lastInterval);
        (importWh, exportWh) = (importWh - _settledImportWh, exportWh - _settledExportWh);
        if (run.importWh != importWh || run.exportWh != exportWh) {
            revert TotalsMismatch(run.importWh, run.exportWh, importWh, exportWh);
        }
        // Traded energy has no such bound: trades are contracts, and may exceed what was delivered.
        if (run.certifiedWh > run.exportWh) revert CertifiedBeyondExport(run.certifiedWh, run.exportWh);
    }

    /// @dev Everything about a run but its nets.
    function _requireSettleable(Run calldata run, bytes[] calldata signatures) private view returns (bytes32 runHash) {
        _requireNext(run);
        uint64 window = registry.challengeWindow();
        if (window != 0 && !IDisputes(registry.disputes()).isBonded()) revert OperatorNotBonded();
        _requireAttested(run);
        runHash = hashRun(run);
        QuorumLib.requireQuorum(
            runHash, signatures, registry.attestorQuorum(), run.lastInterval, registry.isAttestor
        );
    }

    function _requireNets(bytes calldata nets, bytes32 rest, bytes32 expected) private pure {
        bytes32 hash = NetsLib.fold(keccak256(nets), rest);
        if (hash != expected) revert NetsMismatch(hash, expected);
    }

    /// @return voidable Whether a dispute can still void the run.
    function _record(Run calldata run, bytes32 runHash) private returns (bool voidable) {
        _lastRunId = run.runId;
        _settledImportWh += run.importWh;
        _settledExportWh += run.exportWh;
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
        uint64 window = registry.challengeWindow();
        voidable = window != 0;
        if (voidable) finalAt[run.runId] = (block.timestamp + window).toUint64();
    }

    /// @param sum Of all nets of the run.
    function _publish(Run calldata run, bytes32 runHash, bytes calldata nets, int256 sum) private {
        if (sum != 0) revert NetsNotZero(sum); // S1
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

    function _forget(Run calldata run) private {
        uint64 runId = run.runId;
        _lastRunId = runId - 1;
        _settledImportWh -= run.importWh;
        _settledExportWh -= run.exportWh;
        if (_voidFrom == runId) _voidFrom = 0;
        delete _runs[runId];
        delete finalAt[runId];
    }

    function _applyPage(uint64 runId, bytes calldata nets, address previous, int256 sum)
        private
        returns (address last, int128)
    {
        int256 pageSum;
        (last, pageSum) = _applyNets(runId, nets, previous, true);
        return (last, (sum + pageSum).toInt128());
    }

    /// @dev Move the nets of a page, one per account; the loop is as long as the caller's data.
    /// @param previous The last account of the page before. Nobody's net can be the zero address's.
    /// @param voidable Whether the nets may have to go back.
    function _applyNets(uint64 runId, bytes calldata nets, address previous, bool voidable)
        private
        returns (address last, int256 sum)
    {
        if (nets.length % 32 != 0) revert NetsMalformed(nets.length);
        last = previous;
        for (uint256 offset = 0; offset < nets.length; offset += 32) {
            (address account, int96 net) = NetsLib.wordAt(nets, offset);
            if (account <= last) revert AccountsNotAscending(last, account);
            if (account != supplier && !registry.isParty(account)) revert UnknownAccount(account);
            uint128 fromFund = _applyNet(account, net);
            if (fromFund != 0) {
                if (voidable) _paidByFund[runId][account] = fromFund;
                emit GuaranteeUsed(runId, account, fromFund);
            }
            sum += net;
            last = account;
        }
    }

    function _reverseNets(uint64 runId, bytes calldata nets) private {
        for (uint256 offset = 0; offset < nets.length; offset += 32) {
            (address account, int96 net) = NetsLib.wordAt(nets, offset);
            _reverseNet(account, net, _paidByFund[runId][account]);
            delete _paidByFund[runId][account];
        }
    }
}
