// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Allocation, Bundle, Status} from "../src/interfaces/ICertificates.sol";
import {ReadingOpening} from "../src/interfaces/IOpenings.sol";
import {Reading} from "../src/interfaces/SignedTypes.sol";
import {Community} from "./Community.sol";

/// @notice The community whose only meter is a store's, and what may be done with that. The auditor keeps its charges.
contract Stored is Community {
    struct Filled {
        uint64 interval;
        uint256 leftWh;
    }

    uint16 private constant EFFICIENCY_PERMILLE = 870;
    uint8 private constant UNKNOWN = 0;

    /// @dev What was charged, less the losses of each charge, rounded up; and what came out.
    uint256 public storedWh;
    uint256 public dischargedWh;
    /// @dev Bundles whose Wh are in others since a discharge.
    mapping(uint256 id => bool) public replaced;
    Filled[] private _charges;
    uint256 private _first;

    constructor() {
        certificates.enrolStore(METER, Allocation.FIRST_IN_FIRST_OUT, EFFICIENCY_PERMILLE);
    }

    /// @dev Claimed for the one account with a meter, as far as that drew in the interval.
    function claim(uint256 which) external counted {
        if (_ids.length == 0) return;
        (uint256 id, Bundle memory bundle) = _bundle(which);
        Reading memory reading = _readingOf(bundle.interval);
        uint256 wh = bundle.toWh - bundle.fromWh;
        bool refused = bundle.status != Status.ACTIVE || !_isUsable(bundle);
        vm.prank(bundle.holder);
        if (refused) vm.expectRevert();
        certificates.claim(id, accounts[1], ReadingOpening(reading, SALT, new bytes32[](0)));
        if (refused) return;
        ended[id] = true;
        usedWh[bundle.interval] += wh;
        allClaimedWh += wh;
    }

    /// @dev A bundle is brought to the store's owner, who charges with it.
    function charge(uint256 which) external counted {
        if (_ids.length == 0) return;
        (uint256 id, Bundle memory bundle) = _bundle(which);
        uint256 wh = bundle.toWh - bundle.fromWh;
        if (bundle.status == Status.ACTIVE && bundle.holder != accounts[1]) {
            vm.prank(bundle.holder);
            certificates.safeTransferFrom(bundle.holder, accounts[1], id, wh, "");
        }
        uint256 leftWh = wh * EFFICIENCY_PERMILLE / 1000;
        bool descends = _charges.length != 0 && bundle.interval < _charges[_charges.length - 1].interval;
        bool refused = bundle.status != Status.ACTIVE || !_isUsable(bundle) || descends || leftWh == 0;
        vm.prank(accounts[1]);
        if (refused) vm.expectRevert();
        certificates.charge(id, ReadingOpening(_readingOf(bundle.interval), SALT, new bytes32[](0)));
        if (refused) return;
        ended[id] = true;
        usedWh[bundle.interval] += wh;
        storedWh += leftWh;
        _charges.push(Filled(bundle.interval, leftWh));
    }

    /// @dev What the store fed out gets its origin from the first charge that is left, if that came before.
    function discharge(uint256 which) external counted {
        if (_ids.length == 0) return;
        (uint256 id, Bundle memory bundle) = _bundle(which);
        uint256 wh = bundle.toWh - bundle.fromWh;
        bool refused = bundle.status != Status.ACTIVE || bundle.device != METER || bundle.source != UNKNOWN
            || _first == _charges.length || _charges[_first].interval >= bundle.interval;
        vm.prank(accounts[1]);
        if (refused) vm.expectRevert();
        uint256 newId = certificates.discharge(id, uint64(_first + 1));
        if (refused) return;
        (ended[id], replaced[id]) = (true, true);
        _ids.push(newId);
        Filled storage from = _charges[_first];
        if (wh > from.leftWh) {
            _ids.push(uint256(keccak256(abi.encode(id, bundle.fromWh + from.leftWh, bundle.toWh))));
            wh = from.leftWh;
        }
        dischargedWh += wh;
        from.leftWh -= wh;
        if (from.leftWh == 0) _first++;
    }

    function charges() external view returns (uint256) {
        return _charges.length;
    }

    function leftWh() external view returns (uint256 wh) {
        for (uint256 place = _first; place < _charges.length; place++) wh += _charges[place].leftWh;
    }
}
