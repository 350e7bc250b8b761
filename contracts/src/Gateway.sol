// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";

import {Bundle, Carrier, ICertificates} from "./interfaces/ICertificates.sol";
import {Export, IGateway, Import, ImportStatus, LinkRun, Neighbour} from "./interfaces/IGateway.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {QuorumLib} from "./libraries/QuorumLib.sol";

bytes32 constant LINK_RUN_TYPEHASH = keccak256(
    "LinkRun(bytes32 link,uint64 number,uint64 firstAward,uint64 lastAward,uint64 exportWh,uint64 importWh,uint64 voidWh,int128 netNeur,uint128 feeNeur,uint128 compensationNeur,bytes32 positionsHash,bytes32 previousRun)"
);
bytes32 constant EXPORT_TYPEHASH = keccak256(
    "Export(bytes32 origin,uint64 number,bytes32 destination,address recipient,bytes32 device,uint64 interval,uint64 fromWh,uint64 toWh,uint8 source,uint32 carbon,bytes32 previousExport)"
);

/// @title The gate to other communities; see IGateway
contract Gateway is IGateway, ERC1155Holder {
    using SafeERC20 for IERC20;

    /// @inheritdoc IGateway
    uint64 public constant BOND_DELAY = 30 days;

    bytes32 private constant SEPARATOR = keccak256(
        abi.encode(keccak256("EIP712Domain(string name,string version)"), keccak256("RESILIA-LINK"), keccak256("1"))
    );
    bytes32 private constant COMMUNITY_TAG = keccak256("RESILIA-COMMUNITY");
    bytes32 private constant LINK_TAG = keccak256("RESILIA-LINK");

    ISettlement public immutable settlement;
    IRegistry public immutable registry;
    ICertificates public immutable certificates;
    IERC20 private immutable _token;

    /// @inheritdoc IGateway
    bytes32 public immutable community;

    /// @inheritdoc IGateway
    uint64 public exports;

    /// @inheritdoc IGateway
    bytes32 public lastExport;

    mapping(bytes32 other => Neighbour) private _neighbours;
    mapping(bytes32 other => mapping(address key => bool)) private _attests;
    mapping(bytes32 other => address[]) private _attestors;
    /// @dev Community behind the name of a link.
    mapping(bytes32 link => bytes32 other) private _others;
    mapping(bytes32 nullifier => Import) private _imports;

    constructor(ISettlement settlement_, ICertificates certificates_) {
        settlement = settlement_;
        registry = settlement_.registry();
        certificates = certificates_;
        _token = settlement_.token();
        community = keccak256(abi.encode(COMMUNITY_TAG, block.chainid, address(settlement_)));
    }

    modifier onlyCommunity() {
        address owner = Ownable(address(registry)).owner();
        if (msg.sender != owner) revert NotTheCommunity(msg.sender, owner);
        _;
    }

    /* LINKS */

    /// @inheritdoc IGateway
    function link(
        bytes32 other,
        bool isChild,
        address[] calldata attestors,
        uint8 quorum,
        address payee,
        address bondOwner,
        uint64 certificatePrice
    ) external onlyCommunity {
        Neighbour storage neighbour = _neighbours[other];
        if (neighbour.bondNeur != 0 && bondOwner != neighbour.bondOwner) revert BondBound(neighbour.bondFreeAt);
        if (neighbour.quorum != 0 && (neighbour.isChild != isChild || neighbour.closed)) revert OtherSide(other);
        if (quorum == 0 || quorum > attestors.length) revert BadAttestors(quorum, attestors.length);
        for (uint256 i = 0; i < _attestors[other].length; i++) _attests[other][_attestors[other][i]] = false;
        for (uint256 i = 0; i < attestors.length; i++) {
            if (i != 0 && attestors[i] <= attestors[i - 1]) revert BadAttestors(quorum, attestors.length);
            _attests[other][attestors[i]] = true;
        }
        _attestors[other] = attestors;
        (neighbour.quorum, neighbour.isChild) = (quorum, isChild);
        (neighbour.payee, neighbour.bondOwner) = (payee, bondOwner);
        neighbour.certificatePrice = certificatePrice;
        _others[_linkId(other, isChild)] = other;
        emit Linked(other, isChild, attestors, quorum, payee, bondOwner, certificatePrice);
    }

    /// @inheritdoc IGateway
    function close(bytes32 other) external onlyCommunity {
        _close(other, _open(other));
    }

    /// @inheritdoc IGateway
    function postBond(bytes32 other, uint256 amount) external {
        Neighbour storage neighbour = _open(other);
        if (msg.sender != neighbour.bondOwner) revert NotTheBondOwner(msg.sender, neighbour.bondOwner);
        neighbour.bondNeur += amount;
        emit BondPosted(other, msg.sender, amount);
        _token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IGateway
    function withdrawBond(bytes32 other) external {
        Neighbour storage neighbour = _neighbours[other];
        if (msg.sender != neighbour.bondOwner) revert NotTheBondOwner(msg.sender, neighbour.bondOwner);
        uint64 freeAt = neighbour.bondFreeAt;
        if (freeAt == 0 || block.timestamp < freeAt) revert BondBound(freeAt);
        _pay(other, neighbour, msg.sender, neighbour.bondNeur);
    }

    /* RUNS */

    /// @inheritdoc IGateway
    function settle(LinkRun calldata run, bytes[] calldata own, bytes[] calldata theirs) external {
        bytes32 other = _others[run.link];
        Neighbour storage neighbour = _open(other);
        bool follows = run.number == neighbour.lastRun + 1 && run.firstAward == neighbour.lastAward + 1
            && run.lastAward >= run.firstAward && run.previousRun == neighbour.runDigest;
        if (!follows) revert NotTheNextRun(run.number, neighbour.lastRun + 1);
        bytes32 digest = hashRun(run);
        QuorumLib.requireQuorum(digest, own, registry.attestorQuorum(), uint64(block.timestamp), registry.isAttestor);
        _requireTheirs(other, neighbour, digest, theirs);

        (neighbour.lastRun, neighbour.lastAward, neighbour.runDigest) = (run.number, run.lastAward, digest);
        // The parent owes the child what is above zero.
        neighbour.balanceNeur += neighbour.isChild ? -int256(run.netNeur) : int256(run.netNeur);
        emit RunSettled(other, run.number, digest, neighbour.balanceNeur, run.lastAward);
        if (neighbour.isChild && run.compensationNeur != 0) {
            _pay(other, neighbour, neighbour.payee, run.compensationNeur);
        }
    }

    /// @inheritdoc IGateway
    function proveEquivocation(
        LinkRun calldata first,
        bytes[] calldata firstSignatures,
        LinkRun calldata second,
        bytes[] calldata secondSignatures
    ) external {
        bytes32 other = _others[first.link];
        Neighbour storage neighbour = _open(other);
        (bytes32 one, bytes32 two) = (hashRun(first), hashRun(second));
        if (first.link != second.link || first.number != second.number || one == two) revert NoContradiction(one, two);
        _requireTheirs(other, neighbour, one, firstSignatures);
        _requireTheirs(other, neighbour, two, secondSignatures);
        emit Equivocated(other, one, two);
        _close(other, neighbour);
        _pay(other, neighbour, neighbour.payee, neighbour.bondNeur);
    }

    /* CERTIFICATES */

    /// @inheritdoc IGateway
    function exportBundle(uint256 id, bytes32 destination, address recipient) external {
        Bundle memory bundle = certificates.bundleOf(id);
        if (bundle.carrier != Carrier.ELECTRICITY) revert NotElectricity(id);
        Export memory exported = Export({
            origin: community,
            number: ++exports,
            destination: destination,
            recipient: recipient,
            device: bundle.device,
            interval: bundle.interval,
            fromWh: bundle.fromWh,
            toWh: bundle.toWh,
            source: bundle.source,
            carbon: bundle.carbon,
            previousExport: lastExport
        });
        lastExport = _digest(keccak256(abi.encode(EXPORT_TYPEHASH, exported)));
        emit Exported(destination, exported.number, lastExport, exported);
        // A bundle circulates until here, and is held by the caller, or its transfer reverts.
        certificates.safeTransferFrom(msg.sender, address(this), id, bundle.toWh - bundle.fromWh, "");
        certificates.withdraw(id);
    }

    /// @inheritdoc IGateway
    function importCertificate(Export calldata exported, bytes[] calldata signatures) external {
        if (exported.destination != community) revert NotForUs(exported.destination);
        bytes32 digest = hashExport(exported);
        _requireTheirs(exported.origin, _open(exported.origin), digest, signatures);
        bytes32 nullifier_ = nullifierOf(exported);
        if (_imports[nullifier_].status != ImportStatus.NONE) revert AlreadyImported(nullifier_);
        _imports[nullifier_] = Import(digest, exported.recipient, ImportStatus.HELD);
        emit Imported(exported.origin, nullifier_, exported.recipient, exported);
    }

    /// @inheritdoc IGateway
    function claimImport(bytes32 nullifier_) external {
        Import storage held = _imports[nullifier_];
        if (held.status != ImportStatus.HELD || msg.sender != held.holder) revert NotHeld(nullifier_, msg.sender);
        held.status = ImportStatus.CLAIMED;
        emit ImportClaimed(nullifier_, msg.sender);
    }

    /// @inheritdoc IGateway
    function proveDoubleExport(
        Export calldata first,
        bytes[] calldata firstSignatures,
        Export calldata second,
        bytes[] calldata secondSignatures
    ) external {
        bytes32 origin = first.origin;
        Neighbour storage neighbour = _neighbours[origin];
        (bytes32 one, bytes32 two) = (hashExport(first), hashExport(second));
        if (one == two || !_clash(first, second)) revert NoContradiction(one, two);
        _requireTheirs(origin, neighbour, one, firstSignatures);
        _requireTheirs(origin, neighbour, two, secondSignatures);
        bool firstStands = first.number < second.number || (first.number == second.number && one < two);
        (Export calldata falls, bytes32 fallen) = firstStands ? (second, two) : (first, one);
        bytes32 nullifier_ = nullifierOf(falls);
        Import storage held = _imports[nullifier_];
        if (held.status != ImportStatus.HELD || held.digest != fallen) revert NotHeld(nullifier_, held.holder);
        held.status = ImportStatus.GIVEN_UP;
        emit GivenUp(nullifier_, firstStands ? one : two, fallen);
        _pay(origin, neighbour, held.holder, uint256(falls.toWh - falls.fromWh) * neighbour.certificatePrice);
    }

    /* VIEWS */

    /// @inheritdoc IGateway
    function neighbourOf(bytes32 other) external view returns (Neighbour memory) {
        return _neighbours[other];
    }

    /// @inheritdoc IGateway
    function importOf(bytes32 nullifier_) external view returns (Import memory) {
        return _imports[nullifier_];
    }

    /// @inheritdoc IGateway
    function hashRun(LinkRun calldata run) public pure returns (bytes32) {
        return _digest(keccak256(abi.encode(LINK_RUN_TYPEHASH, run)));
    }

    /// @inheritdoc IGateway
    function hashExport(Export calldata exported) public pure returns (bytes32) {
        return _digest(keccak256(abi.encode(EXPORT_TYPEHASH, exported)));
    }

    /// @inheritdoc IGateway
    function nullifierOf(Export calldata exported) public pure returns (bytes32) {
        return keccak256(
            abi.encode(exported.origin, exported.device, exported.interval, exported.fromWh, exported.toWh)
        );
    }

    /* PRIVATE FUNCTIONS */

    function _linkId(bytes32 other, bool isChild) private view returns (bytes32) {
        (bytes32 parent, bytes32 child) = isChild ? (community, other) : (other, community);
        return keccak256(abi.encode(LINK_TAG, parent, child));
    }

    function _open(bytes32 other) private view returns (Neighbour storage neighbour) {
        neighbour = _neighbours[other];
        if (neighbour.quorum == 0 || neighbour.closed) revert NotLinked(other);
    }

    function _close(bytes32 other, Neighbour storage neighbour) private {
        neighbour.closed = true;
        neighbour.bondFreeAt = uint64(block.timestamp) + BOND_DELAY;
        emit Closed(other, neighbour.bondFreeAt);
    }

    /// @dev As much of what is due as the bond has. It is no bond of `Bonds`: it belongs to a link, pays its victims all
    /// that is due, and is free after the link is closed, not after an announcement.
    function _pay(bytes32 other, Neighbour storage neighbour, address to, uint256 due) private {
        uint256 amount = due < neighbour.bondNeur ? due : neighbour.bondNeur;
        neighbour.bondNeur -= amount;
        emit BondPaid(other, to, amount, due);
        if (amount != 0) _token.safeTransfer(to, amount);
    }

    function _requireTheirs(
        bytes32 other,
        Neighbour storage neighbour,
        bytes32 digest,
        bytes[] calldata signatures
    ) private view {
        if (neighbour.quorum == 0) revert NotLinked(other);
        if (signatures.length < neighbour.quorum) {
            revert QuorumLib.QuorumNotMet(signatures.length, neighbour.quorum);
        }
        address signer = address(0);
        // Ends with the known keys at the latest, as for the community's own.
        for (uint256 i = 0; i < signatures.length; i++) {
            signer = QuorumLib.signerAfter(signer, digest, signatures[i]);
            if (!_attests[other][signer]) revert QuorumLib.UnknownSigner(signer, uint64(block.timestamp));
        }
    }

    function _clash(Export calldata first, Export calldata second) private pure returns (bool) {
        if (first.origin != second.origin) return false;
        return first.number == second.number
            || (first.device == second.device && first.interval == second.interval && first.fromWh < second.toWh
                && second.fromWh < first.toWh);
    }

    function _digest(bytes32 structHash) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", SEPARATOR, structHash));
    }
}
