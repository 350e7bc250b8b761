// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The cheatcodes of forge that these tests use, as its book describes them.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
    function expectRevert() external;
    function expectRevert(bytes calldata reason) external;
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool success);
    function assume(bool condition) external pure;
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
}

/// @notice Base of all tests: what forge asks a test contract, and an assertion.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    bool public constant IS_TEST = true;

    error Different(string what, int256 left, int256 right);

    function same(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert Different(what, int256(left), int256(right));
    }

    function same(int256 left, int256 right, string memory what) internal pure {
        if (left != right) revert Different(what, left, right);
    }

    /// @dev A number in [low, high], made from any number.
    function within(uint256 any, uint256 low, uint256 high) internal pure returns (uint256) {
        return high - low == type(uint256).max ? any : low + any % (high - low + 1);
    }

    /// @dev Deploy a committed artifact.
    function deploy(string memory name, bytes memory arguments) internal returns (address made) {
        string memory json = vm.readFile(string.concat("artifacts/", name, ".json"));
        bytes memory code = bytes.concat(vm.parseJsonBytes(json, ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), name);
    }
}
