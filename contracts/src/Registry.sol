// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {Device, IRegistry, Meter} from "./interfaces/IRegistry.sol";

/// @title Members, meters and keys; see IRegistry
contract Registry is IRegistry, Ownable2Step {
    using Checkpoints for Checkpoints.Trace208;

    /// @dev A key may sign for instants in [from, to).
    struct Key {
        uint64 from;
        uint64 to;
        bool known;
    }

    struct Rotation {
        address successor;
        uint64 readyAt;
        /// @dev Approvals of an earlier round count no more.
        uint32 round;
    }

    /// @inheritdoc IRegistry
    uint64 public constant ROTATION_DELAY = 3 days;

    /// @inheritdoc IRegistry
    mapping(address account => bool) public isMember;

    /// @inheritdoc IRegistry
    mapping(address account => bool) public isCollector;

    /// @inheritdoc IRegistry
    mapping(address account => address) public successorOf;

    /// @inheritdoc IRegistry
    uint8 public oracleQuorum;

    /// @inheritdoc IRegistry
    uint8 public attestorQuorum;

    /// @inheritdoc IRegistry
    uint64 public constant MAX_CHALLENGE_WINDOW = 30 days;

    /// @inheritdoc IRegistry
    address public disputes;

    /// @inheritdoc IRegistry
    address public questions;

    /// @inheritdoc IRegistry
    uint64 public challengeWindow;

    /// @inheritdoc IRegistry
    mapping(address account => uint256) public meterCount;

    mapping(bytes32 meter => Meter) private _meters;
    mapping(bytes32 meter => Device) private _devices;
    mapping(address account => Checkpoints.Trace208) private _membership;
    Checkpoints.Trace208 private _memberCount;
    mapping(address account => address[3]) private _guardians;
    mapping(address account => Rotation) private _rotations;
    /// @dev By account, round and successor: which guardians agree, a bit each.
    mapping(bytes32 proposal => uint8) private _approvals;
    mapping(address key => Key) private _oracles;
    mapping(address key => Key) private _attestors;

    constructor(address owner, uint8 oracleQuorum_, uint8 attestorQuorum_) Ownable(owner) {
        _setQuorums(oracleQuorum_, attestorQuorum_);
    }

    /* MEMBERS */

    /// @inheritdoc IRegistry
    function admitMember(address account) external onlyOwner {
        if (account == address(0)) revert ZeroAccount();
        if (isMember[account] || successorOf[account] != address(0)) revert AlreadyMember(account);
        _setMember(account, true);
        emit MemberAdmitted(account);
    }

    /// @inheritdoc IRegistry
    function removeMember(address account) external onlyOwner {
        if (!isMember[account]) revert UnknownAccount(account);
        _setMember(account, false);
        emit MemberRemoved(account);
    }

    /// @inheritdoc IRegistry
    function wasMember(address account, uint48 instant) external view returns (bool) {
        return _membership[account].upperLookupRecent(instant) != 0;
    }

    /// @inheritdoc IRegistry
    function memberCountAt(uint48 instant) external view returns (uint256) {
        return _memberCount.upperLookupRecent(instant);
    }

    /// @inheritdoc IRegistry
    function setCollector(address account, bool collects) external onlyOwner {
        isCollector[account] = collects;
        emit CollectorSet(account, collects);
    }

    /// @inheritdoc IRegistry
    function isParty(address account) external view returns (bool) {
        return _membership[account].length() != 0 || isCollector[account];
    }

    /// @inheritdoc IRegistry
    function announceTerms(bytes32 terms, uint64 validFrom, string calldata link) external onlyOwner {
        emit TermsAnnounced(terms, validFrom, link);
    }

    /* LOST KEYS */

    /// @inheritdoc IRegistry
    function nameGuardians(address[3] calldata guardians) external {
        if (!isMember[msg.sender]) revert UnknownAccount(msg.sender);
        for (uint256 i = 0; i < 3; i++) {
            address guardian = guardians[i];
            bool distinct = guardian != address(0) && guardian != msg.sender && guardian != guardians[(i + 1) % 3];
            if (!distinct) revert GuardiansNotDistinct();
        }
        _guardians[msg.sender] = guardians;
        _endRound(msg.sender);
        emit GuardiansNamed(msg.sender, guardians);
    }

    /// @inheritdoc IRegistry
    function approveRotation(address account, address successor) external {
        Rotation storage rotation = _rotations[account];
        if (rotation.readyAt != 0) revert RotationUnderWay(account, rotation.successor);
        if (successor == address(0)) revert ZeroAccount();
        bytes32 proposal = keccak256(abi.encode(account, rotation.round, successor));
        uint8 approvals = _approvals[proposal] | _bitOf(account, msg.sender);
        _approvals[proposal] = approvals;
        emit RotationApproved(account, successor, msg.sender);
        // Two bits or three: any sum of bits but a single one.
        if (approvals & (approvals - 1) == 0) return;
        rotation.successor = successor;
        rotation.readyAt = uint64(block.timestamp) + ROTATION_DELAY;
        emit RotationPending(account, successor, rotation.readyAt);
    }

    /// @inheritdoc IRegistry
    function cancelRotation() external {
        // 0 says that there is none.
        // slither-disable-next-line incorrect-equality
        if (_rotations[msg.sender].readyAt == 0) revert RotationNotReady(msg.sender, 0);
        _endRound(msg.sender);
        emit RotationCancelled(msg.sender);
    }

    /// @inheritdoc IRegistry
    function rotate(address account) external {
        Rotation memory rotation = _rotations[account];
        address successor = rotation.successor;
        // 0 says that there is none.
        // slither-disable-next-line incorrect-equality
        if (rotation.readyAt == 0 || block.timestamp < rotation.readyAt) {
            revert RotationNotReady(account, rotation.readyAt);
        }
        if (!isMember[account]) revert UnknownAccount(account);
        if (isMember[successor] || successorOf[successor] != address(0)) revert AlreadyMember(successor);
        _endRound(account);
        successorOf[account] = successor;
        _guardians[successor] = _guardians[account];
        _setMember(account, false);
        _setMember(successor, true);
        emit AccountRotated(account, successor);
    }

    /// @inheritdoc IRegistry
    function rotationOf(address account) external view returns (address successor, uint64 readyAt) {
        return (_rotations[account].successor, _rotations[account].readyAt);
    }

    /* METERS */

    /// @inheritdoc IRegistry
    function enrolMeter(bytes32 meter, Meter calldata details) external onlyOwner {
        // No meter belongs to the zero account, for that is never a member.
        if (_meters[meter].account != address(0)) revert MeterAlreadyEnrolled(meter);
        if (!isMember[details.account]) revert UnknownAccount(details.account);
        if (details.validFrom >= details.validTo) revert EmptyPeriod(details.validFrom, details.validTo);
        _meters[meter] = details;
        meterCount[details.account]++;
        emit MeterEnrolled(meter, details.account, details);
    }

    /// @inheritdoc IRegistry
    function retireMeter(bytes32 meter, uint64 validTo) external onlyOwner {
        Meter storage details = _meters[meter];
        if (details.account == address(0)) revert UnknownMeter(meter);
        if (validTo >= details.validTo) revert PeriodOnlyShrinks(validTo, details.validTo);
        details.validTo = validTo;
        emit MeterRetired(meter, validTo);
    }

    /// @inheritdoc IRegistry
    function describeDevice(bytes32 meter, Device calldata device) external onlyOwner {
        if (_meters[meter].account == address(0)) revert UnknownMeter(meter);
        uint8 source = _meters[meter].source;
        if (!_isOfSource(device.technology, source)) revert TechnologyMismatch(device.technology, source);
        _devices[meter] = device;
        emit DeviceDescribed(meter, device);
    }

    /// @inheritdoc IRegistry
    function deviceOf(bytes32 meter) external view returns (Device memory) {
        return _devices[meter];
    }

    /// @inheritdoc IRegistry
    function meterOf(bytes32 meter) external view returns (Meter memory details) {
        details = _meters[meter];
        if (details.account == address(0)) revert UnknownMeter(meter);
    }

    /* KEYS */

    /// @inheritdoc IRegistry
    function addOracle(address oracle, uint64 validFrom) external onlyOwner {
        _add(_oracles, oracle, validFrom);
        emit OracleAdded(oracle, validFrom);
    }

    /// @inheritdoc IRegistry
    function retireOracle(address oracle, uint64 validTo) external onlyOwner {
        _retire(_oracles, oracle, validTo);
        emit OracleRetired(oracle, validTo);
    }

    /// @inheritdoc IRegistry
    function revokeOracle(address oracle) external {
        if (msg.sender != disputes) revert NotTheDisputes(msg.sender);
        Key storage entry = _oracles[oracle];
        // What it signed for intervals until now keeps its quorum: a retired key must not make honest runs disputable.
        if (block.timestamp >= entry.to) return;
        entry.to = uint64(block.timestamp);
        emit OracleRetired(oracle, entry.to);
    }

    /// @inheritdoc IRegistry
    function isOracle(address key, uint64 instant) external view returns (bool) {
        return _isValid(_oracles[key], instant);
    }

    /// @inheritdoc IRegistry
    function addAttestor(address attestor, uint64 validFrom) external onlyOwner {
        _add(_attestors, attestor, validFrom);
        emit AttestorAdded(attestor, validFrom);
    }

    /// @inheritdoc IRegistry
    function retireAttestor(address attestor, uint64 validTo) external onlyOwner {
        _retire(_attestors, attestor, validTo);
        emit AttestorRetired(attestor, validTo);
    }

    /// @inheritdoc IRegistry
    function isAttestor(address key, uint64 instant) external view returns (bool) {
        return _isValid(_attestors[key], instant);
    }

    /// @inheritdoc IRegistry
    function setQuorums(uint8 oracleQuorum_, uint8 attestorQuorum_) external onlyOwner {
        _setQuorums(oracleQuorum_, attestorQuorum_);
    }

    /* DISPUTES */

    /// @inheritdoc IRegistry
    function openDisputes(address disputes_, address questions_, uint64 challengeWindow_) external onlyOwner {
        if (disputes != address(0)) revert DisputesAlreadyOpen(disputes);
        if (disputes_ == address(0) || questions_ == address(0)) revert ZeroAccount();
        if (challengeWindow_ == 0 || challengeWindow_ > MAX_CHALLENGE_WINDOW) {
            revert ChallengeWindowOutOfBounds(challengeWindow_, MAX_CHALLENGE_WINDOW);
        }
        disputes = disputes_;
        questions = questions_;
        challengeWindow = challengeWindow_;
        emit DisputesOpened(disputes_, questions_, challengeWindow_);
    }

    /* PRIVATE FUNCTIONS */

    function _setMember(address account, bool member) private {
        isMember[account] = member;
        uint48 instant = uint48(block.timestamp);
        // What was there before is in the history already.
        // slither-disable-next-line unused-return
        _membership[account].push(instant, member ? 1 : 0);
        uint208 count = _memberCount.latest();
        // What was there before is in the history already.
        // slither-disable-next-line unused-return
        _memberCount.push(instant, member ? count + 1 : count - 1);
    }

    function _endRound(address account) private {
        _rotations[account] = Rotation(address(0), 0, _rotations[account].round + 1);
    }

    function _bitOf(address account, address guardian) private view returns (uint8) {
        for (uint8 i = 0; i < 3; i++) {
            if (_guardians[account][i] == guardian) return uint8(1) << i;
        }
        revert NotAGuardian(account, guardian);
    }

    /// @dev Technologies by source, in blocks: see `Device` and `Meter`.
    function _isOfSource(uint8 technology, uint8 source) private pure returns (bool) {
        if (technology == 0) return true;
        // Sources of the technologies 1 to 10.
        bytes memory sources = hex"01010303040506020202";
        return technology <= sources.length && uint8(sources[technology - 1]) == source;
    }

    function _setQuorums(uint8 oracleQuorum_, uint8 attestorQuorum_) private {
        if (oracleQuorum_ == 0 || attestorQuorum_ == 0) revert ZeroQuorum();
        oracleQuorum = oracleQuorum_;
        attestorQuorum = attestorQuorum_;
        emit QuorumsSet(oracleQuorum_, attestorQuorum_);
    }

    function _add(mapping(address => Key) storage keys, address key, uint64 validFrom) private {
        if (keys[key].known) revert KeyAlreadyAdded(key);
        keys[key] = Key({from: validFrom, to: type(uint64).max, known: true});
    }

    function _retire(mapping(address => Key) storage keys, address key, uint64 validTo) private {
        Key storage entry = keys[key];
        if (!entry.known) revert UnknownKey(key);
        if (validTo >= entry.to) revert PeriodOnlyShrinks(validTo, entry.to);
        entry.to = validTo;
    }

    function _isValid(Key storage entry, uint64 instant) private view returns (bool) {
        // A key that was never added has the empty period [0, 0).
        return entry.from <= instant && instant < entry.to;
    }
}
