// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {EntryOpening, IOpenings, OrderOpening, ReadingOpening, TradeOpening} from "./IOpenings.sol";
import {Entry, Order, Reading, Receipt, Run} from "./SignedTypes.sol";

/// @notice What a question asks the operator to open.
enum Topic {
    ORDER,
    TRADE_OF_ORDER,
    TRADE_OF_ENTRY,
    SIGNATURES,
    STATEMENT,
    ENTRY,
    ENTRY_OF_TRADE
}

/// @notice Some pages of a run's nets that follow each other, and what stands for the others; see NetsLib.
struct NetsOpening {
    /// keccak-256 of each page before them.
    bytes32[] before;
    bytes[] pages;
    /// Hash of the pages behind them; 0 for none.
    bytes32 rest;
}

/// @title Who withholds what an honest run can show, loses the run
/// @notice A question asks for something that every honest run holds. Whoever answers in time earns the asker's stake;
/// a question that nobody answers voids the run. Questions take two answer times before the run is final, so that
/// there is time to answer and time to act.
interface IQuestions is IOpenings {
    event Asked(
        bytes32 indexed id,
        uint64 indexed runId,
        Topic topic,
        bytes32 subject,
        address asker,
        uint64 deadline
    );
    event Answered(bytes32 indexed id, address answerer);
    /// @notice The answer to a question for a net said where its lines begin and end: each between them may be asked for.
    event StatementShown(bytes32 indexed id, uint64 first, uint64 last);
    /// @notice A question ended without an answer; `UNANSWERED` follows if that voided a run.
    event Closed(bytes32 indexed id);

    /// The receipt's outcome promises no trade.
    error NothingFilled(uint8 outcome);
    /// Not enough time is left before the run is final.
    error TooLateToAsk(uint64 runId, uint64 finalAt);
    error AlreadyAsked(bytes32 id);
    /// No such question, or it has its answer.
    error NotAsked(bytes32 id);
    error AnswerTimeOver(bytes32 id, uint64 deadline);
    error AnswerTimeNotOver(bytes32 id, uint64 deadline);
    /// The statement has not been answered, or has no such line.
    error NotInStatement(address account, uint64 sequence);

    /// @notice Ask for the order that a trade fills.
    function askOrderOfTrade(uint64 runId, TradeOpening calldata trade, bool buy) external;

    /// @notice Ask for an order that the operator has receipted.
    function askOrderOfReceipt(
        uint64 runId,
        Receipt calldata receipt,
        bytes calldata signature,
        Order calldata order
    ) external;

    /// @notice Show an order that was asked for.
    function answerOrder(uint64 runId, OrderOpening calldata order) external;

    /// @notice Ask for a trade of an order whose receipt says that it was filled, wholly or in part.
    function askTradeOfReceipt(
        uint64 runId,
        Receipt calldata receipt,
        bytes calldata signature,
        Order calldata order
    ) external;

    /// @notice Show a trade of an order that was asked about.
    function answerTradeOfReceipt(uint64 runId, TradeOpening calldata trade, bool buy) external;

    /// @notice Ask for the trade that a line of a statement pays for.
    function askTradeOfEntry(uint64 runId, EntryOpening calldata entry) external;

    /// @notice Show the trade of a line that was asked about: same interval and number, account, quantity, price.
    function answerTradeOfEntry(uint64 runId, Entry calldata entry, TradeOpening calldata trade) external;

    /// @notice Ask for the line of the buyer's or the seller's statement that a trade must have.
    function askEntryOfTrade(uint64 runId, TradeOpening calldata trade, bool buy) external;

    /// @notice Show a line that a trade must have.
    function answerEntryOfTrade(uint64 runId, EntryOpening calldata entry) external;

    /// @notice Ask for the oracles' signatures over a reading of the run.
    function askSignatures(uint64 runId, ReadingOpening calldata reading) external;

    /// @notice Show them: a quorum, in strictly ascending sequence of the signers.
    function answerSignatures(uint64 runId, Reading calldata reading, bytes[] calldata signatures) external;

    /// @notice Ask for the first and last line behind the net of an account that is not zero.
    function askStatement(uint64 runId, Run calldata run, NetsOpening calldata nets, address account) external;

    /// @notice The same for an account that has a line, whatever its net. When no net names it, the pages must reach from
    /// below it to above it.
    function askStatementOfEntry(
        uint64 runId,
        Run calldata run,
        NetsOpening calldata nets,
        EntryOpening calldata entry
    ) external;

    /// @notice Show the first and last line; what lies between can then be asked for, and nothing may lie beyond.
    /// @param net Packed as in the nets: 20 bytes address, 12 bytes net.
    function answerStatement(uint64 runId, bytes32 net, EntryOpening calldata first, EntryOpening calldata last)
        external;

    /// @notice Ask for a line between the first and the last.
    function askEntry(uint64 runId, bytes32 net, uint64 sequence) external;

    /// @notice Show it.
    function answerEntry(uint64 runId, EntryOpening calldata entry) external;

    /// @notice End a question that was not answered in time: voids the run if that is still open, and gives the stake
    /// back.
    function close(bytes32 id) external;

    /// @notice The account has a line outside the statement that answered for its net.
    function proveBeyondStatement(uint64 runId, bytes32 net, EntryOpening calldata entry) external;

    /* VIEWS */

    /// @notice What a question costs the asker if it is answered, n€.
    function stake() external view returns (uint256);

    /// @notice Time to answer a question, s.
    function answerTime() external view returns (uint64);

    /// @notice Name of a question.
    function questionId(Topic topic, bytes32 runHash, bytes32 subject) external pure returns (bytes32);
}
