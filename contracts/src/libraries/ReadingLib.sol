// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reading} from "../interfaces/SignedTypes.sol";

/// @title Which readings may settle and certify
library ReadingLib {
    uint16 private constant VALIDATED = 17;
    /// @dev Classes up to C: signed by the meter, an official meter, a certified sub-meter.
    uint16 private constant LEAST_TRUST = 3;
    /// @dev Clock bad, tampered with, register ran back.
    uint32 private constant DISQUALIFYING = 1 << 1 | 1 << 3 | 1 << 8;

    /// @dev Say whether a reading is final: validated, trusted, with a good clock and no sign of tampering.
    function isFinal(Reading calldata reading) internal pure returns (bool) {
        return reading.quality & 0xFF == VALIDATED && reading.quality >> 8 <= LEAST_TRUST
            && reading.flags & DISQUALIFYING == 0;
    }
}
