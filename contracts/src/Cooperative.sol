// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICooperative} from "./interfaces/ICooperative.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {Timelock} from "./Timelock.sol";

/// @title One member, one vote; see ICooperative
contract Cooperative is
    ICooperative,
    Governor,
    GovernorSettings,
    GovernorCountingSimple,
    GovernorTimelockControl
{
    IRegistry public immutable registry;

    /// @inheritdoc ICooperative
    uint8 public immutable quorumPercent;

    /// @param delay From a proposal to its vote, s.
    /// @param period For the vote, s.
    /// @param grace From the vote to the deed, s: whoever disagrees has the time to leave.
    constructor(IRegistry registry_, uint8 quorumPercent_, uint48 delay, uint32 period, uint256 grace)
        Governor("RESILIA-GRID")
        GovernorSettings(delay, period, 1)
        GovernorTimelockControl(new Timelock(grace, address(this)))
    {
        if (quorumPercent_ == 0 || quorumPercent_ > 100) revert QuorumOutOfBounds(quorumPercent_);
        registry = registry_;
        quorumPercent = quorumPercent_;
    }

    /// @notice Members that must vote for or abstain, rounded up.
    function quorum(uint256 timepoint) public view override returns (uint256) {
        return Math.ceilDiv(registry.memberCountAt(uint48(timepoint)) * quorumPercent, 100);
    }

    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _getVotes(address account, uint256 timepoint, bytes memory) internal view override returns (uint256) {
        return registry.wasMember(account, uint48(timepoint)) ? 1 : 0;
    }

    // What follows says only whose version counts where two modules have one.

    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }

    function state(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState)
    {
        return super.state(proposalId);
    }

    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
