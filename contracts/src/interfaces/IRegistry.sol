// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice A meter and the device behind it.
struct Meter {
    /// The member whose energy it measures.
    address account;
    /// 0 unknown, 1 solar, 2 storage, 3 wind, 4 biogas, 5 waste heat, 6 hydrogen.
    uint8 source;
    /// Rated power, W; 0 when it only consumes.
    uint32 capacityW;
    /// UTC epoch seconds.
    uint64 commissionedAt;
    /// keccak-256 of the device's material passport; 0 for none.
    bytes32 passport;
    /// First second at which its readings count.
    uint64 validFrom;
    /// First second at which they no longer do; 2^64 - 1 for no end.
    uint64 validTo;
}

/// @notice What stands behind a meter, in detail; see `Meter` for source, capacity and commissioning.
struct Device {
    /// 0 not told, 1 solar on a roof or in a field, 2 building-integrated solar, 3 wind with a horizontal axis, 4 wind with
    /// a vertical axis, 5 biogas engine, 6 waste heat, 7 fuel cell, 8 stationary battery, 9 vehicle battery, 10 hydrogen
    /// store.
    uint8 technology;
    /// keccak-256 of the material passport; 0 for none.
    bytes32 passport;
    /// Where the passport can be read: no address of a household (P1).
    string link;
}

/// @title Who takes part: members, meters, and the keys of oracles and attestors
/// @notice Every change is the owner's (the operator at first, then the timelock of `Cooperative`), but for keys of members:
/// two of the three guardians that a member has named can put another account in its place. Keys and meters are valid in [validFrom, validTo), UTC epoch seconds, and that
/// period can only shrink: what was valid once stays checkable, and a retired key never comes back.
interface IRegistry {
    event MemberAdmitted(address indexed account);
    event MemberRemoved(address indexed account);
    event MeterEnrolled(bytes32 indexed meter, address indexed account, Meter details);
    event MeterRetired(bytes32 indexed meter, uint64 validTo);
    event DeviceDescribed(bytes32 indexed meter, Device device);
    event CollectorSet(address indexed account, bool collects);
    event TermsAnnounced(bytes32 indexed terms, uint64 validFrom, string link);
    event GuardiansNamed(address indexed account, address[3] guardians);
    event RotationApproved(address indexed account, address indexed successor, address indexed guardian);
    event RotationPending(address indexed account, address indexed successor, uint64 readyAt);
    event RotationCancelled(address indexed account);
    /// @notice The account's place is the successor's from now on.
    event AccountRotated(address indexed account, address indexed successor);
    event OracleAdded(address indexed oracle, uint64 validFrom);
    event OracleRetired(address indexed oracle, uint64 validTo);
    event AttestorAdded(address indexed attestor, uint64 validFrom);
    event AttestorRetired(address indexed attestor, uint64 validTo);
    event DisputesOpened(address disputes, address questions, uint64 challengeWindow);
    event QuorumsSet(uint8 oracleQuorum, uint8 attestorQuorum);

    /// The zero address stands for nobody.
    error ZeroAccount();
    error AlreadyMember(address account);
    /// The account is not a member.
    error UnknownAccount(address account);
    error MeterAlreadyEnrolled(bytes32 meter);
    error UnknownMeter(bytes32 meter);
    error KeyAlreadyAdded(address key);
    error UnknownKey(address key);
    /// A period must end after it starts.
    error EmptyPeriod(uint64 validFrom, uint64 validTo);
    /// A period of validity can only be shortened: `validTo` must be below `validToBefore`.
    error PeriodOnlyShrinks(uint64 validTo, uint64 validToBefore);
    /// A quorum is at least one signature.
    error ZeroQuorum();
    /// Disputes are opened once: nobody can put another judge in their place.
    error DisputesAlreadyOpen(address disputes);
    error ChallengeWindowOutOfBounds(uint64 challengeWindow, uint64 max);
    /// The technology is not one of the meter's source.
    error TechnologyMismatch(uint8 technology, uint8 source);
    /// Three different accounts, none of them the member's own.
    error GuardiansNotDistinct();
    error NotAGuardian(address account, address caller);
    /// A rotation waits already; the account can cancel it.
    error RotationUnderWay(address account, address successor);
    /// `readyAt` is 0 while two guardians have not agreed.
    error RotationNotReady(address account, uint64 readyAt);
    /// Only the contract for disputes revokes keys.
    error NotTheDisputes(address caller);

    /// @notice Let an account take part. Owner only.
    function admitMember(address account) external;

    /// @notice End a membership; money that the settlement holds stays the account's, to be withdrawn. Owner only.
    /// @dev Runs may still name the account: what it has traded and drawn until then settles as agreed.
    function removeMember(address account) external;

    /// @notice Say whether an account is a member now.
    function isMember(address account) external view returns (bool);

    /// @notice Say whether an account was a member at an instant that has passed.
    function wasMember(address account, uint48 instant) external view returns (bool);

