// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LedgerCore} from "../src/LedgerCore.sol";
import {Entry} from "../src/interfaces/SignedTypes.sol";
import {EntryLib} from "../src/libraries/EntryLib.sol";
import {QuorumLib} from "../src/libraries/QuorumLib.sol";
import {TypedDataLib} from "../src/libraries/TypedDataLib.sol";

/// @notice What halmos proves on the compiled code, for all arguments: `make halmos`.
contract ChecksTest is LedgerCore {
    address private constant SUPPLIER = address(0x5099);

    /* CONSERVATION */

    function check_S2_void_run_leaves_no_trace(address owner, address other, int96 net, uint96[5] calldata amounts) external {
        if (owner == other || net == type(int96).min) return;
        _fill(owner, other, amounts);
        uint256 own = _all(owner);
        uint256 others = _all(other);
        uint256 fund = _guaranteeFund;
        uint128 fromFund = _applyNet(owner, net);
        _reverseNet(owner, net, fromFund);
        assert(_all(owner) == own && _all(other) == others && _guaranteeFund == fund);
    }

    function check_member_gets_everything_out(address owner, address other, uint96[5] calldata amounts) external {
        if (owner == other) return;
        _fill(owner, other, amounts);
        uint256 own = _all(owner);
        uint256 others = _all(other);
        if (own == 0) return;
        _setAside(owner, _accounts[owner].free, 0, 0);
        uint128 amount = _release(owner, true);
        assert(amount == own && _all(owner) == 0 && _all(other) == others);
    }

    function check_nothing_leaves_before_its_time(address owner, address other, uint96[5] calldata amounts) external {
        _fill(owner, other, amounts);
        (bool done,) = address(this).call(abi.encodeCall(this.release, (owner, false)));
        assert(!done);
    }

    /* SIGNATURES AND LEAVES */

    /// @dev One signature, however often, is one: whatever `ecrecover` says.
    function check_repeated_signature_is_no_quorum(bytes32 digest, bytes32 r, bytes32 s, uint8 v) external {
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = abi.encodePacked(r, s, v);
        signatures[1] = signatures[0];
        (bool done,) = address(this).call(abi.encodeCall(this.requireQuorum, (digest, signatures)));
        assert(!done);
    }

    function check_one_signature_is_no_quorum(bytes32 digest, bytes32 r, bytes32 s, uint8 v) external {
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = abi.encodePacked(r, s, v);
        (bool done,) = address(this).call(abi.encodeCall(this.requireQuorum, (digest, signatures)));
        assert(!done);
    }

    function check_leaf_binds_struct_and_salt(bytes32 a, bytes32 saltA, bytes32 b, bytes32 saltB) external pure {
        if (TypedDataLib.leaf(a, saltA) == TypedDataLib.leaf(b, saltB)) assert(a == b && saltA == saltB);
    }

    function check_entry_hash_binds_amount_and_account(Entry calldata a, Entry calldata b) external pure {
        if (TypedDataLib.hash(a) != TypedDataLib.hash(b)) return;
        assert(a.account == b.account && a.amount == b.amount && a.sequence == b.sequence && a.ref == b.ref);
    }

    /// @dev A digest is of one chain and one contract.
    function check_digest_binds_chain_and_contract(
        bytes32 structHash,
        uint256 chainA,
        address contractA,
        uint256 chainB,
        address contractB
    ) external pure {
        bool same = _digest(chainA, contractA, structHash) == _digest(chainB, contractB, structHash);
        assert(!same || (chainA == chainB && contractA == contractB));
    }

    /* LINES */

    function check_right_line_steps_by_its_amount(Entry calldata line) external pure {
        if (!EntryLib.isRight(line, SUPPLIER)) return;
        assert(int256(line.balanceBefore) + line.amount == line.balanceAfter);
        assert(line.kind >= 1 && line.kind <= 16);
    }

    function check_members_debit_is_never_a_credit(Entry calldata line) external pure {
        if (line.account == SUPPLIER || line.price < 0 || !EntryLib.isRight(line, SUPPLIER)) return;
        assert(line.kind % 2 == 0 ? line.amount >= 0 : line.amount <= 0);
    }

    /* OPENED */

    function release(address owner, bool ready) external {
        _release(owner, ready);
    }

    function requireQuorum(bytes32 digest, bytes[] calldata signatures) external view {
        QuorumLib.requireQuorum(digest, signatures, 2, 0, this.isSigner);
    }

    function isSigner(address, uint64) external pure returns (bool) {
        return true;
    }

    /// @dev Any state of two accounts and the fund.
    function _fill(address first, address second, uint96[5] calldata amounts) private {
        _accounts[first].free = amounts[0];
        _accounts[first].pending = amounts[1];
        _accounts[second].free = amounts[2];
        _accounts[second].pending = amounts[3];
        _guaranteeFund = amounts[4];
        _totalHeld = type(uint128).max;
    }

    function _all(address owner) private view returns (uint256) {
        return uint256(_accounts[owner].free) + _accounts[owner].pending;
    }

    function _digest(uint256 chain, address verifying, bytes32 structHash) private pure returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(keccak256("EIP712Domain"), "RESILIA-GRID", "1", chain, verifying));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
