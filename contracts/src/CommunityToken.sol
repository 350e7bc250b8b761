// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {ICommunityToken} from "./interfaces/ICommunityToken.sol";

/// @title The community's euro; see ICommunityToken
contract CommunityToken is ICommunityToken, ERC20Permit, Ownable2Step {
    constructor(address owner) ERC20("RESILIA euro", "rEUR") ERC20Permit("RESILIA euro") Ownable(owner) {}

    /// @inheritdoc ICommunityToken
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    /// @inheritdoc ICommunityToken
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    /// @notice Nine: one unit is one n€, and 1 Wh at 1 µ€/kWh costs exactly one unit.
    function decimals() public pure override returns (uint8) {
        return 9;
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return super.nonces(owner);
    }
}
