// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {Bonds} from "./Bonds.sol";
import {Fraud, IDisputes} from "./interfaces/IDisputes.sol";
import {
    CertificateOpening, EntryOpening, OrderOpening, ReadingOpening, TradeOpening
} from "./interfaces/IOpenings.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Certificate, Entry, Order, Reading, Receipt, Trade} from "./interfaces/SignedTypes.sol";
import {EntryLib} from "./libraries/EntryLib.sol";
import {ReadingLib} from "./libraries/ReadingLib.sol";
import {TypedDataLib} from "./libraries/TypedDataLib.sol";
import {Openings} from "./Openings.sol";

/// @title A wrong run can be proven wrong by anyone; see IDisputes
contract Disputes is IDisputes, Bonds {
    using EntryLib for Entry;
    using ReadingLib for Reading;
    using TypedDataLib for *;

    uint8 private constant BUY = 0;
    uint8 private constant SELL = 1;

    /// @inheritdoc IDisputes
    address public immutable operator;

    /// @inheritdoc IDisputes
    uint256 public immutable bondRequired;

    constructor(ISettlement settlement_, address operator_, uint256 bondRequired_) Openings(settlement_) {
        // An address that nobody has puts up no bond, so nobody settles with it.
        // slither-disable-next-line missing-zero-check
        operator = operator_;
        bondRequired = bondRequired_;
    }

    /* ORDERS AND TRADES */

    /// @inheritdoc IDisputes
    function proveOrderSignature(uint64 runId, OrderOpening calldata order) external {
        _open(runId, order);
        bytes32 digest = settlement.hashOrder(order.signed.order);
        // Why a signature is bad makes no difference.
        // slither-disable-next-line unused-return
        (address signer, ECDSA.RecoverError failure,) =
            ECDSA.tryRecoverCalldata(digest, order.signed.signature);
        bool signed = failure == ECDSA.RecoverError.NoError && signer == order.signed.order.account;
        _prove(runId, Fraud.ORDER_SIGNATURE, !signed);
    }

    /// @inheritdoc IDisputes
    function proveLimitPrice(uint64 runId, TradeOpening calldata trade, Order calldata order) external {
        bool buy = _openFill(runId, trade, order);
        int64 price = trade.trade.price;
        bool wrong = buy ? price > order.limitPrice : price < order.limitPrice;
        _prove(runId, Fraud.LIMIT_PRICE, wrong);
    }

    /// @inheritdoc IDisputes
    function proveWrongInterval(uint64 runId, TradeOpening calldata trade, Order calldata order) external {
        _openFill(runId, trade, order);
        uint64 interval = trade.trade.interval;
        uint64 last = order.lastInterval == 0 ? order.interval : order.lastInterval;
        bool wrong = interval < order.interval || interval > last;
        _prove(runId, Fraud.WRONG_INTERVAL, wrong || _isOutside(runId, interval));
    }

    /// @inheritdoc IDisputes
    function proveWrongParty(uint64 runId, TradeOpening calldata trade, Order calldata order) external {
        bool buy = _openFill(runId, trade, order);
        bool wrong = order.account != (buy ? trade.trade.buyer : trade.trade.seller)
            || order.side != (buy ? BUY : SELL) || trade.trade.buyOrder == trade.trade.sellOrder;
        _prove(runId, Fraud.WRONG_PARTY, wrong);
    }

    /// @inheritdoc IDisputes
    function proveOverfill(uint64 runId, TradeOpening calldata trade, Order calldata order) external {
        bool buy = _openFill(runId, trade, order);
        uint64 fromWh = buy ? trade.trade.buyFromWh : trade.trade.sellFromWh;
        _prove(runId, Fraud.OVERFILL, uint256(fromWh) + trade.trade.quantityWh > order.quantityWh);
    }

    /// @inheritdoc IDisputes
    function proveDoubleFill(uint64 runId, TradeOpening calldata first, TradeOpening calldata second) external {
        _requireDistinct(_open(runId, first), _open(runId, second));
        Trade calldata a = first.trade;
        Trade calldata b = second.trade;
        bool bought = a.buyOrder == b.buyOrder && _overlap(a.buyFromWh, a.quantityWh, b.buyFromWh, b.quantityWh);
        bool sold =
            a.sellOrder == b.sellOrder && _overlap(a.sellFromWh, a.quantityWh, b.sellFromWh, b.quantityWh);
        _prove(runId, Fraud.DOUBLE_FILL, bought || sold);
    }

    /// @inheritdoc IDisputes
    function proveSelfTrade(uint64 runId, TradeOpening calldata trade) external {
        _open(runId, trade);
        _prove(runId, Fraud.SELF_TRADE, trade.trade.buyer == trade.trade.seller);
    }

    /// @inheritdoc IDisputes
    function proveExpiredOrder(uint64 runId, TradeOpening calldata trade, Order calldata order) external {
        _openFill(runId, trade, order);
        bool expired = order.expiry != 0 && trade.trade.matchedAt > order.expiry;
        _prove(runId, Fraud.EXPIRED_ORDER, expired);
    }

    /// @inheritdoc IDisputes
    function proveEndedOrder(
        uint64 runId,
        TradeOpening calldata trade,
        Receipt calldata receipt,
        bytes calldata signature
    ) external {
        _open(runId, trade);
        _requireReceipt(receipt, signature, operator);
        uint8 outcome = receipt.outcome;
        bool ended = outcome == FILLED || outcome == PARTLY_FILLED_REST_CANCELLED || outcome == CANCELLED;
        bool wrong = ended && _fills(trade.trade, receipt.orderDigest) && trade.trade.sequence > receipt.sequence;
        _prove(runId, Fraud.ENDED_ORDER, wrong);
    }

    /// @inheritdoc IDisputes
    function proveWrongTime(
        uint64 runId,
        TradeOpening calldata trade,
        Receipt calldata receipt,
        bytes calldata signature
    ) external {
        _open(runId, trade);
        _requireReceipt(receipt, signature, operator);
        Trade calldata t = trade.trade;
        // A receipt with the outcome CANCELLED may be of a cancellation, which follows its order's fills.
        bool tooEarly = receipt.outcome != CANCELLED && t.sequence < receipt.sequence
            && _fills(t, receipt.orderDigest);
        bool timeWentBack = (t.sequence >= receipt.sequence && t.matchedAt < receipt.acceptedAt)
            || (t.sequence <= receipt.sequence && t.matchedAt > receipt.acceptedAt);
        _prove(runId, Fraud.WRONG_TIME, tooEarly || timeWentBack);
    }

    /// @inheritdoc IDisputes
    function proveForkedTrade(uint64 runId, TradeOpening calldata first, TradeOpening calldata second) external {
        _requireDistinct(_open(runId, first), _open(runId, second));
        bool same = first.trade.interval == second.trade.interval && first.trade.number == second.trade.number;
        _prove(runId, Fraud.FORKED_TRADE, same);
    }

    /* STATEMENTS */

    /// @inheritdoc IDisputes
    function proveWrongLine(uint64 runId, EntryOpening calldata entry) external {
        _open(runId, entry);
        Entry calldata line = entry.entry;
        // A correction is of an interval that an earlier run has settled, or of one of this run.
        bool outside = line.isCorrection()
            ? line.interval > settlement.runAt(runId).lastInterval
            : _isOutside(runId, line.interval);
        _prove(runId, Fraud.WRONG_LINE, outside || !line.isRight(settlement.supplier()));
    }

    /// @inheritdoc IDisputes
    function proveBalanceStep(uint64 runId, EntryOpening calldata entry, EntryOpening calldata next) external {
        _open(runId, entry);
        _open(runId, next);
        Entry calldata a = entry.entry;
        Entry calldata b = next.entry;
        if (a.account != b.account || uint256(a.sequence) + 1 != b.sequence) revert Unrelated();
        _prove(runId, Fraud.BALANCE_STEP, a.balanceAfter != b.balanceBefore);
    }

    /// @inheritdoc IDisputes
    function proveForkedStatement(uint64 runId, EntryOpening calldata first, EntryOpening calldata second) external {
        _requireDistinct(_open(runId, first), _open(runId, second));
        bool wrong =
            first.entry.account == second.entry.account && first.entry.sequence == second.entry.sequence;
        _prove(runId, Fraud.FORKED_STATEMENT, wrong);
    }

    /// @inheritdoc IDisputes
    function proveEntryBeyondReadings(uint64 runId, EntryOpening calldata entry, ReadingOpening[] calldata opened)
        external
    {
        _open(runId, entry);
        Entry calldata line = entry.entry;
        uint256 meters = registry.meterCount(line.account);
        if (opened.length != meters || meters == 0) {
            revert ReadingsIncomplete(line.account, opened.length, meters);
        }
        uint256 importWh = 0;
        uint256 exportWh = 0;
        bytes32 previous = 0;
        for (uint256 i = 0; i < meters; i++) {
            Reading calldata reading = opened[i].reading;
            _open(opened[i]);
            // All of the account's meters, each once: they ascend, and there are as many as were enrolled.
            if (i != 0 && reading.meter <= previous) revert ReadingsIncomplete(line.account, i, meters);
            if (reading.interval != line.interval || registry.meterOf(reading.meter).account != line.account) {
                revert Unrelated();
            }
            importWh += reading.importWh;
            exportWh += reading.exportWh;
            previous = reading.meter;
        }
        _prove(runId, Fraud.ENTRY_BEYOND_READINGS, line.exceeds(importWh, exportWh, settlement.supplier()));
    }

    /// @inheritdoc IDisputes
    function proveEntryAgainstTrade(uint64 runId, EntryOpening calldata entry, TradeOpening calldata trade) external {
        _open(runId, entry);
        _open(runId, trade);
        if (!entry.entry.isOf(trade.trade)) revert Unrelated();
        _prove(runId, Fraud.ENTRY_AGAINST_TRADE, !entry.entry.matches(trade.trade));
    }

    /// @inheritdoc IDisputes
    function proveRepeatedLine(uint64 runId, EntryOpening calldata first, EntryOpening calldata second) external {
        _requireDistinct(_open(runId, first), _open(runId, second));
        Entry calldata a = first.entry;
        Entry calldata b = second.entry;
        bool same = a.account == b.account && a.kind == b.kind && a.interval == b.interval && a.ref == b.ref;
        // One reading may bring several corrections about: one for each kind and price of what it corrects.
        same = same && !a.isCorrection();
        _prove(runId, Fraud.REPEATED_LINE, same);
    }

    /* CERTIFICATES */

    /// @inheritdoc IDisputes
    function proveCertificateBeyondExport(
        uint64 runId,
        CertificateOpening calldata certificate,
        ReadingOpening calldata reading
    ) external {
        _openCertified(runId, certificate, reading);
        Certificate calldata c = certificate.certificate;
        bool wrong = c.toWh > reading.reading.exportWh || c.fromWh >= c.toWh;
        _prove(runId, Fraud.CERTIFICATE_BEYOND_EXPORT, wrong);
    }

    /// @inheritdoc IDisputes
    function proveOverlappingCertificates(
        uint64 runId,
        CertificateOpening calldata first,
        CertificateOpening calldata second
    ) external {
        _requireDistinct(_open(runId, first), _open(runId, second));
        _prove(runId, Fraud.OVERLAPPING_CERTIFICATES, _shareWh(first.certificate, second.certificate));
    }

    /// @inheritdoc IDisputes
    function proveCertificateFromEstimate(
        uint64 runId,
        CertificateOpening calldata certificate,
        ReadingOpening calldata reading
    ) external {
        _openCertified(runId, certificate, reading);
        _prove(runId, Fraud.CERTIFICATE_FROM_ESTIMATE, !reading.reading.isFinal());
    }

    /// @inheritdoc IDisputes
    function proveForeignCertificate(uint64 runId, CertificateOpening calldata certificate) external {
        _open(runId, certificate);
        _prove(runId, Fraud.FOREIGN_CERTIFICATE, _isOutside(runId, certificate.certificate.interval));
    }

    /// @inheritdoc IDisputes
    function proveDoubleClaim(
        uint64 runId,
        CertificateOpening calldata certificate,
        uint64 earlierRunId,
        CertificateOpening calldata earlier
    ) external {
        _open(runId, certificate);
        _open(earlierRunId, earlier);
        if (earlierRunId >= runId) revert Unrelated();
        _prove(runId, Fraud.DOUBLE_CLAIM, _shareWh(certificate.certificate, earlier.certificate));
    }

    /* ORACLES */

    /// @inheritdoc IDisputes
    function proveEquivocation(
        Reading calldata first,
        bytes calldata firstSignature,
        Reading calldata second,
        bytes calldata secondSignature
    ) external {
        bytes32 firstDigest = readings.hashReading(first);
        bytes32 secondDigest = readings.hashReading(second);
        _requireDistinct(firstDigest, secondDigest);
        address oracle = ECDSA.recoverCalldata(firstDigest, firstSignature);
        bool same = first.meter == second.meter && first.interval == second.interval;
        if (!same || oracle != ECDSA.recoverCalldata(secondDigest, secondSignature)) revert Unrelated();
        if (!registry.isOracle(oracle, first.interval)) revert NotAnOracle(oracle);
        registry.revokeOracle(oracle);
        uint256 reward = _slash(oracle, bondOf[oracle], msg.sender);
        emit OracleEquivocated(oracle, first.meter, first.interval, msg.sender, reward);
    }

    /* VOIDING */

    /// @inheritdoc IDisputes
    function voidFor(uint64 runId, Fraud kind, address challenger) external {
        if (msg.sender != registry.questions()) revert NotTheQuestions(msg.sender);
        _void(runId, kind, challenger);
    }

    /// @inheritdoc IDisputes
    function isBonded() external view returns (bool) {
        return bondOf[operator] >= bondRequired;
    }

    /* PRIVATE FUNCTIONS */

    /// @dev Void the run for the caller if it is wrong; refuse otherwise, so that a proof never passes in silence.
    function _prove(uint64 runId, Fraud kind, bool wrong) private {
        if (!wrong) revert NothingWrong(kind);
        _void(runId, kind, msg.sender);
    }

    /// @dev Reverts unless the run is open: one run is void once, and pays once.
    function _void(uint64 runId, Fraud kind, address challenger) private {
        bytes32 runHash = settlement.runAt(runId).runHash;
        settlement.voidRun(runId);
        uint256 reward = _slash(operator, bondRequired, challenger);
        emit FraudProven(runId, runHash, challenger, kind, reward);
    }

    function _isBound(address account) internal view override returns (bool) {
        if (account != operator) return registry.isOracle(account, uint64(block.timestamp));
        // What the run was does not matter, only whether it is final.
        // slither-disable-next-line unused-return
        (uint64 lastRunId,,) = settlement.lastRun();
        return lastRunId != 0 && !settlement.isFinal(lastRunId);
    }

    /// @dev Open a trade and find which of its two orders this is: the digest binds the order, so it needs no proof.
    function _openFill(uint64 runId, TradeOpening calldata trade, Order calldata order)
        private
        view
        returns (bool buy)
    {
        _open(runId, trade);
        bytes32 digest = settlement.hashOrder(order);
        buy = digest == trade.trade.buyOrder;
        if (!buy && digest != trade.trade.sellOrder) revert OrderNotOfTrade(digest);
    }

    function _open(uint64 runId, CertificateOpening calldata certificate) private view returns (bytes32 leaf) {
        leaf = TypedDataLib.leaf(certificate.certificate.hash(), certificate.salt);
        _requireUnder(settlement.runAt(runId).certificatesRoot, leaf, certificate.proof);
    }

    function _openCertified(uint64 runId, CertificateOpening calldata certificate, ReadingOpening calldata reading)
        private
        view
    {
        _open(runId, certificate);
        _open(reading);
        bool same = certificate.certificate.device == reading.reading.meter
            && certificate.certificate.interval == reading.reading.interval;
        if (!same) revert Unrelated();
    }

    /// @dev Say whether two certificates, which must be of one device and interval, cover a common Wh.
    function _shareWh(Certificate calldata a, Certificate calldata b) private pure returns (bool) {
        if (a.device != b.device || a.interval != b.interval) revert Unrelated();
        return a.fromWh < b.toWh && b.fromWh < a.toWh;
    }

    /// @dev Say whether a trade fills an order.
    function _fills(Trade calldata trade, bytes32 order) private pure returns (bool) {
        return trade.buyOrder == order || trade.sellOrder == order;
    }

    /// @dev Say whether two fills of one order share a Wh; in 256 bits, for a wrong leaf may hold any number.
    function _overlap(uint256 a, uint256 aWh, uint256 b, uint256 bWh) private pure returns (bool) {
        return a < b + bWh && b < a + aWh;
    }
}
