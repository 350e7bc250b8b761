// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ICertificates} from "./ICertificates.sol";
import {IRegistry} from "./IRegistry.sol";
import {ISettlement} from "./ISettlement.sol";

/// @notice What the awards of a link come to, over a stretch of their numbers. Attestors of both sides sign the same.
struct LinkRun {
    /// keccak256("RESILIA-LINK" hash, parent, child).
    bytes32 link;
    /// Counts from 1 without a gap.
    uint64 number;
    uint64 firstAward;
    uint64 lastAward;
    /// Accepted energy from child to parent.
    uint64 exportWh;
    uint64 importWh;
    uint64 voidWh;
    /// What the parent owes the child, n€; below zero the other way round.
    int128 netNeur;
    /// Part of it that the way has cost.
    uint128 feeNeur;
    /// What the child's bond pays the parent for void awards.
    uint128 compensationNeur;
    bytes32 positionsHash;
    /// Digest of the run before; zero for the first.
    bytes32 previousRun;
}

/// @notice A certificate that leaves its community for another one, for good.
struct Export {
    bytes32 origin;
    /// Counts the community's exports, to whomever they go, from 1 without a gap.
    uint64 number;
    bytes32 destination;
    address recipient;
    bytes32 device;
    uint64 interval;
    uint64 fromWh;
    uint64 toWh;
    /// 0 unknown, 1 solar, 2 storage, 3 wind, 4 biogas, 5 waste heat, 6 hydrogen.
    uint8 source;
    uint32 carbon;
    /// Digest of the export before; zero for the first.
    bytes32 previousExport;
}

/// @notice One neighbour, as this side has it.
struct Neighbour {
    /// 0 for a stranger.
    uint8 quorum;
    /// Whether it is below: then its bond for void awards lies here.
    bool isChild;
    /// No run is settled any more, and nothing imported.
    bool closed;
    uint64 lastRun;
    uint64 lastAward;
    /// When the bond may leave; 0 while the link is open.
    uint64 bondFreeAt;
    bytes32 runDigest;
    /// What the neighbour owes this community by settled runs, n€.
    int256 balanceNeur;
    uint256 bondNeur;
    /// Who posts the bond and may have it back; zero while none is taken.
    address bondOwner;
    /// Who is paid from the bond for void awards and for two words under one number.
    address payee;
    /// What the bond pays a holder for each kWh of a certificate that has to be given up, µ€.
    uint64 certificatePrice;
}

/// @notice What became of an imported certificate.
enum ImportStatus {
    NONE,
    HELD,
    /// Used up by its holder, for ever.
    CLAIMED,
    /// Fell to an export of the same energy or number that stands.
    GIVEN_UP
}

/// @notice An imported certificate.
struct Import {
    bytes32 digest;
    address holder;
    ImportStatus status;
}

/// @title The gate to other communities
/// @notice Each side has one, on its own chain, and believes nothing of the other but what a quorum of the other's
/// attestors has signed. A run counts when both sides' attestors have signed the very same: one side that is late,
/// cut off or lying holds it up, and moves nothing. A certificate leaves once, under the next number, and comes in once,
/// under its nullifier. Signed records hold on both chains: their EIP-712 domain has a name and a version only, and each
/// names its link or its community.
interface IGateway {
    event Linked(
        bytes32 indexed other,
        bool isChild,
        address[] attestors,
        uint8 quorum,
        address payee,
        address bondOwner,
        uint64 certificatePrice
    );
    event Closed(bytes32 indexed other, uint64 bondFreeAt);
    event BondPosted(bytes32 indexed other, address indexed from, uint256 amount);
    event BondPaid(bytes32 indexed other, address indexed to, uint256 amount, uint256 due);
    event RunSettled(
        bytes32 indexed other, uint64 indexed number, bytes32 digest, int256 balanceNeur, uint64 lastAward
    );
    event Equivocated(bytes32 indexed other, bytes32 first, bytes32 second);
    event Exported(bytes32 indexed destination, uint64 indexed number, bytes32 digest, Export exported);
    event Imported(bytes32 indexed origin, bytes32 indexed nullifier, address indexed holder, Export exported);
    event ImportClaimed(bytes32 indexed nullifier, address indexed holder);
    event GivenUp(bytes32 indexed nullifier, bytes32 stands, bytes32 falls);