    /// @notice How many members there were at an instant that has passed.
    function memberCountAt(uint48 instant) external view returns (uint256);

    /// @notice Let an account that is no member stand in runs, or no longer: whom fees, levies or grid tariffs belong to,
    /// such as `Fees`. Owner only.
    function setCollector(address account, bool collects) external;

    /// @notice Say whether an account collects.
    function isCollector(address account) external view returns (bool);

    /// @notice Say whether runs may name an account: a collector, or whoever is a member or ever was one.
    function isParty(address account) external view returns (bool);

    /// @notice Announce tariffs, fees and market parameters that hold from an instant on, by the hash of what the node
    /// loads and where it can be read. Owner only.
    function announceTerms(bytes32 terms, uint64 validFrom, string calldata link) external;

    /// @notice Name who can put another account in the place of the caller's when its key is lost: two of three. Ends a
    /// rotation that waits.
    function nameGuardians(address[3] calldata guardians) external;

    /// @notice Agree, as a guardian, to put `successor` in the place of `account`. The second guardian starts
    /// `ROTATION_DELAY`.
    function approveRotation(address account, address successor) external;

    /// @notice End a rotation of the caller's account that waits: the key is not lost.
    function cancelRotation() external;

    /// @notice Put the successor in the account's place, when the delay has passed. Anybody. The successor is the member,
    /// and has the vote and the guardians; money is taken out with `Settlement.withdrawOf`, certificates with
    /// `Certificates.inherit`, and meters are enrolled anew under its name.
    function rotate(address account) external;

    /// @notice Who has an account's place; 0 for nobody.
    function successorOf(address account) external view returns (address);

    /// @notice The rotation that waits; zeros while two guardians have not agreed.
    function rotationOf(address account) external view returns (address successor, uint64 readyAt);

    /// @notice How long the holder of a key can object to its rotation, s.
    function ROTATION_DELAY() external view returns (uint64);

    /// @notice Tell more of the device behind a meter. Owner only.
    function describeDevice(bytes32 meter, Device calldata device) external;

    /// @notice What was told of the device behind a meter; empty for nothing.
    function deviceOf(bytes32 meter) external view returns (Device memory);

    /// @notice Enrol a meter of a member; its pseudonym is used once. Owner only.
    function enrolMeter(bytes32 meter, Meter calldata details) external;

    /// @notice End a meter's validity at `validTo`, sooner than it was. Owner only.
    function retireMeter(bytes32 meter, uint64 validTo) external;

    /// @notice The meter behind a pseudonym; reverts with `UnknownMeter` if there is none.
    function meterOf(bytes32 meter) external view returns (Meter memory);

    /// @notice Let a key sign readings of intervals from `validFrom` on. Owner only.
    function addOracle(address oracle, uint64 validFrom) external;

    /// @notice Take no readings by this key for intervals from `validTo` on. Owner only.
    function retireOracle(address oracle, uint64 validTo) external;

    /// @notice Take no readings by this key for intervals from now on. Only for the contract for disputes.
    function revokeOracle(address oracle) external;

    /// @notice Say whether a key may sign readings of the interval that starts at `instant`.
    function isOracle(address key, uint64 instant) external view returns (bool);

    /// @notice Let a key sign runs whose last interval is `validFrom` or later. Owner only.
    function addAttestor(address attestor, uint64 validFrom) external;

    /// @notice Take no runs by this key whose last interval is `validTo` or later. Owner only.
    function retireAttestor(address attestor, uint64 validTo) external;

    /// @notice Say whether a key may sign a run whose last interval starts at `instant`.
    function isAttestor(address key, uint64 instant) external view returns (bool);

    /// @notice Let a contract void runs for a time after they were settled, s, at most `MAX_CHALLENGE_WINDOW`, and
    /// another bring it what was not answered; once and for good. Owner only.
    function openDisputes(address disputes, address questions, uint64 challengeWindow) external;

    /// @notice The contract that may void runs; 0 while there is none.
    function disputes() external view returns (address);

    /// @notice The contract that asks for what a run withholds; 0 while there is none.
    function questions() external view returns (address);

    /// @notice How long a run can be voided after it was settled, s; 0 while there are no disputes.
    function challengeWindow() external view returns (uint64);

    /// @notice Longest window, s: no longer than the longest wait of a withdrawal.
    function MAX_CHALLENGE_WINDOW() external view returns (uint64);

    /// @notice How many meters were ever enrolled for an account.
    function meterCount(address account) external view returns (uint256);

    /// @notice Set how many oracles, and how many attestors, must sign; both at least 1. Owner only.
    function setQuorums(uint8 oracleQuorum, uint8 attestorQuorum) external;

    /// @notice How many oracles must sign an interval's readings.
    function oracleQuorum() external view returns (uint8);

    /// @notice How many attestors must sign a run.
    function attestorQuorum() external view returns (uint8);
}
