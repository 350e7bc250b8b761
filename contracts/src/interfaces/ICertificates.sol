// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";

import {Certificate} from "./SignedTypes.sol";

/// @title Certificates of origin that left their run: one token id per certificate, one unit per Wh
/// @notice A certificate is a leaf of a settled run. Its owner materialises it here as an ERC-1155 token, to transfer
/// or to claim it; the leaf's hash is the id. The shape is ERC-1888's: the issuer is this contract, the topic is the
/// source code, the validity data are the run, the data the certificate.
///
/// Materialising publishes one certificate of one device; all others stay behind their salted root (P1).
interface ICertificates is IERC1155 {
    /// @notice A certificate became a token.
    event Materialised(uint64 indexed runId, uint256 indexed id, address indexed owner, Certificate certificate);
    /// @notice ERC-1888.
    event IssuanceSingle(address indexed issuer, uint256 indexed topic, uint256 id, uint256 value);
    /// @notice ERC-1888. `claimData` is abi.encode(address holder): who gave up the certificate for the claim.
    event ClaimSingle(
        address indexed claimIssuer,
        address indexed claimSubject,
        uint256 indexed topic,
        uint256 id,
        uint256 value,
        bytes claimData
    );

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

    /// @notice Turn a certificate of the caller into a token.
    /// @param runId The settled run that holds it.
    /// @param certificate The opened leaf.
    /// @param salt The leaf's salt.
    /// @param proof Siblings from the leaf up to `certificatesRoot`.
    function materialise(uint64 runId, Certificate calldata certificate, bytes32 salt, bytes32[] calldata proof)
        external;

    /// @notice Use up `amount` Wh of a certificate of the caller in the name of `beneficiary`, for ever (C2).
    function claim(uint256 id, uint256 amount, address beneficiary) external;

    /// @notice Wh of certificates that have left a run.
    function materialisedWh(uint64 runId) external view returns (uint256);

    /// @notice Wh of a certificate that were claimed in somebody's name (ERC-1888).
    function claimedBalanceOf(address beneficiary, uint256 id) external view returns (uint256);

    /// @notice The certificate behind an id (ERC-1888); reverts with `UnknownCertificate`.
    /// @return issuer This contract.
    /// @return topic Source code of the energy.
    /// @return validityData abi.encode(uint64 runId).
    /// @return data abi.encode(Certificate).
    function getCertificate(uint256 id)
        external
        view
        returns (address issuer, uint256 topic, bytes memory validityData, bytes memory data);

    /// @notice Leaf of a certificate under `Run.certificatesRoot`; as a number it is the token's id.
    function leafOfCertificate(Certificate calldata certificate, bytes32 salt) external pure returns (bytes32);
}
