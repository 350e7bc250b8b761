// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IRegistry, Meter} from "./interfaces/IRegistry.sol";

/// @title Members, meters and keys; see IRegistry
contract Registry is IRegistry, Ownable2Step {
    /// @dev A key may sign for instants in [from, to).
    struct Key {
        uint64 from;
        uint64 to;
        bool known;
    }

    /// @inheritdoc IRegistry
    mapping(address account => bool) public isMember;

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
    mapping(address key => Key) private _oracles;
    mapping(address key => Key) private _attestors;

    constructor(address owner, uint8 oracleQuorum_, uint8 attestorQuorum_) Ownable(owner) {
        _setQuorums(oracleQuorum_, attestorQuorum_);
    }

    /* MEMBERS */

    /// @inheritdoc IRegistry
    function admitMember(address account) external onlyOwner {
        if (account == address(0)) revert ZeroAccount();
        if (isMember[account]) revert AlreadyMember(account);
        isMember[account] = true;
        emit MemberAdmitted(account);
    }

    /// @inheritdoc IRegistry
    function removeMember(address account) external onlyOwner {
        if (!isMember[account]) revert UnknownAccount(account);
        isMember[account] = false;
        emit MemberRemoved(account);
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