    error NotTheCommunity(address caller, address owner);
    /// No link with that community is open here.
    error NotLinked(bytes32 other);
    /// The quorum is not between 1 and the number of attestors, or they do not ascend.
    error BadAttestors(uint8 quorum, uint256 attestors);
    /// A neighbour stays above or below.
    error OtherSide(bytes32 other);
    /// The run is not the next of its link, or does not follow from the one before.
    error NotTheNextRun(uint64 number, uint64 expected);
    /// The two do not contradict each other.
    error NoContradiction(bytes32 first, bytes32 second);
    error NotTheBondOwner(address caller, address owner);
    error BondBound(uint64 freeAt);
    error NotForUs(bytes32 destination);
    error NotElectricity(uint256 id);
    error AlreadyImported(bytes32 nullifier);
    /// The caller does not hold it, or it is not held any more.
    error NotHeld(bytes32 nullifier, address caller);

    /* LINKS */

    /// @notice Link a community, or take its new attestors. Only the registry's owner.
    /// @param other The community's name.
    /// @param isChild Whether it is below.
    /// @param attestors Ascending.
    /// @param payee Who is paid from its bond.
    /// @param bondOwner Who posts its bond and may have it back: nobody else, or a stranger who was first could. Stays
    /// as it is while there is a bond.
    /// @param certificatePrice µ€ per kWh of a certificate that has to be given up.
    function link(
        bytes32 other,
        bool isChild,
        address[] calldata attestors,
        uint8 quorum,
        address payee,
        address bondOwner,
        uint64 certificatePrice
    ) external;

    /// @notice End a link; the bond stays for `BOND_DELAY`. Only the registry's owner.
    function close(bytes32 other) external;

    /// @notice Add to a neighbour's bond. Only its owner.
    function postBond(bytes32 other, uint256 amount) external;

    /// @notice Take the bond of a closed link back, after the delay. Only its owner.
    function withdrawBond(bytes32 other) external;

    /* RUNS */

    /// @notice Settle the next run of a link. Anybody, with signatures of both sides.
    /// @param own Of this community's attestors, by ascending signer.
    /// @param theirs Of the neighbour's.
    function settle(LinkRun calldata run, bytes[] calldata own, bytes[] calldata theirs) external;

    /// @notice Show that a neighbour's attestors signed two runs of one number: its bond goes to the payee whole, and
    /// the link is closed. Anybody.
    function proveEquivocation(
        LinkRun calldata first,
        bytes[] calldata firstSignatures,
        LinkRun calldata second,
        bytes[] calldata secondSignatures
    ) external;

    /* CERTIFICATES */

    /// @notice Let a bundle of the caller, who has approved this contract, leave for another community for good.
    function exportBundle(uint256 id, bytes32 destination, address recipient) external;

    /// @notice Take a certificate in that a neighbour's attestors have let go to this community, once. Anybody.
    function importCertificate(Export calldata exported, bytes[] calldata signatures) external;

    /// @notice Use an imported certificate of the caller up, for ever (C2).
    function claimImport(bytes32 nullifier_) external;

    /// @notice Show that a neighbour has let the same energy, or number, go twice. The lower number stands, of one number
    /// the lower digest; what falls is given up here unless it is claimed, and its holder is paid from the bond. Anybody.
    function proveDoubleExport(
        Export calldata first,
        bytes[] calldata firstSignatures,
        Export calldata second,
        bytes[] calldata secondSignatures
    ) external;

    /* VIEWS */

    function BOND_DELAY() external view returns (uint64);
    function settlement() external view returns (ISettlement);
    function registry() external view returns (IRegistry);
    function certificates() external view returns (ICertificates);

    /// @notice This community's name among others: a hash of its chain and its settlement.
    function community() external view returns (bytes32);

    /// @notice Number of the last export.
    function exports() external view returns (uint64);

    /// @notice Digest of the last export.
    function lastExport() external view returns (bytes32);

    function neighbourOf(bytes32 other) external view returns (Neighbour memory);

    /// @notice An import by its nullifier.
    function importOf(bytes32 nullifier_) external view returns (Import memory);

    /// @notice What attestors sign for a run.
    function hashRun(LinkRun calldata run) external pure returns (bytes32);

    /// @notice What attestors sign for an export.
    function hashExport(Export calldata exported) external pure returns (bytes32);

    /// @notice The name of the energy behind an export, to whomever it goes.
    function nullifierOf(Export calldata exported) external pure returns (bytes32);
}
