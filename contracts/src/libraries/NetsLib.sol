// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The nets of a run, in pages
/// @notice Nets are words of 20 bytes address and 12 bytes net in n€, in strictly ascending sequence of the accounts.
/// They may be cut into pages between any two words. A run commits to all of them: H(last page) is its keccak-256, and
/// H(page and more) = keccak-256(0x01 || keccak-256(page) || H(more)). So each page is checked before any other is known.
library NetsLib {
    /// @dev The 65 bytes of an inner hash can not be the words of a page.
    function fold(bytes32 page, bytes32 rest) internal pure returns (bytes32) {
        return rest == 0 ? page : keccak256(abi.encodePacked(uint8(1), page, rest));
    }

    /// @dev Net of an account in pages that follow each other, and whether the account is in them.
    function find(bytes[] calldata pages, address account) internal pure returns (int96 net, bool found) {
        for (uint256 page = 0; page < pages.length; page++) {
            for (uint256 offset = 0; offset < pages[page].length; offset += 32) {
                (address owner, int96 value) = wordAt(pages[page], offset);
                if (owner == account) return (value, true);
            }
        }
    }

    function wordAt(bytes calldata page, uint256 offset) internal pure returns (address account, int96 net) {
        bytes32 word = bytes32(page[offset:offset + 32]);
        return (address(bytes20(word)), int96(uint96(uint256(word))));
    }
}
