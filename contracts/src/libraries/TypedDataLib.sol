// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    Cancel, Certificate, Entry, IntervalReadings, Order, Reading, Receipt, Run, SignedOrder, Trade
} from "../interfaces/SignedTypes.sol";

bytes32 constant ORDER_TYPEHASH = keccak256(
    "Order(address account,uint64 interval,uint8 side,uint64 quantityWh,int64 limitPrice,uint8 timeInForce,uint64 nonce,uint64 expiry,uint32 maxCarbon,uint32 minLot,bytes32 partnerGroup,uint64 validFrom,uint64 lastInterval,uint32 greenPremium,Conditions conditions)Conditions(uint32 displayWh,uint8 selfTrade,bool allOrNone,bool postOnly,bool cancelOnDisconnect,bytes32 replaces,uint64 bundle,uint8 bundleLegs)"
);
bytes32 constant SIGNED_ORDER_TYPEHASH = keccak256(
    "SignedOrder(Order order,bytes signature)Conditions(uint32 displayWh,uint8 selfTrade,bool allOrNone,bool postOnly,bool cancelOnDisconnect,bytes32 replaces,uint64 bundle,uint8 bundleLegs)Order(address account,uint64 interval,uint8 side,uint64 quantityWh,int64 limitPrice,uint8 timeInForce,uint64 nonce,uint64 expiry,uint32 maxCarbon,uint32 minLot,bytes32 partnerGroup,uint64 validFrom,uint64 lastInterval,uint32 greenPremium,Conditions conditions)"
);
bytes32 constant CANCEL_TYPEHASH = keccak256("Cancel(address account,bytes32 orderDigest)");
bytes32 constant RECEIPT_TYPEHASH =
    keccak256("Receipt(uint64 sequence,bytes32 journalHash,bytes32 orderDigest,uint8 outcome,uint64 acceptedAt)");
bytes32 constant READING_TYPEHASH = keccak256(
    "Reading(bytes32 meter,uint64 interval,uint32 period,uint64 importWh,uint64 exportWh,uint64 importIndexWh,uint64 exportIndexWh,uint16 quality,uint32 flags,uint64 sequence,bytes32 previousHash,bytes32 rawHash,uint64 observedAt)"
);
bytes32 constant INTERVAL_READINGS_TYPEHASH =
    keccak256("IntervalReadings(uint64 interval,bytes32 readingsRoot,uint64 importWh,uint64 exportWh)");
bytes32 constant RUN_TYPEHASH = keccak256(
    "Run(uint64 runId,uint64 firstInterval,uint64 lastInterval,bytes32 ordersRoot,bytes32 tradesRoot,bytes32 readingsHash,bytes32 entriesRoot,bytes32 certificatesRoot,bytes32 netsHash,uint64 importWh,uint64 exportWh,uint64 tradedWh,uint64 certifiedWh,bytes32 previousRun)"
);
bytes32 constant TRADE_TYPEHASH = keccak256(
    "Trade(uint64 interval,uint64 number,int64 price,uint64 quantityWh,bytes32 buyOrder,bytes32 sellOrder,address buyer,address seller,uint64 buyFromWh,uint64 sellFromWh,uint64 sequence,uint64 matchedAt)"
);
bytes32 constant CERTIFICATE_TYPEHASH = keccak256(
    "Certificate(uint64 number,bytes32 device,uint64 interval,uint64 fromWh,uint64 toWh,address owner,uint8 source,uint8 state,uint32 carbon)"
);
bytes32 constant ENTRY_TYPEHASH = keccak256(
    "Entry(address account,uint64 sequence,uint8 kind,uint64 interval,uint64 quantityWh,int64 price,int128 amount,int128 balanceBefore,int128 balanceAfter,bytes32 ref)"
);

/// @title EIP-712 struct hashes of everything signed or committed to, and the Merkle leaf of a struct
/// @dev The ABI encoding of a struct without dynamic fields is the very encoding that EIP-712 asks for, one word a
/// field: hence the one-line functions. SignedOrder has a dynamic field and is the exception. An order holds the hash of
/// its conditions, which stands for them in its own hash.
library TypedDataLib {
    function hash(Order calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(ORDER_TYPEHASH, value));
    }

    function hash(SignedOrder calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(SIGNED_ORDER_TYPEHASH, hash(value.order), keccak256(value.signature)));
    }

    function hash(Cancel calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(CANCEL_TYPEHASH, value));
    }

    function hash(Receipt calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECEIPT_TYPEHASH, value));
    }

    function hash(Reading calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(READING_TYPEHASH, value));
    }

    function hash(IntervalReadings calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(INTERVAL_READINGS_TYPEHASH, value));
    }

    function hash(Run calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(RUN_TYPEHASH, value));
    }

    function hash(Trade calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(TRADE_TYPEHASH, value));
    }

    function hash(Certificate calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(CERTIFICATE_TYPEHASH, value));
    }

    function hash(Entry calldata value) internal pure returns (bytes32) {
        return keccak256(abi.encode(ENTRY_TYPEHASH, value));
    }

    /// @dev Leaf of a struct in a salted Merkle tree: hashed twice, so that no inner node can pass for a leaf, and
    /// salted, so that nobody finds a household's curve by trying values (P1).
    function leaf(bytes32 structHash, bytes32 salt) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(structHash, salt))));
    }
}
