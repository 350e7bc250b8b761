// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";

import {ReadingOpening} from "./IOpenings.sol";
import {Certificate} from "./SignedTypes.sol";

/// @notice What has become of a bundle. Only an active one moves, is split or is used.
enum Status {
    NONE,
    ACTIVE,
    /// For a time, by its holder: pledged, or reserved for a sale that is pending.
    LOCKED,
    /// Lives on in two bundles.
    SPLIT,
    /// Cancelled into storage, or into another carrier, or issued anew with its origin in storage.
    CANCELLED,
    CLAIMED,
    /// Taken out of circulation, by its holder or because it was issued in error.
    WITHDRAWN,
    EXPIRED
}

/// @notice What carries the energy.
enum Carrier {
    ELECTRICITY,
    HEAT,
    HYDROGEN,
    /// Driven by an electric vehicle.
    MOBILITY
}

/// @notice Which charge of a store a discharge draws on; fixed for each store.
enum Allocation {
    FIRST_IN_FIRST_OUT,
    LAST_IN_FIRST_OUT,
    /// As the store's account says.
    NAMED
}

/// @notice A range of certified energy in one hand: [fromWh, toWh) of a device's output in one interval.
struct Bundle {
    /// Pseudonym of the meter that measured the output; of converted energy, of the converter's intake.
    bytes32 device;
    uint64 interval;
    uint64 fromWh;
    uint64 toWh;
    /// g CO2e/kWh.
    uint32 carbon;
    /// 0 unknown, 1 solar, 2 storage, 3 wind, 4 biogas, 5 waste heat, 6 hydrogen.
    uint8 source;
    Carrier carrier;
    Status status;
    /// Of a bundle that was used up, the last holder.
    address holder;
    /// The run whose tree certified it.
    uint64 runId;
    /// The bundle that it came out of; 0 when it came out of its run.
    uint256 parent;
}

/// @notice Certified energy that a store took in (EnergyTag: storage charging record).
struct Charge {
    /// The bundle that was cancelled for it.
    uint256 bundle;
    uint64 interval;
    uint64 chargedWh;
    /// What may still be discharged as certified: at first the charge less the store's losses, rounded down.
    uint64 leftWh;
    /// g CO2e/kWh of what comes out: the losses' carbon is in it, rounded up.
    uint32 carbon;
    uint8 source;
    /// Numbers of the charges before and after it that are not used up; 0 for none.
    uint64 previous;
    uint64 next;
}

/// @title Certificates of origin that left their run, by the granular scheme of EnergyTag
/// @notice A certificate is a leaf of a settled run. Its owner materialises it here as a bundle: an ERC-1155 token with
/// one unit per Wh, which one holder has whole. Bundles move whole; whoever wants to pass on a part splits first. So the
/// Wh of every range are known through every hand, and claimed once. The shape is ERC-1888's: the issuer is this
/// contract, the topic is the source code.
///
/// A claim, a charge of a store and a conversion use attested consumption of the same interval up: a Wh that was drawn
/// is used for one of them, once. A bundle that nobody has used within `LIFETIME` of its interval expires.
///
/// Materialising publishes one certificate of one device, using it publishes one reading; all others stay behind their
/// salted roots (P1).
interface ICertificates is IERC1155 {
    /// @notice A certificate became a bundle.
    event Materialised(uint64 indexed runId, uint256 indexed id, address indexed owner, Certificate certificate);
    /// @notice ERC-1888.
    event IssuanceSingle(address indexed issuer, uint256 indexed topic, uint256 id, uint256 value);
    /// @notice ERC-1888. `claimData` is abi.encode(address holder, bytes32 meter): who gave up the bundle for the claim,
    /// and the meter whose consumption it covers; 0 for converted energy.
    event ClaimSingle(
        address indexed claimIssuer,
        address indexed claimSubject,
        uint256 indexed topic,
        uint256 id,
        uint256 value,
        bytes claimData
    );
    event Split(uint256 indexed id, uint256 first, uint256 second);
    event Locked(uint256 indexed id, address indexed keeper, uint64 until);
    event Unlocked(uint256 indexed id);
    event Withdrawn(uint256 indexed id, address indexed by);
    event Expired(uint256 indexed id);
    event StoreEnrolled(bytes32 indexed device, Allocation allocation, uint16 efficiencyPermille);
    event ConverterEnrolled(bytes32 indexed device, Carrier carrier, uint16 factorPermille);
    event Charged(bytes32 indexed device, uint64 indexed charge, uint256 indexed id, uint64 chargedWh, uint64 leftWh);
    event Discharged(bytes32 indexed device, uint64 indexed charge, uint256 indexed id, uint256 newId, uint64 wh);
    event Converted(bytes32 indexed device, uint256 indexed id, uint256 indexed newId, uint64 intakeWh, uint64 outputWh);

