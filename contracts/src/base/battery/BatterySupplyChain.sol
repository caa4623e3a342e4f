// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatterySupplyChain} from "../../interfaces/IBatterySupplyChain.sol";
import {Head} from "./BatteryHead.sol";
import {BatteryLifecycle} from "./BatteryLifecycle.sol";
import {BatteryOwnership} from "./BatteryOwnership.sol";

/// @title Status and supply-chain events of battery records
/// @notice See {IBatterySupplyChain}. The rules of a kind are questions to it, asked in the order of {_recordEvent}:
/// what data, who, at which status, and to which status it leads.
abstract contract BatterySupplyChain is IBatterySupplyChain, BatteryOwnership {
    /// @inheritdoc IBatterySupplyChain
    bytes32 public constant CHANGE_STATUS_AUTHORIZATION_TYPEHASH = keccak256(
        "ChangeStatusAuthorization(address actor,bytes32 key,uint8 from,uint8 status,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatterySupplyChain
    bytes32 public constant RECORD_EVENT_AUTHORIZATION_TYPEHASH = keccak256(
        "RecordEventAuthorization(address actor,bytes32 key,uint8 kind,bytes32 first,bytes32 second,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatterySupplyChain
    function changeStatus(bytes32 key, Status status) external {
        _changeStatus(_msgSender(), key, status);
    }

    /// @inheritdoc IBatterySupplyChain
    function changeStatusWithAuthorization(
        address actor,
        bytes32 key,
        Status from,
        Status status,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfArguments(CHANGE_STATUS_AUTHORIZATION_TYPEHASH, 7), actor, validAfter, validBefore, nonce, signature
        );
        Status current = _entries[key].head.status();
        if (from != current) revert StatusMismatch(key, current, from);
        _changeStatus(actor, key, status);
    }

    /// @inheritdoc IBatterySupplyChain
    function recordEvent(bytes32 key, EventKind kind, bytes32 first, bytes32 second) external {
        _recordEvent(_msgSender(), key, kind, first, second);
    }

    /// @inheritdoc IBatterySupplyChain
    function recordEventWithAuthorization(
        address actor,
        bytes32 key,
        EventKind kind,
        bytes32 first,
        bytes32 second,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfArguments(RECORD_EVENT_AUTHORIZATION_TYPEHASH, 8), actor, validAfter, validBefore, nonce, signature
        );
        _recordEvent(actor, key, kind, first, second);
    }

    function _changeStatus(address actor, bytes32 key, Status status) internal {
        if (status < Status.InStorage || status > Status.Maintenance) revert StatusNeedsItsEvent(status);
        if (status == Status.InUse || status == Status.Maintenance) _requireRoleIfGated(OPERATOR_ROLE, actor);
        _enter(actor, key, _leanHeadFor(key, actor, SCOPE_STATUS), status);
    }

    function _recordEvent(address actor, bytes32 key, EventKind kind, bytes32 first, bytes32 second) internal {
        if (kind == EventKind.None || kind == EventKind.OwnershipTransfer || kind == EventKind.SecondLifeConversion) {
            revert EventKindHasItsOwnAction(kind);
        }
        if (first == 0 || (second == 0) != (kind == EventKind.MaintenanceRequired)) revert RequiredDataMismatch(kind);
        Head head = _headForEvent(actor, key, kind);
        Status status = head.status();
        if (!_isInPlace(kind, status)) revert EventOutOfPlace(key, kind, status);

        Status next = _statusAfter(kind);
        if (next != Status.None) _enter(actor, key, head, next);
        _emitEvent(actor, key, kind, first, second);
    }

    /// @dev The only way from status to status. No head of the string ABI comes here, so those stay Manufactured.
    function _enter(address actor, bytes32 key, Head head, Status to) internal {
        Status from = head.status();
        if (!BatteryLifecycle.mayFollow(from, to)) revert InvalidTransition(key, from, to);
        _entries[key].head = head.withStatus(to, block.timestamp);
        emit StatusChanged(key, actor, from, to);
    }

    /// @dev A notified body needs no delegation: its role stands for every record, gated or not.
    function _headForEvent(address actor, bytes32 key, EventKind kind) private view returns (Head) {
        if (kind == EventKind.QualityCertified && hasRole(NOTIFIED_BODY_ROLE, actor)) return _leanHead(key);
        // Where goods are is told by carriers, who have no role.
        if (kind != EventKind.LocationUpdate) _requireRoleIfGated(_roleOf(kind), actor);
        return _leanHeadFor(key, actor, 1 << uint256(kind));
    }

    /// @dev All kinds have the shape (key indexed, actor indexed, first, second), maintenance_required without second.
    function _emitEvent(address actor, bytes32 key, EventKind kind, bytes32 first, bytes32 second) private {
        bytes32 topic = _topicOf(kind);
        assembly ("memory-safe") {
            mstore(0x00, first)
            mstore(0x20, second)
            log3(0x00, shl(5, add(1, iszero(iszero(second)))), topic, key, shr(96, shl(96, actor)))
        }
    }

    function _topicOf(EventKind kind) private pure returns (bytes32) {
        if (kind == EventKind.ManufacturingComplete) return ManufacturingComplete.selector;
        if (kind == EventKind.QualityCertified) return QualityCertified.selector;
        if (kind == EventKind.LocationUpdate) return LocationUpdate.selector;
        if (kind == EventKind.Installation) return Installation.selector;
        if (kind == EventKind.SohThreshold) return SohThreshold.selector;
        if (kind == EventKind.MaintenanceRequired) return MaintenanceRequired.selector;
        if (kind == EventKind.EndOfLife) return EndOfLife.selector;
        if (kind == EventKind.RecyclingInitiated) return RecyclingInitiated.selector;
        return MaterialsRecovered.selector;
    }

    function _roleOf(EventKind kind) private pure returns (bytes32) {
        if (kind == EventKind.ManufacturingComplete) return MANUFACTURER_ROLE;
        if (kind == EventKind.QualityCertified) return NOTIFIED_BODY_ROLE;
        if (kind == EventKind.RecyclingInitiated || kind == EventKind.MaterialsRecovered) return RECYCLER_ROLE;
        return OPERATOR_ROLE;
    }

    function _isInPlace(EventKind kind, Status status) private pure returns (bool) {
        if (kind == EventKind.ManufacturingComplete) return status == Status.Manufactured;
        if (kind == EventKind.RecyclingInitiated) return status == Status.EndOfLife || status == Status.SecondLife;
        return true;
    }

    /// @dev None: the event leaves the status as it is.
    function _statusAfter(EventKind kind) private pure returns (Status) {
        if (kind == EventKind.Installation) return Status.InUse;
        if (kind == EventKind.EndOfLife) return Status.EndOfLife;
        if (kind == EventKind.MaterialsRecovered) return Status.Recycled;
        return Status.None;
    }
}
