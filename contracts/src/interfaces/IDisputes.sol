// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBonds} from "./IBonds.sol";
import {CertificateOpening, EntryOpening, IOpenings, OrderOpening, ReadingOpening, TradeOpening} from "./IOpenings.sol";
import {Order, Reading, Receipt} from "./SignedTypes.sol";

/// @notice What a dispute has proven.
enum Fraud {
    ORDER_SIGNATURE,
    LIMIT_PRICE,
    WRONG_INTERVAL,
    WRONG_PARTY,
    OVERFILL,
    DOUBLE_FILL,
    SELF_TRADE,
    WRONG_LINE,
    BALANCE_STEP,
    FORKED_STATEMENT,
    ENTRY_BEYOND_READINGS,
    CERTIFICATE_BEYOND_EXPORT,
    OVERLAPPING_CERTIFICATES,
    CERTIFICATE_FROM_ESTIMATE,
    BEYOND_STATEMENT,
    UNANSWERED,
    EXPIRED_ORDER,
    ENDED_ORDER,
    WRONG_TIME,
    FORKED_TRADE,
    ENTRY_AGAINST_TRADE,
    REPEATED_LINE,
    FOREIGN_CERTIFICATE,
    DOUBLE_CLAIM
}

/// @title A wrong run can be proven wrong by anyone
/// @notice A proof opens one or two leaves that contradict the rules or each other. It voids the run at once, as long
/// as that is open to challenge (`ISettlement.isOpen`), and takes the operator's bond: half for the challenger, the
/// rest for the guarantee fund, so that an operator who disputes its own run loses. What no leaf contradicts can be
/// asked for: see IQuestions. Opening a leaf publishes it, and nothing else.
///
/// No honest run can be voided, as long as questions are answered and the registry's owner changes neither quorums nor
/// periods of oracles that lie in the past.
interface IDisputes is IBonds, IOpenings {
    /// @notice A run was proven wrong.
    event FraudProven(
        uint64 indexed runId, bytes32 indexed runHash, address indexed challenger, Fraud kind, uint256 reward
    );
    /// @notice An oracle was proven to have signed two readings for one meter and interval.
    event OracleEquivocated(
        address indexed oracle, bytes32 indexed meter, uint64 interval, address challenger, uint256 reward
    );

    /// What was opened contradicts nothing of this kind.
    error NothingWrong(Fraud kind);
    /// The order is not one of the trade's.
    error OrderNotOfTrade(bytes32 orderDigest);
    /// An account's energy needs the readings of all its meters, in ascending sequence.
    error ReadingsIncomplete(address account, uint256 given, uint256 meters);
    error NotAnOracle(address signer);
    /// Only the registry's contract for questions.
    error NotTheQuestions(address caller);

    /* PROOFS OF ORDERS AND TRADES */

    /// @notice A member did not sign this order.
    function proveOrderSignature(uint64 runId, OrderOpening calldata order) external;

    /// @notice A trade costs the buyer more, or brings the seller less, than the order allows (M2).
    function proveLimitPrice(uint64 runId, TradeOpening calldata trade, Order calldata order) external;

    /// @notice A trade is for an interval that the order does not allow, or for one that is not the run's.
    function proveWrongInterval(uint64 runId, TradeOpening calldata trade, Order calldata order) external;

    /// @notice A trade takes the order for the wrong side or for another account.
    function proveWrongParty(uint64 runId, TradeOpening calldata trade, Order calldata order) external;

    /// @notice A trade fills the order beyond its quantity.
    function proveOverfill(uint64 runId, TradeOpening calldata trade, Order calldata order) external;

    /// @notice Two trades fill the same Wh of one order.
    function proveDoubleFill(uint64 runId, TradeOpening calldata first, TradeOpening calldata second) external;

    /// @notice An account trades with itself.
    function proveSelfTrade(uint64 runId, TradeOpening calldata trade) external;

    /// @notice A trade fills the order after its last second.
    function proveExpiredOrder(uint64 runId, TradeOpening calldata trade, Order calldata order) external;

