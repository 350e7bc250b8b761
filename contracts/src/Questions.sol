// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Fraud, IDisputes} from "./interfaces/IDisputes.sol";
import {EntryOpening, OrderOpening, ReadingOpening, TradeOpening} from "./interfaces/IOpenings.sol";
import {IQuestions, NetsOpening, Topic} from "./interfaces/IQuestions.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Entry, Order, Reading, Receipt, Run, Trade} from "./interfaces/SignedTypes.sol";
import {EntryLib} from "./libraries/EntryLib.sol";
import {NetsLib} from "./libraries/NetsLib.sol";
import {QuorumLib} from "./libraries/QuorumLib.sol";
import {TypedDataLib} from "./libraries/TypedDataLib.sol";
import {Openings} from "./Openings.sol";

/// @title Who withholds what an honest run can show, loses the run; see IQuestions
contract Questions is IQuestions, Openings {
    using SafeERC20 for IERC20;
    using EntryLib for Entry;
    using TypedDataLib for *;

    struct Question {
        address asker;
        uint64 deadline;
        bool answered;
        uint64 runId;
        bytes32 runHash;
    }

    /// @dev Places of the first and last line behind a net; `last` is 0 while nobody has answered: lines count from 1.
    struct Statement {
        uint64 first;
        uint64 last;
    }

    IDisputes public immutable disputes;
    IERC20 public immutable token;

    /// @inheritdoc IQuestions
    uint256 public immutable stake;

    /// @inheritdoc IQuestions
    uint64 public immutable answerTime;

    mapping(bytes32 id => Question) private _questions;
    mapping(bytes32 id => Statement) private _statements;

    constructor(IDisputes disputes_, ISettlement settlement_, uint256 stake_, uint64 answerTime_)
        Openings(settlement_)
    {
        disputes = disputes_;
        token = settlement_.token();
        stake = stake_;
        answerTime = answerTime_;
    }

    /* ORDERS */

    /// @inheritdoc IQuestions
    function askOrderOfTrade(uint64 runId, TradeOpening calldata trade, bool buy) external {
        _open(runId, trade);
        _ask(Topic.ORDER, runId, buy ? trade.trade.buyOrder : trade.trade.sellOrder);
    }

    /// @inheritdoc IQuestions
    function askOrderOfReceipt(uint64 runId, Receipt calldata receipt, bytes calldata signature, Order calldata order)
        external
    {
        _ask(Topic.ORDER, runId, _receipted(runId, receipt, signature, order));
    }

    /// @inheritdoc IQuestions
    function answerOrder(uint64 runId, OrderOpening calldata order) external {
        _open(runId, order);
        _answer(Topic.ORDER, runId, settlement.hashOrder(order.signed.order));
    }

    /// @inheritdoc IQuestions
    function askTradeOfReceipt(uint64 runId, Receipt calldata receipt, bytes calldata signature, Order calldata order)
        external
    {
        uint8 outcome = receipt.outcome;
        if (outcome != FILLED && outcome != PARTLY_FILLED_REST_CANCELLED) revert NothingFilled(outcome);
        _ask(Topic.TRADE_OF_ORDER, runId, _receipted(runId, receipt, signature, order));
    }

    /// @inheritdoc IQuestions
    function answerTradeOfReceipt(uint64 runId, TradeOpening calldata trade, bool buy) external {
        _open(runId, trade);
        _answer(Topic.TRADE_OF_ORDER, runId, buy ? trade.trade.buyOrder : trade.trade.sellOrder);
    }

    /* TRADES */

    /// @inheritdoc IQuestions
    function askTradeOfEntry(uint64 runId, EntryOpening calldata entry) external {
        _open(runId, entry);
        if (!entry.entry.isTraded()) revert Unrelated();
        _ask(Topic.TRADE_OF_ENTRY, runId, entry.entry.hash());
    }

    /// @inheritdoc IQuestions
    function answerTradeOfEntry(uint64 runId, Entry calldata entry, TradeOpening calldata opened) external {
        _open(runId, opened);
        if (!entry.isOf(opened.trade) || !entry.matches(opened.trade)) revert Unrelated();
        _answer(Topic.TRADE_OF_ENTRY, runId, entry.hash());
    }

    /// @inheritdoc IQuestions
    function askEntryOfTrade(uint64 runId, TradeOpening calldata trade, bool buy) external {
        _open(runId, trade);
        Trade calldata t = trade.trade;
        address account = buy ? t.buyer : t.seller;
        uint8 kind = buy ? EntryLib.PURCHASE : EntryLib.SALE;
        _ask(Topic.ENTRY_OF_TRADE, runId, _lineOf(account, kind, t.interval, bytes32(uint256(t.number))));
    }

    /// @inheritdoc IQuestions
    function answerEntryOfTrade(uint64 runId, EntryOpening calldata entry) external {
        _open(runId, entry);
        Entry calldata e = entry.entry;
        _answer(Topic.ENTRY_OF_TRADE, runId, _lineOf(e.account, e.kind, e.interval, e.ref));
    }

    /* READINGS */

    /// @inheritdoc IQuestions
    function askSignatures(uint64 runId, ReadingOpening calldata reading) external {
        _open(reading);
        if (_isOutside(runId, reading.reading.interval)) revert Unrelated();
        _ask(Topic.SIGNATURES, runId, reading.reading.hash());
    }

    /// @inheritdoc IQuestions
    function answerSignatures(uint64 runId, Reading calldata reading, bytes[] calldata signatures) external {
        bytes32 digest = readings.hashReading(reading);
        uint8 quorum = registry.oracleQuorum();
        QuorumLib.requireQuorum(digest, signatures, quorum, reading.interval, registry.isOracle);
        _answer(Topic.SIGNATURES, runId, reading.hash());
    }

    /* STATEMENTS */

    /// @inheritdoc IQuestions
    function askStatement(uint64 runId, Run calldata run, NetsOpening calldata nets, address account) external {
        int96 net = _netOf(runId, run, nets, account);
        if (net == 0) revert Unrelated();
        _ask(Topic.STATEMENT, runId, _packed(account, net));
    }

    /// @inheritdoc IQuestions
    function askStatementOfEntry(
        uint64 runId,
        Run calldata run,
        NetsOpening calldata nets,
        EntryOpening calldata entry
    ) external {
        _open(runId, entry);
        address account = entry.entry.account;
        _ask(Topic.STATEMENT, runId, _packed(account, _netOf(runId, run, nets, account)));
    }

    /// @inheritdoc IQuestions
    function answerStatement(uint64 runId, bytes32 net, EntryOpening calldata first, EntryOpening calldata last)
        external
    {
        _open(runId, first);
        _open(runId, last);
        address account = address(bytes20(net));
        Entry calldata a = first.entry;
        Entry calldata b = last.entry;
        bool covers = a.account == account && b.account == account && a.sequence <= b.sequence
            && int256(b.balanceAfter) - a.balanceBefore == int96(uint96(uint256(net)));
        if (!covers) revert Unrelated();
        bytes32 id = _answer(Topic.STATEMENT, runId, net);
        _statements[id] = Statement(a.sequence, b.sequence);
        emit StatementShown(id, a.sequence, b.sequence);
    }

    /// @inheritdoc IQuestions
    function proveBeyondStatement(uint64 runId, bytes32 net, EntryOpening calldata entry) external {
        _open(runId, entry);
        if (entry.entry.account != address(bytes20(net))) revert Unrelated();
        Statement memory statement = _statement(runId, net, entry.entry.sequence);
        bool beyond = entry.entry.sequence < statement.first || entry.entry.sequence > statement.last;
        if (!beyond) revert IDisputes.NothingWrong(Fraud.BEYOND_STATEMENT);
        disputes.voidFor(runId, Fraud.BEYOND_STATEMENT, msg.sender);
    }

    /// @inheritdoc IQuestions
    function askEntry(uint64 runId, bytes32 net, uint64 sequence) external {
        address account = address(bytes20(net));
        Statement memory statement = _statement(runId, net, sequence);
        if (sequence < statement.first || sequence > statement.last) revert NotInStatement(account, sequence);
        _ask(Topic.ENTRY, runId, _packed(account, int96(uint96(sequence))));
    }

    /// @inheritdoc IQuestions
    function answerEntry(uint64 runId, EntryOpening calldata entry) external {
        _open(runId, entry);
        _answer(Topic.ENTRY, runId, _packed(entry.entry.account, int96(uint96(entry.entry.sequence))));
    }

    /* ENDING */

    /// @inheritdoc IQuestions
    function close(bytes32 id) external {
        Question memory question = _questions[id];
        if (question.asker == address(0) || question.answered) revert NotAsked(id);
        if (block.timestamp <= question.deadline) revert AnswerTimeNotOver(id, question.deadline);
        delete _questions[id];
        emit Closed(id);
        // Another dispute may have voided the run, and another run may have taken its number since.
        // A hash is the same or it is not.
        // slither-disable-next-line incorrect-equality
        if (settlement.isOpen(question.runId) && settlement.runAt(question.runId).runHash == question.runHash) {
            disputes.voidFor(question.runId, Fraud.UNANSWERED, question.asker);
        }
        token.safeTransfer(question.asker, stake);
    }

    /// @inheritdoc IQuestions
    function questionId(Topic topic, bytes32 runHash, bytes32 subject) public pure returns (bytes32) {
        return keccak256(abi.encode(topic, runHash, subject));
    }

    /* PRIVATE FUNCTIONS */

    function _ask(Topic topic, uint64 runId, bytes32 subject) private {
        if (!settlement.isOpen(runId)) revert ISettlement.RunNotOpen(runId);
        uint64 deadline = uint64(block.timestamp) + answerTime;
        uint64 finalAt = settlement.finalAt(runId);
        if (deadline + answerTime > finalAt) revert TooLateToAsk(runId, finalAt);
        bytes32 runHash = settlement.runAt(runId).runHash;
        bytes32 id = questionId(topic, runHash, subject);
        if (_questions[id].asker != address(0)) revert AlreadyAsked(id);
        _questions[id] = Question(msg.sender, deadline, false, runId, runHash);
        emit Asked(id, runId, topic, subject, msg.sender, deadline);
        token.safeTransferFrom(msg.sender, address(this), stake);
    }

    function _answer(Topic topic, uint64 runId, bytes32 subject) private returns (bytes32 id) {
        id = questionId(topic, settlement.runAt(runId).runHash, subject);
        Question storage question = _questions[id];
        if (question.asker == address(0) || question.answered) revert NotAsked(id);
        if (block.timestamp > question.deadline) revert AnswerTimeOver(id, question.deadline);
        question.answered = true;
        emit Answered(id, msg.sender);
        token.safeTransfer(msg.sender, stake);
    }

    /// @return digest The digest of an order that the operator has receipted, for an interval of the run.
    function _receipted(uint64 runId, Receipt calldata receipt, bytes calldata signature, Order calldata order)
        private
        view
        returns (bytes32 digest)
    {
        digest = settlement.hashOrder(order);
        if (digest != receipt.orderDigest || _isOutside(runId, order.interval)) revert Unrelated();
        _requireReceipt(receipt, signature, disputes.operator());
    }

    function _statement(uint64 runId, bytes32 net, uint64 sequence) private view returns (Statement memory statement) {
        statement = _statements[questionId(Topic.STATEMENT, settlement.runAt(runId).runHash, net)];
        if (statement.last == 0) revert NotInStatement(address(bytes20(net)), sequence);
    }

    /// @return net What a run moved for an account; 0 where its nets do not name it.
    function _netOf(uint64 runId, Run calldata run, NetsOpening calldata nets, address account)
        private
        view
        returns (int96 net)
    {
        bytes32 hash = nets.rest;
        for (uint256 i = nets.pages.length; i != 0; i--) {
            hash = NetsLib.fold(keccak256(nets.pages[i - 1]), hash);
        }
        for (uint256 i = nets.before.length; i != 0; i--) {
            hash = NetsLib.fold(nets.before[i - 1], hash);
        }
        bool same = settlement.hashRun(run) == settlement.runAt(runId).runHash && hash == run.netsHash;
        if (!same || nets.pages.length == 0) revert Unrelated();
        bool found;
        (net, found) = NetsLib.find(nets.pages, account);
        if (!found && !_isBetween(nets, account)) revert Unrelated();
    }

    /// @dev Say whether an account that is not in these pages can not be in another one: accounts ascend.
    function _isBetween(NetsOpening calldata nets, address account) private pure returns (bool) {
        bytes calldata first = nets.pages[0];
        bytes calldata last = nets.pages[nets.pages.length - 1];
        bool afterFirst = nets.before.length == 0;
        bool beforeLast = nets.rest == 0;
        if (!afterFirst && first.length != 0) {
            // The word behind an account is its net, and not asked for.
            // slither-disable-next-line unused-return
            (address lowest,) = NetsLib.wordAt(first, 0);
            afterFirst = lowest < account;
        }
        if (!beforeLast && last.length != 0) {
            // The word behind an account is its net, and not asked for.
            // slither-disable-next-line unused-return
            (address highest,) = NetsLib.wordAt(last, last.length - 32);
            beforeLast = account < highest;
        }
        return afterFirst && beforeLast;
    }

    function _lineOf(address account, uint8 kind, uint64 interval, bytes32 ref) private pure returns (bytes32) {
        return keccak256(abi.encode(account, kind, interval, ref));
    }

    /// @dev Pack as the nets are: 20 bytes address, 12 bytes number.
    function _packed(address account, int96 number) private pure returns (bytes32) {
        return bytes32(bytes20(account)) | bytes32(uint256(uint96(number)));
    }
}
