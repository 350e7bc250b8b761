// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Entry, Reading, Trade} from "../src/interfaces/SignedTypes.sol";
import {EntryLib} from "../src/libraries/EntryLib.sol";
import {NetsLib} from "../src/libraries/NetsLib.sol";
import {QuorumLib} from "../src/libraries/QuorumLib.sol";
import {ReadingLib} from "../src/libraries/ReadingLib.sol";
import {Test} from "./Vm.sol";

/// @notice The libraries' rules against their sentences in words, for any input.
contract RulesTest is Test {
    address private constant SUPPLIER = address(0x5099);
    mapping(address key => bool) private _keys;

    function right(Entry calldata line) external pure returns (bool) {
        return EntryLib.isRight(line, SUPPLIER);
    }

    function isOf(Entry calldata line, Trade calldata trade) external pure returns (bool, bool) {
        return (EntryLib.isOf(line, trade), EntryLib.matches(line, trade));
    }

    function exceeds(Entry calldata line, uint256 importWh, uint256 exportWh) external pure returns (bool) {
        return EntryLib.exceeds(line, importWh, exportWh, SUPPLIER);
    }

    function isCorrection(Entry calldata line) external pure returns (bool) {
        return EntryLib.isCorrection(line);
    }

    function find(bytes[] calldata pages, address account) external pure returns (int96, bool) {
        return NetsLib.find(pages, account);
    }

    function settles(Reading calldata reading) external pure returns (bool) {
        return ReadingLib.isFinal(reading);
    }

    function isSigner(address key, uint64) external view returns (bool) {
        return _keys[key];
    }

    function requireQuorum(bytes32 digest, bytes[] calldata signatures, uint256 needed) external view {
        QuorumLib.requireQuorum(digest, signatures, needed, 0, this.isSigner);
    }

    function testFuzz_line_of_its_price_and_step_is_right(Entry memory line, int64 start, bool ofSupplier) public view {
        line.kind = uint8(within(line.kind, 1, 16));
        if (ofSupplier) (line.account, line.ref) = (SUPPLIER, 0);
        vm.assume(ofSupplier || line.account != SUPPLIER);
        int256 worth = int256(uint256(line.quantityWh)) * line.price;
        bool isMirror = ofSupplier && line.kind > 2 && line.kind < 7;
        bool isCredit = (line.kind % 2 == 0) != isMirror;
        line.amount = int128(isCredit ? worth : -worth);
        line.balanceBefore = start;
        line.balanceAfter = int128(start) + line.amount;
        require(this.right(line), "right");
        line.balanceAfter++;
        require(!this.right(line), "step");
        line.balanceAfter--;
        line.amount++;
        require(!this.right(line), "amount");
    }

    function testFuzz_unknown_kinds_are_wrong(Entry memory line) public view {
        vm.assume(line.kind == 0 || line.kind > 16);
        (line.quantityWh, line.amount, line.balanceBefore, line.balanceAfter) = (0, 0, 0, 0);
        require(!this.right(line), "kind");
    }

    function testFuzz_two_kinds_correct_what_was_settled(Entry memory line) public view {
        line.kind = uint8(within(line.kind, 0, 17));
        require(this.isCorrection(line) == (line.kind == 13 || line.kind == 14), "correction");
    }

    function testFuzz_supply_and_surplus_are_bound(Entry memory line, uint64 importWh, uint64 exportWh) public view {
        line.kind = uint8(within(line.kind, 0, 17));
        vm.assume(line.account != SUPPLIER);
        bool drawn = line.kind == 3 || line.kind == 11;
        bool fed = line.kind == 4 || line.kind == 12;
        uint256 bound = drawn ? importWh : fed ? exportWh : importWh > exportWh ? importWh : exportWh;
        bool expected = (drawn || fed || line.kind == 7) && line.quantityWh > bound;
        require(this.exceeds(line, importWh, exportWh) == expected, "bound");
        line.account = SUPPLIER;
        line.ref = 0;
        require(line.kind > 6 || !this.exceeds(line, importWh, exportWh), "sums are not one account's");
    }

    function testFuzz_what_was_measured_is_right(Entry memory line, uint64 less) public view {
        vm.assume(line.account != SUPPLIER && less < line.quantityWh);
        for (line.kind = 0; line.kind < 17; line.kind++) {
            require(!this.exceeds(line, line.quantityWh, line.quantityWh), "both");
        }
        line.kind = 7;
        require(!this.exceeds(line, line.quantityWh, less), "a charge on import");
        require(!this.exceeds(line, less, line.quantityWh), "a charge on export");
        require(this.exceeds(line, less, less), "a charge on neither");
    }

    function testFuzz_line_of_a_trade_repeats_it(Entry memory line, Trade memory trade) public view {
        line.kind = line.kind % 3 == 0 ? 1 : line.kind % 3 == 1 ? 2 : 9;
        (line.interval, line.ref) = (trade.interval, bytes32(uint256(trade.number)));
        line.account = line.kind == 1 ? trade.buyer : trade.seller;
        (line.quantityWh, line.price) = (trade.quantityWh, trade.price);
        (bool ofTrade, bool matching) = this.isOf(line, trade);
        require(ofTrade && matching, "matches");
        line.price ^= 1;
        (, matching) = this.isOf(line, trade);
        require(matching == (line.kind == 9), "price");
        line.quantityWh ^= 1;
        (, matching) = this.isOf(line, trade);
        require(!matching, "quantity");
        line.kind = 3;
        (ofTrade,) = this.isOf(line, trade);
        require(!ofTrade, "kind");
    }

    /// @dev Cut between any two words, every account has its net, and nobody else any.
    function testFuzz_net_is_found_in_any_page(address[4] memory accounts, int96[4] memory nets, uint8 cut) public view {
        cut = uint8(within(cut, 0, 4));
        bytes[] memory pages = new bytes[](2);
        for (uint256 i = 0; i < 4; i++) {
            for (uint256 j = 0; j < i; j++) vm.assume(accounts[i] != accounts[j]);
            bytes memory word = abi.encodePacked(accounts[i], nets[i]);
            pages[i < cut ? 0 : 1] = bytes.concat(pages[i < cut ? 0 : 1], word);
        }
        for (uint256 i = 0; i < 4; i++) {
            (int96 net, bool found) = this.find(pages, accounts[i]);
            require(found && net == nets[i], "net");
        }
        address stranger = address(uint160(accounts[0]) ^ uint160(accounts[1]) ^ 1);
        for (uint256 i = 0; i < 4; i++) vm.assume(stranger != accounts[i]);
        (int96 none, bool known) = this.find(pages, stranger);
        require(!known && none == 0, "stranger");
    }

    /// @dev The last page is its own hash; what comes before binds it and the rest.
    function testFuzz_pages_fold_from_the_last(bytes32 page, bytes32 rest) public pure {
        same(uint256(NetsLib.fold(page, 0)), uint256(page), "last");
        vm.assume(rest != 0);
        bytes32 folded = keccak256(abi.encodePacked(hex"01", page, rest));
        same(uint256(NetsLib.fold(page, rest)), uint256(folded), "before");
    }

    function testFuzz_reading_settles_when_validated_trusted_and_clean(Reading memory reading) public view {
        reading.quality = reading.quality % 4 == 0 ? (reading.quality / 4 % 8) << 8 | 17 : reading.quality;
        reading.flags = reading.flags % 2 == 0 ? reading.flags & ~uint32(0x10a) : reading.flags;
        bool clean = reading.flags & (1 << 1) == 0 && reading.flags & (1 << 3) == 0 && reading.flags & (1 << 8) == 0;
        bool expected = reading.quality % 256 == 17 && reading.quality / 256 < 4 && clean;
        require(this.settles(reading) == expected, "final");
    }

    function testFuzz_quorum_is_of_distinct_known_keys(bytes32 digest, uint8 known, uint8 signing, uint8 needed) public {
        needed = uint8(within(needed, 1, 5));
        uint256[4] memory keys = [uint256(1), 2, 3, 4];
        for (uint256 i = 0; i < 4; i++) {
            for (uint256 j = 0; j < 3; j++) {
                if (vm.addr(keys[j]) > vm.addr(keys[j + 1])) (keys[j], keys[j + 1]) = (keys[j + 1], keys[j]);
            }
        }
        uint256 count = 0;
        bool strangers = false;
        for (uint256 i = 0; i < 4; i++) {
            _keys[vm.addr(keys[i])] = known >> i & 1 == 1;
            if (signing >> i & 1 == 1) {
                count++;
                strangers = strangers || known >> i & 1 == 0;
            }
        }
        bytes[] memory signatures = new bytes[](count);
        for (uint256 i = 4; i > 0; i--) {
            if (signing >> (i - 1) & 1 == 0) continue;
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i - 1], digest);
            signatures[--count] = abi.encodePacked(r, s, v);
        }
        if (strangers || signatures.length < needed) vm.expectRevert();
        this.requireQuorum(digest, signatures, needed);
        if (signatures.length < 2) return;
        signatures[0] = signatures[1];
        vm.expectRevert();
        this.requireQuorum(digest, signatures, needed);
    }
}
