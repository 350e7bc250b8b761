// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Entry, Trade} from "../interfaces/SignedTypes.sol";

/// @title The rules of a statement's lines
/// @notice 1 purchase, 2 sale, 3 supply (import beyond what was bought), 4 surplus (export beyond what was sold),
/// 5 shortfall (sold and not delivered), 6 unused (bought and not drawn). The supplier has the mirror image of the
/// last four, in sums that refer to nothing.
library EntryLib {
    uint8 internal constant PURCHASE = 1;
    uint8 internal constant SALE = 2;
    uint8 internal constant SUPPLY = 3;
    uint8 internal constant SURPLUS = 4;
    uint8 internal constant UNUSED = 6;

    /// @dev Say whether a line is right by itself: a known kind, the amount that belongs to it, and the step of the
    /// balance. 1 Wh at 1 µ€/kWh costs 1 n€: nothing is rounded.
    function isRight(Entry calldata entry, address supplier) internal pure returns (bool) {
        if (entry.kind < PURCHASE || entry.kind > UNUSED) return false;
        bool credit = entry.kind % 2 == 0; // sale, surplus, unused
        if (_isMirrored(entry, supplier)) credit = !credit;
        int256 worth = int256(uint256(entry.quantityWh)) * entry.price;
        if (entry.amount != (credit ? worth : -worth)) return false;
        return int256(entry.balanceBefore) + entry.amount == entry.balanceAfter;
    }

    /// @dev Say whether a line charges for more import, or pays for more export, than was measured.
    function exceeds(Entry calldata entry, uint256 importWh, uint256 exportWh, address supplier)
        internal
        pure
        returns (bool)
    {
        if (_isMirrored(entry, supplier)) return false;
        return (entry.kind == SUPPLY && entry.quantityWh > importWh)
            || (entry.kind == SURPLUS && entry.quantityWh > exportWh);
    }

    /// @dev Say whether a line is a purchase or sale by the trade of this number.
    function isOf(Entry calldata entry, Trade calldata trade) internal pure returns (bool) {
        return (entry.kind == PURCHASE || entry.kind == SALE) && entry.interval == trade.interval
            && entry.ref == bytes32(uint256(trade.number));
    }

    /// @dev Say whether a purchase or sale has its trade's party, quantity and price.
    function matches(Entry calldata entry, Trade calldata trade) internal pure returns (bool) {
        return entry.account == (entry.kind == PURCHASE ? trade.buyer : trade.seller)
            && entry.quantityWh == trade.quantityWh && entry.price == trade.price;
    }

    function _isMirrored(Entry calldata entry, address supplier) private pure returns (bool) {
        return entry.account == supplier && entry.ref == 0 && entry.kind >= SUPPLY;
    }
}
