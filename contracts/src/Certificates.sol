// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {Bundles} from "./Bundles.sol";
import {Allocation, Bundle, Carrier, Charge, ICertificates, Status} from "./interfaces/ICertificates.sol";
import {ReadingOpening} from "./interfaces/IOpenings.sol";
import {ISettlement, RunRecord} from "./interfaces/ISettlement.sol";
import {Certificate} from "./interfaces/SignedTypes.sol";
import {TypedDataLib} from "./libraries/TypedDataLib.sol";
import {Openings} from "./Openings.sol";

/// @title Certificates of origin, out of runs, through storage, into other carriers; see ICertificates
contract Certificates is Bundles {
    using TypedDataLib for Certificate;

    /// @dev A store or a converter; `permille` is 0 of a device that is neither.
    struct Device {
        uint16 permille;
        Carrier carrier;
        Allocation allocation;
        /// @dev First and last charge that is not used up; 0 for none.
        uint64 first;
        uint64 last;
        uint64 charges;
    }

    uint8 private constant ACTIVE = 1;
    uint8 private constant UNKNOWN = 0;
    uint8 private constant STORAGE = 2;
    uint16 private constant PERMILLE = 1000;

    /// @inheritdoc ICertificates
    mapping(uint64 runId => uint256) public materialisedWh;

    /// @inheritdoc ICertificates
    mapping(bytes32 device => mapping(uint64 interval => uint64)) public convertedWh;

    mapping(bytes32 device => Device) private _devices;
    mapping(bytes32 device => mapping(uint64 number => Charge)) private _charges;

    constructor(ISettlement settlement_) Openings(settlement_) {}

    /// @inheritdoc ICertificates
    function materialise(uint64 runId, Certificate calldata certificate, bytes32 salt, bytes32[] calldata proof)
        external
    {
        if (msg.sender != certificate.owner) revert NotTheOwner(msg.sender, certificate.owner);
        if (certificate.state != ACTIVE) revert NotActive(certificate.state);
        if (certificate.fromWh >= certificate.toWh) revert EmptyRange(certificate.fromWh, certificate.toWh);
        if (certificate.source == STORAGE && _isStore(_devices[certificate.device])) {
            revert OriginFromCharges(certificate.device);
        }
        RunRecord memory run = settlement.runAt(runId);
        if (!settlement.isFinal(runId)) revert RunNotFinal(runId);
        if (certificate.interval < run.firstInterval || certificate.interval > run.lastInterval) {
            revert IntervalOutsideRun(certificate.interval, run.firstInterval, run.lastInterval);
        }
        bytes32 leaf = leafOfCertificate(certificate, salt);
        if (!MerkleProof.verifyCalldata(proof, run.certificatesRoot, leaf)) revert NotInRun(runId, leaf);
        uint256 id = uint256(leaf);
        if (_isIssued(id)) revert AlreadyMaterialised(id);
        uint256 totalWh = materialisedWh[runId] + certificate.toWh - certificate.fromWh;
        // C1: even a wrong tree can not bring out more than the run certified, which is at most the attested export.
        if (totalWh > run.certifiedWh) revert BeyondCertified(runId, totalWh, run.certifiedWh);

        materialisedWh[runId] = totalWh;
        emit Materialised(runId, id, msg.sender, certificate);
        _issue(
            id,
            Bundle({
                device: certificate.device,
                interval: certificate.interval,
                fromWh: certificate.fromWh,
                toWh: certificate.toWh,
                carbon: certificate.carbon,
                source: certificate.source,
                carrier: Carrier.ELECTRICITY,
                status: Status.ACTIVE,
                holder: msg.sender,
                runId: runId,
                parent: 0
            })
        );
    }

    /* STORAGE */

    /// @inheritdoc ICertificates
    function enrolStore(bytes32 device, Allocation allocation, uint16 efficiencyPermille) external onlyCommunity {
        if (efficiencyPermille > PERMILLE) revert FactorOutOfBounds(efficiencyPermille, PERMILLE);
        if (registry.meterOf(device).source != STORAGE) revert NotAStore(device);
        Device storage store = _enrol(device, efficiencyPermille);
        store.allocation = allocation;
        emit StoreEnrolled(device, allocation, efficiencyPermille);
    }

    /// @inheritdoc ICertificates
    function charge(uint256 id, ReadingOpening calldata intake) external {
        Bundle storage bundle = _heldElectricity(id);
        bytes32 device = intake.reading.meter;
        Device storage store = _devices[device];
        if (!_isStore(store)) revert NotAStore(device);
        uint64 lastInterval = _charges[device][store.charges].interval;
        if (bundle.interval < lastInterval) revert ChargesDescend(bundle.interval, lastInterval);
        _consume(msg.sender, intake, bundle);
        (uint64 leftWh, uint32 carbon) = _through(id, bundle, store);

        uint64 number = ++store.charges;
        uint64 previous = store.last;
        _charges[device][number] = Charge({
            bundle: id,
            interval: bundle.interval,
            chargedWh: _size(bundle),
            leftWh: leftWh,
            carbon: carbon,
            source: bundle.source,
            previous: previous,
            next: 0
        });
        store.last = number;
        if (previous == 0) store.first = number;
        else _charges[device][previous].next = number;
        emit Charged(device, number, id, _size(bundle), leftWh);
        _end(id, bundle, Status.CANCELLED);
    }

    /// @inheritdoc ICertificates
    function discharge(uint256 id, uint64 charge_) external returns (uint256 newId) {
        Bundle storage bundle = _active(id);
        bytes32 device = bundle.device;
        Device storage store = _devices[device];
        // A converter's bundles are of its device too, and of another carrier.
        if (!_isStore(store)) revert NotAStore(device);
        if (registry.meterOf(device).account != msg.sender) revert NotTheMeterOf(device, msg.sender);
        if (bundle.source != UNKNOWN) revert OriginKnown(id, bundle.source);
        Charge storage from = _charges[device][charge_];
        _requireNext(device, store, charge_, bundle.interval);

        Bundle memory stored = bundle;
        Bundle memory rest = bundle;
        (stored.parent, rest.parent) = (id, id);
        if (_size(bundle) > from.leftWh) stored.toWh = stored.fromWh + from.leftWh;
        (stored.source, stored.carbon) = (STORAGE, from.carbon);
        rest.fromWh = stored.toWh;
        uint64 wh = stored.toWh - stored.fromWh;
        // C3: a charge gives out no more than it took in, less the losses.
        from.leftWh -= wh;
        if (from.leftWh == 0) _unlink(device, store, from);
        _end(id, bundle, Status.CANCELLED);
        newId = _childId(stored);
        emit Discharged(device, charge_, id, newId, wh);
        _issue(newId, stored);
        if (rest.fromWh != rest.toWh) _issue(_childId(rest), rest);
    }

    /// @inheritdoc ICertificates
    function chargeOf(bytes32 device, uint64 number) external view returns (Charge memory) {
        if (number == 0 || number > _devices[device].charges) revert NotTheNextCharge(device, number);
        return _charges[device][number];
    }

    /* CONVERSION */

    /// @inheritdoc ICertificates
    function enrolConverter(bytes32 device, Carrier carrier, uint16 factorPermille) external onlyCommunity {
        if (carrier == Carrier.ELECTRICITY) revert NotAConverter(device);
        // Asked because it reverts for an unknown device.
        // slither-disable-next-line unused-return
        registry.meterOf(device);
        _enrol(device, factorPermille).carrier = carrier;
        emit ConverterEnrolled(device, carrier, factorPermille);
    }

    /// @inheritdoc ICertificates
    function convert(uint256 id, ReadingOpening calldata intake) external returns (uint256 newId) {
        Bundle storage bundle = _heldElectricity(id);
        bytes32 device = intake.reading.meter;
        Device storage converter = _devices[device];
        if (converter.carrier == Carrier.ELECTRICITY) revert NotAConverter(device);
        _consume(msg.sender, intake, bundle);

        Bundle memory output = bundle;
        (uint64 outputWh, uint32 carbon) = _through(id, bundle, converter);
        (output.device, output.carrier, output.carbon, output.parent) = (device, converter.carrier, carbon, id);
        output.fromWh = convertedWh[device][bundle.interval];
        output.toWh = output.fromWh + outputWh;
        convertedWh[device][bundle.interval] = output.toWh;
        _end(id, bundle, Status.CANCELLED);
        newId = _childId(output);
        emit Converted(device, id, newId, _size(bundle), outputWh);
        _issue(newId, output);
    }

    /// @inheritdoc ICertificates
    function leafOfCertificate(Certificate calldata certificate, bytes32 salt) public pure returns (bytes32) {
        return TypedDataLib.leaf(certificate.hash(), salt);
    }

    /* PRIVATE FUNCTIONS */

    function _enrol(bytes32 device, uint16 permille) private returns (Device storage enrolled) {
        enrolled = _devices[device];
        if (enrolled.permille != 0) revert DeviceAlreadyEnrolled(device);
        if (permille == 0) revert FactorOutOfBounds(permille, type(uint16).max);
        enrolled.permille = permille;
    }

    function _isStore(Device storage device) private view returns (bool) {
        return device.permille != 0 && device.carrier == Carrier.ELECTRICITY;
    }

    /// @dev What a bundle becomes in a device: energy rounded down, carbon per kWh rounded up.
    function _through(uint256 id, Bundle storage bundle, Device storage device)
        private
        view
        returns (uint64 wh, uint32 carbon)
    {
        uint256 intakeWh = _size(bundle);
        uint256 outputWh = intakeWh * device.permille / PERMILLE;
        if (outputWh == 0 || outputWh > type(uint64).max / 2) revert NothingComesOut(id);
        uint256 perKwh = (bundle.carbon * intakeWh + outputWh - 1) / outputWh;
        return (uint64(outputWh), perKwh > type(uint32).max ? type(uint32).max : uint32(perKwh));
    }

    /// @dev Refuse a charge that is used up, that came later, or that is not the one that the allocation draws on next.
    function _requireNext(bytes32 device, Device storage store, uint64 number, uint64 interval) private view {
        Charge storage from = _charges[device][number];
        if (from.leftWh == 0) revert NotTheNextCharge(device, number);
        if (from.interval >= interval) revert ChargedLater(from.interval, interval);
        Allocation allocation = store.allocation;
        // The last charge before the interval is followed by none, or by one that came later.
        bool isLast = from.next == 0 || _charges[device][from.next].interval >= interval;
        if (
            (allocation == Allocation.FIRST_IN_FIRST_OUT && number != store.first)
                || (allocation == Allocation.LAST_IN_FIRST_OUT && !isLast)
        ) revert NotTheNextCharge(device, number);
    }

    function _unlink(bytes32 device, Device storage store, Charge storage used) private {
        (uint64 previous, uint64 next) = (used.previous, used.next);
        if (previous == 0) store.first = next;
        else _charges[device][previous].next = next;
        if (next == 0) store.last = previous;
        else _charges[device][next].previous = previous;
    }
}
