// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IReadings} from "./IReadings.sol";
import {IRegistry} from "./IRegistry.sol";
import {Cancel, Entry, Order, Receipt, Run, SignedOrder, Trade} from "./SignedTypes.sol";

/// @notice What stays of a settled run.
struct RunRecord {
    /// EIP-712 digest of the run.
    bytes32 runHash;
    bytes32 certificatesRoot;
    bytes32 tradesRoot;
    bytes32 entriesRoot;
    bytes32 ordersRoot;
    uint64 certifiedWh;
    uint64 firstInterval;
    uint64 lastInterval;
}

/// @notice A run that is between two of its pages.
struct Paging {
    bytes32 runHash;
    /// Hash of the pages that are still to come; see NetsLib.
    bytes32 left;
    /// Last account of the pages that came.
    address last;
    /// How many pages are settled.
    uint32 count;
    /// The pages are going back.
    bool undoing;
    /// Sum of the nets of the pages that came, n€.
    int128 sum;
}

/// @title The community's money, moved once per settlement run
/// @notice Members pay in; each run moves one net per account, so its cost grows with accounts and not with trades.
/// Anybody may submit a run: the signatures of the attestors, each of whom has recomputed it, decide.
///
/// A debit draws on the account's free balance, then on what it has asked to withdraw, then on the guarantee fund; if
/// all that does not suffice, the run is refused. So nobody escapes a run in flight by asking for a withdrawal.
///
/// While the registry names a contract for disputes, a run stays open to challenge for a window of time, and money
/// that it brought leaves only when it is final. A run that a dispute has voided is unwound, with all runs after it:
/// every net goes back. Without disputes each run is final at once.
///
/// The nets of a large community are settled in pages, each in a transaction of its own, within `PAGE_TIME`; then, or
/// when an earlier run is void, anybody can take an unfinished run back page by page.
///
/// The owner of the registry can keep new money and runs out for `PAUSE_MAX`, and not again for as long afterwards.
/// Withdrawals are never paused: whoever asks is out after `EXIT_DELAY`, whatever anybody does or leaves undone. Only
/// money that a void or unfinished run may have brought waits until that is undone, which anybody can do.
///
/// Amounts are n€ (10^-9 €), energies Wh, times UTC epoch seconds. The EIP-712 domain of `Order`, `Cancel`, `Receipt`
/// and `Run` is this contract's, "RESILIA-GRID" version "1". The token must move exactly the amount asked for.
interface ISettlement {
    event Deposited(address indexed account, address indexed from, uint256 amount);
    event WithdrawalRequested(address indexed account, uint256 amount, uint64 afterRun);
    event Withdrawn(address indexed account, uint256 amount);
    event GuaranteeFunded(address indexed from, uint256 amount);
    /// @notice The guarantee fund paid what an account could not: the account owes it to the community.
    event GuaranteeUsed(uint64 indexed runId, address indexed account, uint256 amount);
    /// @notice A run was settled: the short form that evidence files quote.
    event RunSettled(
        uint64 indexed runId,
        bytes32 indexed runHash,
        uint64 firstInterval,
        uint64 lastInterval,
        bytes32 tradesRoot,
        bytes32 certificatesRoot,
        uint64 tradedWh,
        uint64 certifiedWh
    );
    /// @notice A run was settled: the whole of it, so that logs alone rebuild the ledger.
    event RunPublished(uint64 indexed runId, Run run, bytes nets);
    /// @notice A page of a run was settled that is not the last; `RunPublished` brings the last.
    event PageSettled(uint64 indexed runId, bytes32 indexed runHash, bytes nets);
    /// @notice A page went back, and others are still to go.
    event PageUndone(uint64 indexed runId, bytes32 indexed runHash, bytes32 page);
    /// @notice Deposits and runs are refused until an instant.
    event PausedUntil(uint64 instant);
    /// @notice A dispute was proven against a run: it and all runs after it are to be unwound.
    event RunVoided(uint64 indexed runId, bytes32 runHash);
    /// @notice A run's nets went back; its number is free again.
    event RunUnwound(uint64 indexed runId, bytes32 runHash);

