// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title What the members have decided, until it is done
/// @notice OpenZeppelin's TimelockController with one proposer, whose decisions anybody executes when their time has come,
/// and without an administrator.
contract Timelock is TimelockController {
    constructor(uint256 grace, address proposer)
        TimelockController(grace, _only(proposer), _only(address(0)), address(0))
    {}

    /// @notice Take over what its owner has handed to this contract. Anybody may: nobody is handed anything unasked.
    function accept(Ownable2Step owned) external {
        owned.acceptOwnership();
    }

    function _only(address account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }
}