    error NotTheOwner(address caller, address owner);
    /// Cancelled into storage, or in a state that is not known: 1 is active.
    error NotActive(uint8 state);
    /// A certificate covers at least 1 Wh.
    error EmptyRange(uint64 fromWh, uint64 toWh);
    error IntervalOutsideRun(uint64 interval, uint64 firstInterval, uint64 lastInterval);
    /// The proof does not lead from the leaf to the run's root of certificates.
    error NotInRun(uint64 runId, bytes32 leaf);
    error AlreadyMaterialised(uint256 id);
    /// Disputes may still void the run.
    error RunNotFinal(uint64 runId);
    /// More would leave the run than it certified.
    error BeyondCertified(uint64 runId, uint256 materialisedWh, uint64 certifiedWh);
    error UnknownCertificate(uint256 id);
    /// A granular certificate covers an hour at most.
    error IntervalTooLong(uint64 intervalLength, uint64 max);
    error NotTheHolder(address caller, address holder);
    /// Only an active bundle moves or is used.
    error NotCirculating(uint256 id, Status status);
    /// A bundle moves whole; split it first.
    error PartOfBundle(uint256 id, uint256 wh, uint256 bundleWh);
    /// The first part must be smaller than the bundle, and not empty.
    error SplitOutside(uint256 id, uint64 wh, uint64 bundleWh);
    /// A lock ends after now and before the bundle expires.
    error LockOutside(uint64 until, uint64 timestamp, uint64 expiresAt);
    error NotTheKeeper(address caller, address keeper);
    error NotExpired(uint256 id, uint64 expiresAt);
    /// Only the owner of the registry.
    error NotTheCommunity(address caller, address community);
    /// The reading is of another interval than the bundle.
    error OtherInterval(uint64 interval, uint64 expected);
    /// The meter is not this account's.
    error NotTheMeterOf(bytes32 meter, address account);
    /// An estimate proves no consumption.
    error ReadingNotFinal(bytes32 meter, uint64 interval);
    /// `usedWh` of the meter's consumption would be used, and it has drawn `importWh`.
    error BeyondConsumption(bytes32 meter, uint64 interval, uint256 usedWh, uint64 importWh);
    /// The bundle's carrier is not the one that is asked for.
    error WrongCarrier(uint256 id, Carrier carrier);
    error DeviceAlreadyEnrolled(bytes32 device);
    error NotAStore(bytes32 device);
    error NotAConverter(bytes32 device);
    error FactorOutOfBounds(uint16 factorPermille, uint16 max);
    /// Each bundle needs a reading of its own.
    error LengthsDiffer(uint256 ids, uint256 readings);
    /// Nothing certified would come out.
    error NothingComesOut(uint256 id);
    /// Charges of a store are recorded by ascending interval.
    error ChargesDescend(uint64 interval, uint64 last);
    /// Of an enrolled store, origin comes from its charges, not from a run.
    error OriginFromCharges(bytes32 device);
    /// The bundle has its origin already.
    error OriginKnown(uint256 id, uint8 source);
    /// Not the charge that the store's allocation draws on next, or used up.
    error NotTheNextCharge(bytes32 device, uint64 charge);
    /// Energy does not leave a store before it came.
    error ChargedLater(uint64 chargedInterval, uint64 interval);

    /* BUNDLES */

    /// @notice Turn a certificate of the caller into a bundle; its id is the leaf's hash, which is its nullifier too.
    /// @param runId The settled run that holds it.
    /// @param certificate The opened leaf.
    /// @param salt The leaf's salt.
    /// @param proof Siblings from the leaf up to `certificatesRoot`.
    function materialise(uint64 runId, Certificate calldata certificate, bytes32 salt, bytes32[] calldata proof)
        external;

    /// @notice Turn a bundle of the caller into two: the first `wh` of its range, and the rest.
    function split(uint256 id, uint64 wh) external returns (uint256 first, uint256 second);

    /// @notice Keep a bundle of the caller where it is until an instant, or until `keeper` lets it go: as a pledge, or
    /// while a sale is pending.
    function lock(uint256 id, address keeper, uint64 until) external;

    /// @notice End a lock early. Only its keeper.
    function unlock(uint256 id) external;

    /// @notice Take a bundle out of circulation for ever: its holder (to have it certified by another scheme, say), or
    /// the registry's owner, locked or not, when it was issued in error.
    function withdraw(uint256 id) external;

