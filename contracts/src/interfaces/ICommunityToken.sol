// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title The community's euro: one unit is one n€ (10^-9 €)
/// @notice An ERC-20 with ERC-2612. The owner holds the euros that stand behind it, one for one: it mints when a
/// member pays in, and whoever is paid out burns.
interface ICommunityToken is IERC20, IERC20Permit {
    /// @notice Create `amount` n€ for `to`. Owner only.
    function mint(address to, uint256 amount) external;

    /// @notice Destroy `amount` n€ of the caller.
    function burn(uint256 amount) external;
}