    /// @notice A trade fills an order after it had ended: after the cancellation that the operator receipted, or after
    /// the record at which it was filled whole or its rest was cancelled.
    function proveEndedOrder(
        uint64 runId,
        TradeOpening calldata trade,
        Receipt calldata receipt,
        bytes calldata signature
    ) external;

    /// @notice Place and time of a trade contradict a receipt of the operator: any receipt ties one to the other, and
    /// an order's own receipt says before which record nothing may fill it.
    function proveWrongTime(
        uint64 runId,
        TradeOpening calldata trade,
        Receipt calldata receipt,
        bytes calldata signature
    ) external;

    /// @notice Two different trades have the same number in one interval.
    function proveForkedTrade(uint64 runId, TradeOpening calldata first, TradeOpening calldata second) external;

    /* PROOFS OF STATEMENTS */

    /// @notice A line is wrong by itself: its amount is not quantity times price with the sign of its kind, or not the
    /// step of its balance; its kind is unknown, or its interval not of the run (of a correction: later than the run).
    function proveWrongLine(uint64 runId, EntryOpening calldata entry) external;

    /// @notice A line does not start from the balance at which the line before it ended.
    function proveBalanceStep(uint64 runId, EntryOpening calldata entry, EntryOpening calldata next) external;

    /// @notice Two different lines have the same place in one account's statement.
    function proveForkedStatement(uint64 runId, EntryOpening calldata first, EntryOpening calldata second) external;

    /// @notice An account is charged for more import, or paid for more export, than all its meters measured.
    function proveEntryBeyondReadings(uint64 runId, EntryOpening calldata entry, ReadingOpening[] calldata readings)
        external;

    /// @notice A purchase, sale or wedge is not what the trade of its number says: another account, quantity or price.
    function proveEntryAgainstTrade(uint64 runId, EntryOpening calldata entry, TradeOpening calldata trade) external;

    /// @notice Two lines of one account pay for the same thing (S3). Corrections are left out.
    function proveRepeatedLine(uint64 runId, EntryOpening calldata first, EntryOpening calldata second) external;

    /* PROOFS OF CERTIFICATES */

    /// @notice A certificate covers Wh that its device did not export, or none at all (C1).
    function proveCertificateBeyondExport(
        uint64 runId,
        CertificateOpening calldata certificate,
        ReadingOpening calldata reading
    ) external;

    /// @notice Two certificates cover the same Wh (C1).
    function proveOverlappingCertificates(
        uint64 runId,
        CertificateOpening calldata first,
        CertificateOpening calldata second
    ) external;

    /// @notice A certificate rests on a reading that is not final (O3).
    function proveCertificateFromEstimate(
        uint64 runId,
        CertificateOpening calldata certificate,
        ReadingOpening calldata reading
    ) external;

    /// @notice A certificate is of an interval that is not the run's (C1).
    function proveForeignCertificate(uint64 runId, CertificateOpening calldata certificate) external;

    /// @notice A certificate covers Wh that an earlier run has certified already: two runs claim them (C1).
    function proveDoubleClaim(
        uint64 runId,
        CertificateOpening calldata certificate,
        uint64 earlierRunId,
        CertificateOpening calldata earlier
    ) external;

    /* ORACLES */

    /// @notice An oracle signed two readings for one meter and interval (O1).
    function proveEquivocation(
        Reading calldata first,
        bytes calldata firstSignature,
        Reading calldata second,
        bytes calldata secondSignature
    ) external;

    /* FOR QUESTIONS */

    /// @notice Void a run for a challenger whose question was not answered, or whose answer was contradicted. Only for
    /// the registry's contract for questions.
    function voidFor(uint64 runId, Fraud kind, address challenger) external;

    /* VIEWS */

    /// @notice Who signs receipts and answers for runs with its bond.
    function operator() external view returns (address);

    /// @notice The operator's bond that a wrong run costs, n€.
    function bondRequired() external view returns (uint256);

    /// @notice Say whether the operator's bond can answer for another run.
    function isBonded() external view returns (bool);
}
