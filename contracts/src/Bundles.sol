// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Bundle, Carrier, ICertificates, Status} from "./interfaces/ICertificates.sol";
import {ReadingOpening} from "./interfaces/IOpenings.sol";
import {Reading} from "./interfaces/SignedTypes.sol";
import {ReadingLib} from "./libraries/ReadingLib.sol";
import {Openings} from "./Openings.sol";

/// @title Bundles of certified energy: hands, parts, locks and ends; see ICertificates
/// @dev An id is never used twice, for it is the hash of a leaf, or of a parent that has ended and a range.
abstract contract Bundles is ICertificates, ERC1155, Openings {
    using ReadingLib for Reading;

    struct Lock {
        address keeper;
        uint64 until;
    }

    /// @inheritdoc ICertificates
    uint64 public constant LIFETIME = 365 days;

    /// @inheritdoc ICertificates
    mapping(address beneficiary => mapping(uint256 id => uint256)) public claimedBalanceOf;

    /// @inheritdoc ICertificates
    mapping(bytes32 meter => mapping(uint64 interval => uint256)) public usedWh;

    uint64 private immutable _intervalLength;

    mapping(uint256 id => Bundle) private _bundles;
    mapping(uint256 id => Lock) private _locks;

    /// @dev No metadata address: `getCertificate` says all.
    constructor() ERC1155("") {
        _intervalLength = readings.intervalLength();
        if (_intervalLength > 1 hours) revert IntervalTooLong(_intervalLength, 1 hours);
    }

    modifier onlyCommunity() {
        if (msg.sender != _community()) revert NotTheCommunity(msg.sender, _community());
        _;
    }

    /// @inheritdoc ICertificates
    function split(uint256 id, uint64 wh) external returns (uint256 first, uint256 second) {
        Bundle storage bundle = _held(id);
        if (wh == 0 || wh >= _size(bundle)) revert SplitOutside(id, wh, _size(bundle));
        Bundle memory rest = bundle;
        (rest.toWh, rest.parent) = (rest.fromWh + wh, id);
        Bundle memory second_ = bundle;
        (second_.fromWh, second_.parent) = (rest.toWh, id);
        _end(id, bundle, Status.SPLIT);
        first = _issue(_childId(rest), rest);
        second = _issue(_childId(second_), second_);
        emit Split(id, first, second);
    }

    /// @inheritdoc ICertificates
    function lock(uint256 id, address keeper, uint64 until) external {
        uint64 end = _expiresAt(_held(id));
        if (until <= block.timestamp || until > end) revert LockOutside(until, uint64(block.timestamp), end);
        _locks[id] = Lock(keeper, until);
        emit Locked(id, keeper, until);
    }

    /// @inheritdoc ICertificates
    function unlock(uint256 id) external {
        Status status = _status(id, _known(id));
        if (status != Status.LOCKED) revert NotCirculating(id, status);
        if (msg.sender != _locks[id].keeper) revert NotTheKeeper(msg.sender, _locks[id].keeper);
        delete _locks[id];
        emit Unlocked(id);
    }

    /// @inheritdoc ICertificates
    function withdraw(uint256 id) external {
        Bundle storage bundle = _known(id);
        // Locked or expired does not matter to the community: what is wrong must go.
        if (msg.sender != _community() || bundle.status != Status.ACTIVE) bundle = _held(id);
        _end(id, bundle, Status.WITHDRAWN);
        emit Withdrawn(id, msg.sender);
    }

    /// @inheritdoc ICertificates
    function expire(uint256 id) external {
        Bundle storage bundle = _known(id);
        if (bundle.status != Status.ACTIVE) revert NotCirculating(id, bundle.status);
        if (block.timestamp < _expiresAt(bundle)) revert NotExpired(id, _expiresAt(bundle));
        _end(id, bundle, Status.EXPIRED);
        emit Expired(id);
    }

    /// @inheritdoc ICertificates
    function inherit(uint256 id) external {
        Bundle storage bundle = _active(id);
        address successor = registry.successorOf(bundle.holder);
        if (msg.sender != successor) revert NotTheHolder(msg.sender, successor);
        _safeTransferFrom(bundle.holder, successor, id, _size(bundle), "");
    }

    /// @inheritdoc ICertificates
    function claim(uint256 id, address beneficiary, ReadingOpening calldata consumption) public {
        Bundle storage bundle = _heldElectricity(id);
        _consume(beneficiary, consumption, bundle);
        _claim(id, bundle, beneficiary, consumption.reading.meter);
    }

    /// @inheritdoc ICertificates
    function claimBatch(uint256[] calldata ids, address beneficiary, ReadingOpening[] calldata consumptions) external {
        if (ids.length != consumptions.length) revert LengthsDiffer(ids.length, consumptions.length);
        for (uint256 i = 0; i < ids.length; i++) claim(ids[i], beneficiary, consumptions[i]);
    }

    /// @inheritdoc ICertificates
    function claimConverted(uint256 id, address beneficiary) external {
        Bundle storage bundle = _held(id);
        if (bundle.carrier == Carrier.ELECTRICITY) revert WrongCarrier(id, bundle.carrier);
        _claim(id, bundle, beneficiary, 0);
    }

    /* VIEWS */

    /// @inheritdoc ICertificates
    function bundleOf(uint256 id) external view returns (Bundle memory bundle) {
        bundle = _known(id);
        bundle.status = _status(id, _known(id));
    }

    /// @inheritdoc ICertificates
    function lockOf(uint256 id) external view returns (address keeper, uint64 until) {
        if (_status(id, _known(id)) == Status.LOCKED) return (_locks[id].keeper, _locks[id].until);
    }

    /// @inheritdoc ICertificates
    function expiresAt(uint256 id) external view returns (uint64) {
        return _expiresAt(_known(id));
    }

    /// @inheritdoc ICertificates
    function issuanceId(uint256 id) external view returns (bytes32) {
        Bundle storage bundle = _known(id);
        return keccak256(abi.encode(bundle.device, bundle.carrier, bundle.interval));
    }

    /// @inheritdoc ICertificates
    function getCertificate(uint256 id)
        external
        view
        returns (address issuer, uint256 topic, bytes memory validityData, bytes memory data)
    {
        Bundle memory bundle = _known(id);
        bundle.status = _status(id, _known(id));
        uint64 start = bundle.interval;
        validityData = abi.encode(bundle.runId, start, start + _intervalLength, _expiresAt(_known(id)));
        return (address(this), bundle.source, validityData, abi.encode(bundle));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC1155, IERC165) returns (bool) {
        return interfaceId == type(ICertificates).interfaceId || super.supportsInterface(interfaceId);
    }

    /* FOR CERTIFICATES */

    function _isIssued(uint256 id) internal view returns (bool) {
        return _bundles[id].status != Status.NONE;
    }

    /// @dev The bundle is complete before its holder, which may be a contract, is called.
    function _issue(uint256 id, Bundle memory bundle) internal returns (uint256) {
        bundle.status = Status.ACTIVE;
        _bundles[id] = bundle;
        uint256 wh = bundle.toWh - bundle.fromWh;
        emit IssuanceSingle(address(this), bundle.source, id, wh);
        _mint(bundle.holder, id, wh, "");
        return id;
    }

    function _end(uint256 id, Bundle storage bundle, Status status) internal {
        bundle.status = status;
        _burn(bundle.holder, id, _size(bundle));
    }

    /// @dev What comes out of a parent that ends.
    function _childId(Bundle memory bundle) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(bundle.parent, bundle.fromWh, bundle.toWh)));
    }

    function _active(uint256 id) internal view returns (Bundle storage bundle) {
        bundle = _known(id);
        Status status = _status(id, bundle);
        if (status != Status.ACTIVE) revert NotCirculating(id, status);
    }

    function _held(uint256 id) internal view returns (Bundle storage bundle) {
        bundle = _active(id);
        if (msg.sender != bundle.holder) revert NotTheHolder(msg.sender, bundle.holder);
    }

    function _heldElectricity(uint256 id) internal view returns (Bundle storage bundle) {
        bundle = _held(id);
        if (bundle.carrier != Carrier.ELECTRICITY) revert WrongCarrier(id, bundle.carrier);
    }

    /// @dev Use consumption up: attested, final, of a meter of the account, in the bundle's interval, and not used before.
    function _consume(address account, ReadingOpening calldata opened, Bundle storage bundle) internal {
        Reading calldata reading = opened.reading;
        bytes32 meter = reading.meter;
        uint64 interval = reading.interval;
        if (interval != bundle.interval) revert OtherInterval(interval, bundle.interval);
        if (registry.meterOf(meter).account != account) revert NotTheMeterOf(meter, account);
        if (!reading.isFinal()) revert ReadingNotFinal(meter, interval);
        _open(opened);
        uint256 used = usedWh[meter][interval] + _size(bundle);
        if (used > reading.importWh) revert BeyondConsumption(meter, interval, used, reading.importWh);
        usedWh[meter][interval] = used;
    }

    function _size(Bundle storage bundle) internal view returns (uint64) {
        return bundle.toWh - bundle.fromWh;
    }

    /// @dev Bundles move whole, and only while they circulate; an end is checked where it is made.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        for (uint256 i = 0; i < ids.length; i++) {
            if (from == address(0) || to == address(0)) continue;
            Bundle storage bundle = _active(ids[i]);
            if (values[i] != _size(bundle)) revert PartOfBundle(ids[i], values[i], _size(bundle));
            bundle.holder = to;
        }
        super._update(from, to, ids, values);
    }

    /* PRIVATE FUNCTIONS */

    /// @dev C2: what is claimed is burnt, and nothing ever lowers a claimed balance.
    function _claim(uint256 id, Bundle storage bundle, address beneficiary, bytes32 meter) private {
        _end(id, bundle, Status.CLAIMED);
        uint64 wh = _size(bundle);
        claimedBalanceOf[beneficiary][id] = wh;
        bytes memory claimData = abi.encode(msg.sender, meter);
        emit ClaimSingle(address(this), beneficiary, bundle.source, id, wh, claimData);
    }

    function _known(uint256 id) private view returns (Bundle storage bundle) {
        bundle = _bundles[id];
        if (bundle.status == Status.NONE) revert UnknownCertificate(id);
    }

    /// @dev Time alone expires and unlocks.
    function _status(uint256 id, Bundle storage bundle) private view returns (Status) {
        if (bundle.status != Status.ACTIVE) return bundle.status;
        if (block.timestamp >= _expiresAt(bundle)) return Status.EXPIRED;
        return block.timestamp < _locks[id].until ? Status.LOCKED : Status.ACTIVE;
    }

    function _expiresAt(Bundle storage bundle) private view returns (uint64) {
        return bundle.interval + _intervalLength + LIFETIME;
    }

    function _community() private view returns (address) {
        return Ownable(address(registry)).owner();
    }
}