    /// @notice Take an expired bundle from its holder. Anybody; it is of no use already.
    function expire(uint256 id) external;

    /// @notice Take over a bundle of an account whose key was lost. Only its successor by the registry.
    function inherit(uint256 id) external;

    /// @notice Use a bundle of electricity of the caller up in the name of `beneficiary`, for ever (C2), for what a meter
    /// of the beneficiary has drawn in the bundle's interval.
    function claim(uint256 id, address beneficiary, ReadingOpening calldata consumption) external;

    /// @notice Claim many bundles at once, as `claim` would one by one: all of them or none.
    /// @param consumptions For each bundle, in the same sequence.
    function claimBatch(uint256[] calldata ids, address beneficiary, ReadingOpening[] calldata consumptions) external;

    /// @notice Use a bundle of converted energy of the caller up in the name of `beneficiary`, for ever (C2): the
    /// consumption was the converter's.
    function claimConverted(uint256 id, address beneficiary) external;

    /* STORAGE AND CONVERSION */

    /// @notice Let a storage device keep its records here, with its allocation and the certified Wh that come out per
    /// 1000 that go in; for good. Only the registry's owner.
    function enrolStore(bytes32 device, Allocation allocation, uint16 efficiencyPermille) external;

    /// @notice Let a device turn electricity into another carrier, at so many Wh per 1000 Wh of intake; for good. Only
    /// the registry's owner.
    function enrolConverter(bytes32 device, Carrier carrier, uint16 factorPermille) external;

    /// @notice Cancel a bundle of the caller into a store of the caller, which has drawn that much in the bundle's
    /// interval.
    function charge(uint256 id, ReadingOpening calldata intake) external;

    /// @notice Issue what an enrolled store of the caller fed out, whoever holds its bundle, anew as energy from
    /// storage: as far as the charge reaches, the rest keeps its unknown origin (C3).
    /// @param charge_ Number of the charge, from 1.
    function discharge(uint256 id, uint64 charge_) external returns (uint256 newId);

    /// @notice Cancel a bundle of the caller into a converter of the caller, which has drawn that much in the bundle's
    /// interval; what comes out is a bundle of the other carrier. What was converted is not converted again.
    function convert(uint256 id, ReadingOpening calldata intake) external returns (uint256 newId);

    /* VIEWS */

    /// @notice Wh of certificates that have left a run.
    function materialisedWh(uint64 runId) external view returns (uint256);

    /// @notice Wh of a bundle that were claimed in somebody's name (ERC-1888).
    function claimedBalanceOf(address beneficiary, uint256 id) external view returns (uint256);

    /// @notice Attested consumption of a meter in an interval that claims, charges and conversions have used, Wh.
    function usedWh(bytes32 meter, uint64 interval) external view returns (uint256);

    /// @notice Wh that a converter has put out in an interval: where the range of its next bundle starts.
    function convertedWh(bytes32 device, uint64 interval) external view returns (uint64);

    /// @notice A bundle as it is now; reverts with `UnknownCertificate`.
    function bundleOf(uint256 id) external view returns (Bundle memory);

    /// @notice Who may let a locked bundle go, and when its lock ends by itself; zeros for a bundle that is not locked.
    function lockOf(uint256 id) external view returns (address keeper, uint64 until);

    /// @notice A charge of a store, counted from 1; reverts with `NotTheNextCharge`.
    function chargeOf(bytes32 device, uint64 charge) external view returns (Charge memory);

    /// @notice First instant at which a bundle is of no use any more.
    function expiresAt(uint256 id) external view returns (uint64);

    /// @notice What a bundle shares with all others of its device, carrier and interval, whatever was split.
    function issuanceId(uint256 id) external view returns (bytes32);

    /// @notice The bundle behind an id (ERC-1888); reverts with `UnknownCertificate`.
    /// @return issuer This contract.
    /// @return topic Source code of the energy.
    /// @return validityData abi.encode(uint64 runId, uint64 start, uint64 end, uint64 expiresAt).
    /// @return data abi.encode(Bundle).
    function getCertificate(uint256 id)
        external
        view
        returns (address issuer, uint256 topic, bytes memory validityData, bytes memory data);

    /// @notice How long after its interval a bundle can be used, s.
    function LIFETIME() external view returns (uint64);

    /// @notice Leaf of a certificate under `Run.certificatesRoot`; as a number it is the bundle's id.
    function leafOfCertificate(Certificate calldata certificate, bytes32 salt) external pure returns (bytes32);
}
