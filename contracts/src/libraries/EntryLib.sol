// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Entry, Trade} from "../interfaces/SignedTypes.sol";

/// @title The rules of a statement's lines
/// @notice 1 purchase, 2 sale, 3 supply (import beyond what was bought), 4 surplus (export beyond what was sold),
/// 5 shortfall (sold and not delivered), 6 unused (bought and not drawn), 7 charge, 8 income of a charge, 9 wedge (what
/// of a trade's price the seller does not get), 10 income of wedges, 11 import beyond what was bought that neighbours
/// cover, 12 export beyond what was sold that they take, 13 correction of an earlier interval due, 14 correction
/// credited, 15 shortfall that neighbours cover, 16 unused energy that they take. Odd kinds are debits. The supplier has
/// the mirror image of 3 to 6, in sums that refer to nothing.
library EntryLib {
    uint8 internal constant PURCHASE = 1;
    uint8 internal constant SALE = 2;
    uint8 internal constant SUPPLY = 3;
    uint8 internal constant SURPLUS = 4;
    uint8 internal constant UNUSED = 6;
    uint8 internal constant CHARGE = 7;
    uint8 internal constant WEDGE = 9;
    uint8 internal constant SHARED_TAKEN = 11;
    uint8 internal constant SHARED_GIVEN = 12;
    uint8 internal constant CORRECTION_DUE = 13;
    uint8 internal constant CORRECTION_CREDIT = 14;
    uint8 internal constant UNUSED_GIVEN = 16;

    /// @dev Say whether a line is right by itself: a known kind, the amount that belongs to it, and the step of the
    /// balance. 1 Wh at 1 µ€/kWh costs 1 n€: nothing is rounded.
    function isRight(Entry calldata entry, address supplier) internal pure returns (bool) {
        if (entry.kind < PURCHASE || entry.kind > UNUSED_GIVEN) return false;
        bool credit = entry.kind % 2 == 0;
        if (_isMirrored(entry, supplier)) credit = !credit;
        int256 worth = int256(uint256(entry.quantityWh)) * entry.price;
        if (entry.amount != (credit ? worth : -worth)) return false;
        return int256(entry.balanceBefore) + entry.amount == entry.balanceAfter;
    }

    /// @dev Say whether a line charges for more import, or pays for more export, than was measured. A charge is on one
    /// of the two: its line does not say which. What was not delivered or not drawn is bound by all trades of its
    /// account, not by a reading.
    function exceeds(Entry calldata entry, uint256 importWh, uint256 exportWh, address supplier)
        internal
        pure
        returns (bool)
    {
        if (_isMirrored(entry, supplier)) return false;
        if (entry.kind == SUPPLY || entry.kind == SHARED_TAKEN) return entry.quantityWh > importWh;
        if (entry.kind == SURPLUS || entry.kind == SHARED_GIVEN) return entry.quantityWh > exportWh;
        return entry.kind == CHARGE && entry.quantityWh > importWh && entry.quantityWh > exportWh;
    }

    /// @dev Say whether a line is of a trade: a purchase, a sale or a wedge.
    function isTraded(Entry calldata entry) internal pure returns (bool) {
        return entry.kind == PURCHASE || entry.kind == SALE || entry.kind == WEDGE;
    }

    /// @dev Say whether a line is of the trade of this number.
    function isOf(Entry calldata entry, Trade calldata trade) internal pure returns (bool) {
        return isTraded(entry) && entry.interval == trade.interval && entry.ref == bytes32(uint256(trade.number));
    }

    /// @dev Say whether a line of a trade has its party, quantity and price; how high a wedge is, no leaf says.
    function matches(Entry calldata entry, Trade calldata trade) internal pure returns (bool) {
        return entry.account == (entry.kind == PURCHASE ? trade.buyer : trade.seller)
            && entry.quantityWh == trade.quantityWh && (entry.kind == WEDGE || entry.price == trade.price);
    }

    /// @dev Say whether a line corrects what an earlier run has settled.
    function isCorrection(Entry calldata entry) internal pure returns (bool) {
        return entry.kind == CORRECTION_DUE || entry.kind == CORRECTION_CREDIT;
    }

    function _isMirrored(Entry calldata entry, address supplier) private pure returns (bool) {
        return entry.account == supplier && entry.ref == 0 && entry.kind >= SUPPLY && entry.kind <= UNUSED;
    }
}