    /// Runs are settled once, in sequence: `expected` is next.
    error UnexpectedRun(uint64 runId, uint64 expected);
    /// The run builds on another run than the last settled one.
    error PreviousRunMismatch(bytes32 previousRun, bytes32 expected);
    /// The run must start at the first interval that is not settled.
    error FirstIntervalMismatch(uint64 firstInterval, uint64 expected);
    error IntervalsReversed(uint64 firstInterval, uint64 lastInterval);
    /// The run was computed from other readings than the attested ones.
    error ReadingsMismatch(bytes32 readingsHash, bytes32 expected);
    /// The run's totals differ from the attested ones.
    error TotalsMismatch(uint64 importWh, uint64 exportWh, uint128 expectedImportWh, uint128 expectedExportWh);
    /// More energy is certified than was exported.
    error CertifiedBeyondExport(uint64 certifiedWh, uint64 exportWh);
    /// The nets are not those that the attestors signed.
    error NetsMismatch(bytes32 netsHash, bytes32 expected);
    /// Packed nets take 32 bytes an account.
    error NetsMalformed(uint256 length);
    /// Nets come in strictly ascending sequence of accounts, so that each account has one.
    error AccountsNotAscending(address previous, address account);
    /// The account is neither the supplier nor a party of the registry.
    error UnknownAccount(address account);
    /// The nets must sum to zero.
    error NetsNotZero(int256 sum);
    /// `missing` n€ are lacking, after the guarantee fund where that stands in.
    error InsufficientFunds(address account, uint256 missing);
    error NothingPending(address account);
    /// The withdrawal waits for a run after `afterRun`, or for the instant `exitAt`.
    error WithdrawalNotReady(address account, uint64 afterRun, uint64 exitAt);
    error UnknownRun(uint64 runId);
    /// Runs from `runId` on are void and must be unwound first.
    error RunIsVoid(uint64 runId);
    /// The run is not settled, void already, or final.
    error RunNotOpen(uint64 runId);
    /// Only the registry's contract for disputes voids runs.
    error NotTheDisputes(address caller);
    error NothingToUnwind();
    /// Only the account in whose place the registry has put the caller.
    error NotTheSuccessor(address caller, address successor);
    /// Another run is between its pages.
    error RunInPages(bytes32 runHash);
    /// The pages did not all come in time: they are to be undone.
    error PagesOverdue(uint64 deadline);
    /// The other pages may still come.
    error PagesNotOverdue(uint64 deadline);
    error Paused(uint64 pausedUntil);
    error NotPaused();
    /// Only the owner of the registry pauses.
    error NotTheCommunity(address caller, address community);
    /// The operator's bond is too small to answer for another run.
    error OperatorNotBonded();

    /* MONEY */

    /// @notice Pay the caller's tokens in for an account; needs an ERC-20 allowance.
    function deposit(address account, uint256 amount) external;

