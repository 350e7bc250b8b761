// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {ICertificates} from "./interfaces/ICertificates.sol";
import {ISettlement, RunRecord} from "./interfaces/ISettlement.sol";
import {Certificate} from "./interfaces/SignedTypes.sol";
import {TypedDataLib} from "./libraries/TypedDataLib.sol";

/// @title Certificates of origin; see ICertificates
contract Certificates is ICertificates, ERC1155 {
    using TypedDataLib for Certificate;

    struct Issued {
        Certificate certificate;
        /// @dev 0 for an id that was never issued: runs count from 1.
        uint64 runId;
    }

    uint8 private constant ACTIVE = 1;

    ISettlement public immutable settlement;

    /// @inheritdoc ICertificates
    mapping(uint64 runId => uint256) public materialisedWh;

    /// @inheritdoc ICertificates
    mapping(address beneficiary => mapping(uint256 id => uint256)) public claimedBalanceOf;

    mapping(uint256 id => Issued) private _issued;

    /// @dev No metadata address: `getCertificate` says all.
    constructor(ISettlement settlement_) ERC1155("") {
        settlement = settlement_;
    }

    /// @inheritdoc ICertificates
    function materialise(uint64 runId, Certificate calldata certificate, bytes32 salt, bytes32[] calldata proof)
        external
    {
        if (msg.sender != certificate.owner) revert NotTheOwner(msg.sender, certificate.owner);
        if (certificate.state != ACTIVE) revert NotActive(certificate.state);
        if (certificate.fromWh >= certificate.toWh) revert EmptyRange(certificate.fromWh, certificate.toWh);
        RunRecord memory run = settlement.runAt(runId);
        if (!settlement.isFinal(runId)) revert RunNotFinal(runId);
        if (certificate.interval < run.firstInterval || certificate.interval > run.lastInterval) {
            revert IntervalOutsideRun(certificate.interval, run.firstInterval, run.lastInterval);
        }
        bytes32 leaf = leafOfCertificate(certificate, salt);
        if (!MerkleProof.verifyCalldata(proof, run.certificatesRoot, leaf)) revert NotInRun(runId, leaf);
        uint256 id = uint256(leaf);
        if (_issued[id].runId != 0) revert AlreadyMaterialised(id);
        uint256 amountWh = certificate.toWh - certificate.fromWh;
        uint256 totalWh = materialisedWh[runId] + amountWh;
        // C1: even a wrong tree can not bring out more than the run certified, which is at most the attested export.
        if (totalWh > run.certifiedWh) revert BeyondCertified(runId, totalWh, run.certifiedWh);

        _issued[id] = Issued({certificate: certificate, runId: runId});
        materialisedWh[runId] = totalWh;
        emit Materialised(runId, id, msg.sender, certificate);
        emit IssuanceSingle(address(this), certificate.source, id, amountWh);
        // The last step, for it calls the owner if that is a contract.
        _mint(msg.sender, id, amountWh, "");
    }

    /// @inheritdoc ICertificates
    function claim(uint256 id, uint256 amount, address beneficiary) external {
        Issued storage issued = _issued[id];
        if (issued.runId == 0) revert UnknownCertificate(id);
        // C2: what is claimed is burnt, and nothing ever lowers a claimed balance.
        _burn(msg.sender, id, amount);
        claimedBalanceOf[beneficiary][id] += amount;
        emit ClaimSingle(
            address(this), beneficiary, issued.certificate.source, id, amount, abi.encode(msg.sender)
        );
    }

    /// @inheritdoc ICertificates
    function getCertificate(uint256 id)
        external
        view
        returns (address issuer, uint256 topic, bytes memory validityData, bytes memory data)
    {
        Issued memory issued = _issued[id];
        if (issued.runId == 0) revert UnknownCertificate(id);
        return
            (address(this), issued.certificate.source, abi.encode(issued.runId), abi.encode(issued.certificate));
    }

    /// @inheritdoc ICertificates
    function leafOfCertificate(Certificate calldata certificate, bytes32 salt) public pure returns (bytes32) {
        return TypedDataLib.leaf(certificate.hash(), salt);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC1155, IERC165) returns (bool) {
        return interfaceId == type(ICertificates).interfaceId || super.supportsInterface(interfaceId);
    }
}
