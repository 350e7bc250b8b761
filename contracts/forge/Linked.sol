// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Export, IGateway, LinkRun} from "../src/interfaces/IGateway.sol";
import {Founded} from "./Founded.sol";

/// @notice A founded community with a neighbour below, of whose three attestors two must sign, and that has a bond here.
abstract contract Linked is Founded {
    bytes32 internal constant CHILD = keccak256("child");
    address internal constant PAYEE = address(0xbe);
    uint256 internal constant LINK_BOND = 1e9;
    uint64 internal constant PRICE = 150_000;

    IGateway internal gateway;
    uint256[3] internal theirs;

    function linkUp() internal {
        gateway = IGateway(deploy("Gateway", abi.encode(settlement, certificates)));
        for (uint256 i = 0; i < 3; i++) theirs[i] = 0x7e175 + i;
        ascend(theirs);
        address[] memory attesting = new address[](3);
        for (uint256 i = 0; i < 3; i++) attesting[i] = vm.addr(theirs[i]);
        gateway.link(CHILD, true, attesting, 2, PAYEE, address(this), PRICE);
        token.mint(address(this), LINK_BOND);
        token.approve(address(gateway), type(uint256).max);
        gateway.postBond(CHILD, LINK_BOND);
    }

    function nextRun(uint64 number, bytes32 previous) internal view returns (LinkRun memory run) {
        run.link = keccak256(abi.encode(keccak256("RESILIA-LINK"), gateway.community(), CHILD));
        run.number = number;
        (run.firstAward, run.lastAward) = (96 * number - 95, 96 * number);
        (run.exportWh, run.netNeur, run.compensationNeur) = (4_000, 3e8, 2_000);
        run.previousRun = previous;
    }

    function exportOf(uint64 number, uint64 fromWh, uint64 toWh) internal view returns (Export memory exported) {
        (exported.origin, exported.destination) = (CHILD, gateway.community());
        (exported.number, exported.recipient, exported.device) = (number, accounts[1], keccak256("device"));
        (exported.interval, exported.fromWh, exported.toWh, exported.source) = (FIRST, fromWh, toWh, 1);
    }
}