    /// @notice Pay the caller's tokens in for an account with an ERC-2612 permit that the caller signed for this
    /// contract and this amount. An allowance that is there already serves too.
    function depositWithPermit(address account, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Set aside part of the caller's free balance, to be taken out after the next run. Several requests add
    /// up, and all wait for the run after the last request.
    function requestWithdrawal(uint256 amount) external;

    /// @notice Take out what is set aside and no run has drawn on. Ready once a run after the request is final, or
    /// when `EXIT_DELAY` has passed without any: no stop of the operator locks the money in. Void runs from before the
    /// request must be unwound first, which anybody can do.
    function withdraw() external;

    /// @notice Set aside all the free balance of an account whose key was lost. Only its successor.
    function requestWithdrawalOf(address account) external;

    /// @notice Take out what is set aside of an account whose key was lost. Only its successor, who is paid.
    function withdrawOf(address account) external;

    /// @notice Pay the caller's tokens into the guarantee fund; they do not come back.
    function fundGuarantee(uint256 amount) external;

    /// @notice Settle the next run and move its nets.
    /// @param run What the attestors signed.
    /// @param nets 32 bytes per account, ascending: 20 bytes address, 12 bytes net in n€ (two's complement).
    /// @param signatures At least the registry's attestor quorum, each by a key valid at the run's last interval, in
    /// strictly ascending sequence of the signers' addresses.
    function settle(Run calldata run, bytes calldata nets, bytes[] calldata signatures) external;

    /// @notice Settle a page of the next run. The first page needs the signatures, as in `settle`; the others need none.
    /// Nobody can withdraw what the pages bring before the last one has come.
    /// @param nets As in `settle`; accounts ascend from page to page too.
    /// @param rest Hash of the pages behind this one; 0 for the last. See NetsLib.
    function settlePage(Run calldata run, bytes calldata nets, bytes32 rest, bytes[] calldata signatures) external;

    /// @notice Mark an open run, and all after it, as void. Only for the registry's contract for disputes.
    function voidRun(uint64 runId) external;

    /// @notice Take back the last run while a run at or before it is void. Anybody may, with what `RunPublished` told.
    function unwind(Run calldata run, bytes calldata nets) external;

    /// @notice Take a page of the last run back while a run at or before it is void, or a page of an unfinished run that
    /// is overdue or builds on a void one: from the first page on, until none is left. Anybody may.
    /// @param rest Hash of the pages behind this one; 0 for the last.
    function undoPage(Run calldata run, bytes calldata nets, bytes32 rest) external;

    /// @notice Refuse deposits and runs for `PAUSE_MAX`. Only the owner of the registry.
    function pause() external;

    /// @notice End a pause early. Only the owner of the registry.
    function resume() external;

    /* VIEWS */

    /// @notice The money: an ERC-20 token.
    function token() external view returns (IERC20);

    /// @notice Members and keys.
    function registry() external view returns (IRegistry);

    /// @notice What was attested.
    function readings() external view returns (IReadings);

    /// @notice Instant from which a run can no longer be voided, UTC epoch seconds; 0 when it was final at once.
    function finalAt(uint64 runId) external view returns (uint64);

    /// @notice Say whether a run is settled for good.
    function isFinal(uint64 runId) external view returns (bool);

    /// @notice Say whether a run is settled, not void, and can still be challenged.
    function isOpen(uint64 runId) external view returns (bool);

    /// @notice First void run that is still to be unwound; 0 while there is none.
    function voidFrom() external view returns (uint64);

    /// @notice When the first page of an unfinished run came (0 while there is none), and how far its pages are; a void run
    /// whose pages go back stands here too.
    function paging() external view returns (uint64 openedAt, Paging memory);

    /// @notice First instant at which deposits and runs are possible again; long ago while nothing is paused.
    function pausedUntil() external view returns (uint64);

    /// @notice How long the pages of a run may take, s.
    function PAGE_TIME() external view returns (uint64);

    /// @notice How long a pause lasts, and how long none follows it, s.
    function PAUSE_MAX() external view returns (uint64);

    /// @notice Longest wait of a withdrawal while no run is settled, s.
    function EXIT_DELAY() external view returns (uint64);

    /// @notice The account that stands for the grid: it buys surplus and sells what is lacking.
    function supplier() external view returns (address);

    /// @notice Free balance of an account: what it can trade with and ask to withdraw.
    function balanceOf(address account) external view returns (uint256);

    /// @notice What an account has set aside for withdrawal; it is ready after a run beyond `afterRun`, or at `exitAt`.
    function pendingOf(address account) external view returns (uint256 amount, uint64 afterRun, uint64 exitAt);

    /// @notice What stands in for accounts that can not pay a run.
    function guaranteeFund() external view returns (uint256);

    /// @notice Everything that this contract owes: all free and pending balances and the guarantee fund (S2).
    function totalHeld() external view returns (uint256);

    /// @notice The last settled run; zeros while there is none.
    function lastRun() external view returns (uint64 runId, bytes32 runHash, uint64 lastInterval);

    /// @notice A settled run; reverts with `UnknownRun`.
    function runAt(uint64 runId) external view returns (RunRecord memory);

    /* DIGESTS AND LEAVES */

    /// @notice EIP-712 digest of an order, as its member signs it: the order's identity.
    function hashOrder(Order calldata order) external view returns (bytes32);

    /// @notice EIP-712 digest of a cancellation, as the member signs it.
    function hashCancel(Cancel calldata cancel) external view returns (bytes32);

    /// @notice EIP-712 digest of a receipt, as the operator signs it.
    function hashReceipt(Receipt calldata receipt) external view returns (bytes32);

    /// @notice EIP-712 digest of a run, as attestors sign it: the run's identity.
    function hashRun(Run calldata run) external view returns (bytes32);

    /// @notice Leaf of an order under `Run.ordersRoot`.
    function leafOfOrder(SignedOrder calldata order, bytes32 salt) external pure returns (bytes32);

    /// @notice Leaf of a trade under `Run.tradesRoot`.
    function leafOfTrade(Trade calldata trade, bytes32 salt) external pure returns (bytes32);

    /// @notice Leaf of a statement's line under `Run.entriesRoot`.
    function leafOfEntry(Entry calldata entry, bytes32 salt) external pure returns (bytes32);
}
