// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

// What members, oracles and attestors sign, and what the roots of a run commit to. Every field is part of the EIP-712
// type of the same name, in the same sequence; see TypedDataLib. Units: Wh, µ€/kWh, n€ (10^-9 €), g CO2e/kWh, UTC
// epoch seconds; an interval is named by its first second.

/// @notice An order, as its member signs it.
struct Order {
    /// Whose money and energy it is; must be the signer.
    address account;
    /// Delivery interval.
    uint64 interval;
    /// 0 buy, 1 sell.
    uint8 side;
    /// Of a replacement, what the replaced order has filled counts in it.
    uint64 quantityWh;
    /// Highest price a buyer pays, lowest a seller takes, µ€/kWh; may be negative.
    int64 limitPrice;
    /// 0 good till gate closure, 1 immediate or cancel, 2 fill or kill.
    uint8 timeInForce;
    /// Unique for the account.
    uint64 nonce;
    /// Last second at which it may still match; 0 for until gate closure.
    uint64 expiry;
    /// Of a buyer: highest carbon content accepted, g CO2e/kWh; 0 for any. Of a seller: the highest that its energy
    /// has, which the seller promises; 0 promises nothing.
    uint32 maxCarbon;
    /// Smallest acceptable trade, but for the one that completes the order, Wh; 0 for any.
    uint32 minLot;
    /// At one price, orders that name the same group come first; 0 for no preference.
    bytes32 partnerGroup;
    /// First second at which it may match; 0 for at once.
    uint64 validFrom;
    /// Last interval in which the energy may be delivered; 0 for `interval` alone.
    uint64 lastInterval;
    /// Of a buyer with `maxCarbon`: takes energy beyond that too, at so much less than the limit price, µ€/kWh.
    uint32 greenPremium;
    /// EIP-712 hash of `Conditions`: nothing on the chain depends on what they say.
    bytes32 conditions;
}

/// @notice What else an order asks of the matching engine; signed as a part of the order.
struct Conditions {
    /// How much the book shows at a time, Wh; 0 for all.
    uint32 displayWh;
    /// When it would trade with an order of its own account: 0 its rest is cancelled, 1 the resting one, 2 both.
    uint8 selfTrade;
    /// Is filled whole, or waits.
    bool allOrNone;
    /// Is refused if it would match at once.
    bool postOnly;
    /// Is cancelled when the connection that brought it ends.
    bool cancelOnDisconnect;
    /// Digest of the resting order whose place it takes; 0 for none.
    bytes32 replaces;
    /// Orders of one account with the same number trade whole together or not at all; 0 for alone.
    uint64 bundle;
    /// How many orders the bundle has; 0 for alone.
    uint8 bundleLegs;
}

/// @notice A leaf of `Run.ordersRoot`: the order together with its signature, so that a dispute opens both.
struct SignedOrder {
    Order order;
    bytes signature;
}

/// @notice A member's wish to take an order out of its book.
struct Cancel {
    address account;
    bytes32 orderDigest;
}

/// @notice The operator's signed answer to an order: its place in the journal and what became of it.
struct Receipt {
    uint64 sequence;
    /// Hash of the journal up to and including this order.
    bytes32 journalHash;
    bytes32 orderDigest;
    uint8 outcome;
    /// Time of the command, which never goes back from record to record.
    uint64 acceptedAt;
}

/// @notice What one meter measured in one interval; a leaf of `IntervalReadings.readingsRoot`.
struct Reading {
    /// Pseudonym of the meter.
    bytes32 meter;
    uint64 interval;
    /// Length of the interval, s.
    uint32 period;
    uint64 importWh;
    uint64 exportWh;
    /// Cumulative registers at the end of the interval, Wh.
    uint64 importIndexWh;
    uint64 exportIndexWh;
    /// Trust class << 8 | quality code.
    uint16 quality;
    uint32 flags;
    /// Counts the readings of this meter without a gap.
    uint64 sequence;
    /// Struct hash of the meter's previous reading; 0 for the first.
    bytes32 previousHash;
    /// keccak-256 of the frame that holds the end index.
    bytes32 rawHash;
    uint64 observedAt;
}

/// @notice The neighbourhood's totals of one interval and the salted Merkle root of its readings.
struct IntervalReadings {
    uint64 interval;
    bytes32 readingsRoot;
    uint64 importWh;
    uint64 exportWh;
}

/// @notice A settlement run over consecutive intervals: roots, totals and the hash of the nets that it moves.
struct Run {
    /// Counts from 1 without a gap.
    uint64 runId;
    uint64 firstInterval;
    uint64 lastInterval;
    bytes32 ordersRoot;
    bytes32 tradesRoot;
    /// `Readings.historyAt(lastInterval)`: binds every attested interval up to the last.
    bytes32 readingsHash;
    bytes32 entriesRoot;
    bytes32 certificatesRoot;
    /// keccak-256 of the packed nets.
    bytes32 netsHash;
    uint64 importWh;
    uint64 exportWh;
    uint64 tradedWh;
    uint64 certifiedWh;
    /// Digest of the run before; 0 for the first.
    bytes32 previousRun;
}

/// @notice One match; a leaf of `Run.tradesRoot`. It fills [from, from + quantityWh) of both orders.
struct Trade {
    uint64 interval;
    /// Counts from 0 within the interval, in matching sequence.
    uint64 number;
    int64 price;
    uint64 quantityWh;
    bytes32 buyOrder;
    bytes32 sellOrder;
    address buyer;
    address seller;
    uint64 buyFromWh;
    uint64 sellFromWh;
    /// Place in the journal of the command that brought the match about.
    uint64 sequence;
    /// Time of that command.
    uint64 matchedAt;
}

/// @notice The origin of [fromWh, toWh) on the export ruler of a device and an interval; a leaf of
/// `Run.certificatesRoot`.
struct Certificate {
    uint64 number;
    /// Pseudonym of the meter that measured the export.
    bytes32 device;
    uint64 interval;
    uint64 fromWh;
    uint64 toWh;
    address owner;
    /// 0 unknown, 1 solar, 2 storage, 3 wind, 4 biogas, 5 waste heat, 6 hydrogen.
    uint8 source;
    /// 1 active, 2 cancelled into storage.
    uint8 state;
    /// g CO2e/kWh.
    uint32 carbon;
}

/// @notice One line of a member's statement; a leaf of `Run.entriesRoot`.
struct Entry {
    address account;
    uint64 sequence;
    uint8 kind;
    uint64 interval;
    uint64 quantityWh;
    int64 price;
    /// n€; above zero is a credit.
    int128 amount;
    int128 balanceBefore;
    int128 balanceAfter;
    /// What it pays for: the trade's number in the interval, or the account's first meter; 0 for the supplier's sums.
    bytes32 ref;
}
