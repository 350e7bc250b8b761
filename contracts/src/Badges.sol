// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Badge, IBadges} from "./interfaces/IBadges.sol";
import {IReputation} from "./interfaces/IReputation.sol";

/// @title Badges; see IBadges
contract Badges is IBadges, ERC721 {
    bytes4 private constant ERC_5192 = 0xb45a3c0e;

    IReputation public immutable reputation;

    constructor(IReputation reputation_) ERC721("RESILIA badges", "rBADGE") {
        reputation = reputation_;
    }

    /// @inheritdoc IBadges
    function award(address account, Badge badge) external returns (uint256 tokenId) {
        uint256 neededWh = badge == Badge.FIRST_ENERGY ? 1 : badge == Badge.MEGAWATT_HOUR ? 1_000_000 : 100_000;
        uint256 lifetimeWh = reputation.lifetimeWh(account);
        if (lifetimeWh < neededWh) revert BadgeNotEarned(account, badge, lifetimeWh, neededWh);
        tokenId = uint256(uint160(account)) << 8 | uint8(badge);
        emit Locked(tokenId);
        // Minting a token twice reverts.
        _mint(account, tokenId);
    }

    /// @inheritdoc IBadges
    function locked(uint256 tokenId) external view returns (bool) {
        _requireOwned(tokenId);
        return true;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC721, IERC165) returns (bool) {
        return interfaceId == ERC_5192 || super.supportsInterface(interfaceId);
    }

    function _update(address to, uint256 tokenId, address auth) internal override returns (address) {
        if (_ownerOf(tokenId) != address(0) && to != _ownerOf(tokenId)) revert BadgeNeverMoves(tokenId);
        return super._update(to, tokenId, auth);
    }
}
