// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {BatteryHead, Head} from "./base/battery/BatteryHead.sol";
import {BatteryRecords} from "./base/battery/BatteryRecords.sol";
import {IBatteryPassport} from "./interfaces/IBatteryPassport.sol";

/// @title WIA Battery Passport
/// @notice See {IBatteryPassport}; requirements B-110…B-117, B-081…B-091, X-31. The string key is not stored: a string
/// record is its head, its origin and its trail, three words when registered, where the document's contract takes
/// eight.
contract BatteryPassport is IBatteryPassport, BatteryRecords {
    /// @inheritdoc IBatteryPassport
    bytes32 public constant REGISTER_BATTERY_AUTHORIZATION_TYPEHASH = keccak256(
        "RegisterBatteryAuthorization(address manufacturer,string batteryId,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatteryPassport
    bytes32 public constant TRANSFER_OWNERSHIP_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferOwnershipAuthorization(address owner,string batteryId,uint256 tenure,address newOwner,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatteryPassport
    bytes32 public constant UPDATE_DATA_AUTHORIZATION_TYPEHASH = keccak256(
        "UpdateDataAuthorization(address updater,string batteryId,uint256 sequence,bytes32 newDataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatteryPassport
    bytes32 public constant ACCEPT_BATTERY_AUTHORIZATION_TYPEHASH = keccak256(
        "AcceptBatteryAuthorization(address newOwner,string batteryId,uint256 tenure,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatteryPassport
    bytes32 public constant REGISTER_AUTHORIZATION_TYPEHASH = keccak256(
        "RegisterAuthorization(address registrant,bytes32 saltedId,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    bytes32 private constant NAMED_TAG = keccak256("wia.battery.named");

    /// @dev Who registered a string record (160 bits from the low end), and when.
    mapping(bytes32 key => uint256 origin) private _origins;

    /// @dev Entries 0 to sequence − 1; the last is the current data hash.
    mapping(bytes32 key => mapping(uint256 index => bytes32 dataHash)) private _trails;

    /// @param admin first default admin, with every role
    /// @param adminDelay seconds between beginning and accepting a change of the default admin
    /// @param gated_ whether actions need their role; false on development chains only
    constructor(address admin, uint48 adminDelay, bool gated_)
        BatteryRecords("WIA Battery Passport", admin, adminDelay, gated_)
    {}

    /// @inheritdoc IBatteryPassport
    function passports(string calldata id)
        external
        view
        returns (
            string memory batteryId,
            bytes32 dataHash,
            address manufacturer,
            address currentOwner,
            uint256 createdAt,
            uint256 updatedAt
        )
    {
        bytes32 key = batteryKey(id);
        Head head = _entries[key].head;
        if (head.exists()) {
            uint256 origin = _origins[key];
            batteryId = id;
            dataHash = _currentHash(key, head);
            // The low 160 bits.
            // forge-lint: disable-next-line(unsafe-typecast)
            manufacturer = address(uint160(origin));
            currentOwner = head.owner();
            createdAt = origin >> 160;
            updatedAt = head.updatedAt();
        }
    }

    /// @inheritdoc IBatteryPassport
    function auditTrail(string calldata batteryId, uint256 index) external view returns (bytes32 dataHash) {
        dataHash = _trails[batteryKey(batteryId)][index];
        // No entry is zero, so zero is beyond the last.
        // solhint-disable-next-line gas-custom-errors, reason-string
        if (dataHash == 0) revert();
    }

    /// @inheritdoc IBatteryPassport
    function verifyData(string calldata batteryId, bytes32 dataHash) external view returns (bool) {
        bytes32 key = batteryKey(batteryId);
        Head head = _entries[key].head;
        return head.exists() && _currentHash(key, head) == dataHash;
    }

    /// @inheritdoc IBatteryPassport
    function registerBattery(string calldata batteryId, bytes32 dataHash) external {
        _registerBattery(_msgSender(), batteryId, dataHash);
    }

    /// @inheritdoc IBatteryPassport
    function registerBatteryWithAuthorization(
        address manufacturer,
        string calldata batteryId,
        bytes32 dataHash,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfNamed(REGISTER_BATTERY_AUTHORIZATION_TYPEHASH, 6, batteryId),
            manufacturer,
            validAfter,
            validBefore,
            nonce,
            signature
        );
        _registerBattery(manufacturer, batteryId, dataHash);
    }

    /// @inheritdoc IBatteryPassport
    function transferOwnership(string calldata batteryId, address newOwner) external {
        _transferOwnership(_msgSender(), batteryId, newOwner);
    }

    /// @inheritdoc IBatteryPassport
    function transferOwnershipWithAuthorization(
        address owner,
        string calldata batteryId,
        uint256 tenure,
        address newOwner,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfNamed(TRANSFER_OWNERSHIP_AUTHORIZATION_TYPEHASH, 7, batteryId),
            owner,
            validAfter,
            validBefore,
            nonce,
            signature
        );
        _requireTenure(batteryKey(batteryId), tenure);
        _transferOwnership(owner, batteryId, newOwner);
    }

    /// @inheritdoc IBatteryPassport
    function updateData(string calldata batteryId, bytes32 newDataHash) external {
        _updateData(_msgSender(), batteryId, newDataHash);
    }

    /// @inheritdoc IBatteryPassport
    function updateDataWithAuthorization(
        address updater,
        string calldata batteryId,
        uint256 sequence,
        bytes32 newDataHash,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfNamed(UPDATE_DATA_AUTHORIZATION_TYPEHASH, 7, batteryId),
            updater,
            validAfter,
            validBefore,
            nonce,
            signature
        );
        _requireNext(batteryKey(batteryId), sequence);
        _updateData(updater, batteryId, newDataHash);
    }

    /// @inheritdoc IBatteryPassport
    function acceptBattery(string calldata batteryId, uint256 expiry, bytes32 documents) external {
        _acceptBattery(_msgSender(), batteryId, expiry, documents);
    }

    /// @inheritdoc IBatteryPassport
    function acceptBatteryWithAuthorization(
        address newOwner,
        string calldata batteryId,
        uint256 tenure,
        uint256 expiry,
        bytes32 documents,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfNamed(ACCEPT_BATTERY_AUTHORIZATION_TYPEHASH, 8, batteryId),
            newOwner,
            validAfter,
            validBefore,
            nonce,
            signature
        );
        _requireTenure(batteryKey(batteryId), tenure);
        _acceptBattery(newOwner, batteryId, expiry, documents);
    }

    /// @inheritdoc IBatteryPassport
    function register(bytes32 saltedId, bytes32 dataHash) external returns (bytes32 key) {
        return _registerLean(_msgSender(), saltedId, dataHash);
    }

    /// @inheritdoc IBatteryPassport
    function registerWithAuthorization(
        address registrant,
        bytes32 saltedId,
        bytes32 dataHash,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external returns (bytes32 key) {
        _useSigned(
            _hashOfArguments(REGISTER_AUTHORIZATION_TYPEHASH, 6), registrant, validAfter, validBefore, nonce, signature
        );
        return _registerLean(registrant, saltedId, dataHash);
    }

    /// @inheritdoc IBatteryPassport
    function batteryKey(string calldata batteryId) public pure returns (bytes32) {
        return Hashes.efficientKeccak256(NAMED_TAG, _idHash(batteryId));
    }

    function _registerBattery(address actor, string calldata batteryId, bytes32 dataHash) private {
        bytes32 key = batteryKey(batteryId);
        Entry storage entry = _entries[key];
        // solhint-disable-next-line gas-custom-errors
        require(!entry.head.exists(), "Battery already registered");
        _requireRoleIfGated(MANUFACTURER_ROLE, actor);
        if (bytes(batteryId).length == 0) revert EmptyBatteryId();
        if (dataHash == 0) revert ZeroHash();

        entry.head = BatteryHead.open(actor, block.timestamp, true);
        _origins[key] = uint256(uint160(actor)) | block.timestamp << 160;
        _trails[key][0] = dataHash;
        emit BatteryRegistered(batteryId, actor, dataHash);
    }

    function _transferOwnership(address actor, string calldata batteryId, address newOwner) private {
        bytes32 key = batteryKey(batteryId);
        Entry storage entry = _entries[key];
        Head head = entry.head;
        // solhint-disable-next-line gas-custom-errors
        require(head.exists() && head.owner() == actor, "Not current owner");
        if (newOwner == address(0)) revert ZeroAddress();

        _hand(entry, key, head, newOwner);
        emit OwnershipTransferred(batteryId, actor, newOwner);
    }

    function _updateData(address actor, string calldata batteryId, bytes32 newDataHash) private {
        bytes32 key = batteryKey(batteryId);
        Entry storage entry = _entries[key];
        Head head = entry.head;
        // solhint-disable-next-line gas-custom-errors
        require(_mayAct(head, key, actor, SCOPE_UPDATE), "Not authorized");
        if (newDataHash == 0) revert ZeroHash();

        _append(entry, key, head);
        _trails[key][head.sequence()] = newDataHash;
        emit DataUpdated(batteryId, newDataHash, block.timestamp);
    }

    function _acceptBattery(address actor, string calldata batteryId, uint256 expiry, bytes32 documents) private {
        address from = _accept(actor, batteryKey(batteryId), expiry, documents);
        emit OwnershipTransferred(batteryId, from, actor);
    }

    function _registerLean(address actor, bytes32 saltedId, bytes32 dataHash) private returns (bytes32 key) {
        _requireRoleIfGated(MANUFACTURER_ROLE, actor);
        key = leanKey(actor, saltedId);
        _register(key, actor, actor, dataHash, key);
    }

    /// @dev {_hashOfArguments} where the second member is the battery id, for which EIP-712 wants its hash.
    function _hashOfNamed(bytes32 typeHash, uint256 members, string calldata batteryId)
        private
        pure
        returns (bytes32 structHash)
    {
        bytes32 idHash = _idHash(batteryId);
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := mul(members, 0x20)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), 4, size)
            mstore(add(free, 0x40), idHash)
            structHash := keccak256(free, add(size, 0x20))
        }
    }

    /// @dev keccak256(bytes(batteryId)), without a copy that stays in memory: 250 gas of every call.
    function _idHash(string calldata batteryId) private pure returns (bytes32 idHash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, batteryId.offset, batteryId.length)
            idHash := keccak256(free, batteryId.length)
        }
    }

    function _currentHash(bytes32 key, Head head) private view returns (bytes32) {
        return _trails[key][head.sequence() - 1];
    }
}
