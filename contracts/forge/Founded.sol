// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICertificates} from "../src/interfaces/ICertificates.sol";
import {ICommunityToken} from "../src/interfaces/ICommunityToken.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {IQuestions} from "../src/interfaces/IQuestions.sol";
import {IReadings} from "../src/interfaces/IReadings.sol";
import {IRegistry} from "../src/interfaces/IRegistry.sol";
import {ISettlement} from "../src/interfaces/ISettlement.sol";
import {Test} from "./Vm.sol";

/// @notice A founded community: three members and a supplier, three oracles, three attestors, two of three must sign.
abstract contract Founded is Test {
    uint64 internal constant LENGTH = 900;
    uint64 internal constant FIRST = 1_751_371_200;
    uint64 internal constant WINDOW = 3 days;
    uint64 internal constant ANSWER_TIME = 1 days;
    uint256 internal constant BOND = 1_001;
    uint256 internal constant STAKE = 50;
    address internal constant SUPPLIER = address(0x5099);
    address internal constant OPERATOR = address(0x0be4);

    ICommunityToken public token;
    IRegistry public registry;
    IReadings public readings;
    ISettlement public settlement;
    ICertificates public certificates;
    IDisputes public disputes;
    IQuestions public questions;

    /// @dev Members by ascending address, then the supplier.
    address[4] internal accounts = [address(0x11), address(0x22), address(0x33), SUPPLIER];
    /// @dev Private keys, by ascending address.
    uint256[3] internal oracles;
    uint256[3] internal attestors;

    function found() internal {
        vm.warp(FIRST);
        token = ICommunityToken(deploy("CommunityToken", abi.encode(address(this))));
        registry = IRegistry(deploy("Registry", abi.encode(address(this), 2, 2)));
        readings = IReadings(deploy("Readings", abi.encode(registry, LENGTH)));
        settlement = ISettlement(deploy("Settlement", abi.encode(token, registry, readings, SUPPLIER)));
        certificates = ICertificates(deploy("Certificates", abi.encode(settlement)));
        disputes = IDisputes(deploy("Disputes", abi.encode(settlement, OPERATOR, BOND)));
        questions = IQuestions(deploy("Questions", abi.encode(disputes, settlement, STAKE, ANSWER_TIME)));
        registry.openDisputes(address(disputes), address(questions), WINDOW);
        for (uint256 i = 0; i < 3; i++) {
            registry.admitMember(accounts[i]);
            oracles[i] = 0xace + i;
            attestors[i] = 0xa77e57 + i;
            registry.addOracle(vm.addr(oracles[i]), 0);
            registry.addAttestor(vm.addr(attestors[i]), 0);
        }
        ascend(oracles);
        ascend(attestors);
        token.approve(address(settlement), type(uint256).max);
        token.approve(address(disputes), type(uint256).max);
        token.approve(address(questions), type(uint256).max);
    }

    /// @dev A quorum's signatures, by ascending signer.
    function quorum(uint256[3] storage keys, bytes32 digest) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        signatures[0] = signature(keys[0], digest);
        signatures[1] = signature(keys[1], digest);
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function ascend(uint256[3] storage keys) internal {
        for (uint256 i = 0; i < 3; i++) {
            for (uint256 j = 0; j + 1 < 3; j++) {
                if (vm.addr(keys[j]) > vm.addr(keys[j + 1])) (keys[j], keys[j + 1]) = (keys[j + 1], keys[j]);
            }
        }
    }
}
