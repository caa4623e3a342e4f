// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryRecords} from "./IBatteryRecords.sol";

/// @title WIA Battery Passport
/// @notice Two ways to one kind of record. The string ABI is the document's own (B-111…B-116): its two getters, four
/// functions and three events to the byte, with its three reasons as strings, because integrators match them; all else
/// is custom errors. The lean path takes a salted id instead, and a registration costs three quarters. Offers and
/// delegations work for both by key; data and owner of a string record change by string functions alone, so that the
/// document's events tell the whole story of both.
///
/// A string record has no life: no status, no supply-chain events, no second life ({IBatterySupplyChain} says why). A
/// battery whose life is to be recorded has a lean record for it, beside the string record or alone.
///
/// Names. `batteryId` is the id as the document prints it, `saltedId` that of a lean record; `owner`, `newOwner`,
/// `updater`, `registrant` sign what they would otherwise call; `newDataHash` is the next data hash; `expiry` and
/// `documents` are those of the offer; `tenure` is the record's when the authorization is executed.
///
/// What differs from the document: `verifyData` of an unknown id is false, also for hash zero; empty ids, zero hashes
/// and zero owners are refused; delegated updaters may call `updateData`; registering needs the manufacturer role
/// where the contract is gated (X-31).
///
/// WARNING: whoever registers a battery id first has it. Only gating keeps a stranger from registering an id of
/// somebody else's, and a registration seen pending can be preceded. Check `passports(id).manufacturer` (X-31); lean
/// keys do not have this weakness.
/// WARNING: the string ABI has the battery id in clear on chain, in calldata and events, for ever.
/// WARNING: a data hash hides nothing that can be guessed: {IBatteryRecords} says what the JSON must contain.
interface IBatteryPassport is IBatteryRecords {
    /// @notice B-112. A string record was opened.
    event BatteryRegistered(string batteryId, address manufacturer, bytes32 dataHash);

    /// @notice B-112. A string record went `from` one owner `to` another; after {acceptBattery} {OwnershipTransfer}
    /// stands before it.
    event OwnershipTransferred(string batteryId, address from, address to);

    /// @notice B-112. A string record's data changed to `newHash`, at the block's `timestamp`.
    event DataUpdated(string batteryId, bytes32 newHash, uint256 timestamp);

    /// @notice A string record needs an id.
    error EmptyBatteryId();

    /// @notice keccak256("RegisterBatteryAuthorization(address manufacturer,string batteryId,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function REGISTER_BATTERY_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("TransferOwnershipAuthorization(address owner,string batteryId,uint256 tenure,address newOwner,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function TRANSFER_OWNERSHIP_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("UpdateDataAuthorization(address updater,string batteryId,uint256 sequence,bytes32 newDataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function UPDATE_DATA_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("AcceptBatteryAuthorization(address newOwner,string batteryId,uint256 tenure,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function ACCEPT_BATTERY_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("RegisterAuthorization(address registrant,bytes32 saltedId,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function REGISTER_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice B-111. The record of a battery id, empty and zero when there is none.
    /// @return batteryId the `id` itself, empty for an unknown one
    /// @return dataHash current data hash
    /// @return manufacturer who registered it
    /// @return currentOwner current owner
    /// @return createdAt unix time in seconds of registration
    /// @return updatedAt unix time in seconds of the last change
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
        );

    /// @notice B-111. The `index`-th data hash of a battery id, from zero. Reverts without data beyond the last, as the
    /// getter of the document's array does. {recordOf} says how many there are.
    function auditTrail(string calldata batteryId, uint256 index) external view returns (bytes32);

    /// @notice B-116. Whether `dataHash` is the current data hash of a battery id.
    function verifyData(string calldata batteryId, bytes32 dataHash) external view returns (bool);

    /// @notice Key of a battery id's record: keccak256(abi.encode(keccak256("wia.battery.named"),
    /// keccak256(bytes(batteryId)))).
    function batteryKey(string calldata batteryId) external view returns (bytes32);

    /// @notice B-113. Registers a battery id for the caller, who becomes manufacturer and owner. Reverts with "Battery
    /// already registered". When gated, the caller needs the manufacturer role.
    /// WARNING: the JSON behind `dataHash` must contain 32 random bytes: {IBatteryRecords}.
    function registerBattery(string calldata batteryId, bytes32 dataHash) external;

    /// @notice {registerBattery} with the manufacturer's signature.
    function registerBatteryWithAuthorization(
        address manufacturer,
        string calldata batteryId,
        bytes32 dataHash,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice B-114. Hands the record to `newOwner` at once. Reverts with "Not current owner".
    /// WARNING: `newOwner` is not asked, and nothing brings back a record sent to a wrong address. {offer} and
    /// {acceptBattery} do it in two steps.
    function transferOwnership(string calldata batteryId, address newOwner) external;

    /// @notice {transferOwnership} with the owner's signature.
    function transferOwnershipWithAuthorization(
        address owner,
        string calldata batteryId,
        uint256 tenure,
        address newOwner,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice B-115. Appends a data hash to the trail. The owner calls, or an updater with bit 0 of scope. Reverts with
    /// "Not authorized".
    /// WARNING: the JSON behind `newDataHash` must contain 32 random bytes, new ones each time: {IBatteryRecords}.
    function updateData(string calldata batteryId, bytes32 newDataHash) external;

    /// @notice {updateData} with the updater's signature.
    /// @param sequence as in {updateWithAuthorization}
    function updateDataWithAuthorization(
        address updater,
        string calldata batteryId,
        uint256 sequence,
        bytes32 newDataHash,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice {accept} for a string record.
    function acceptBattery(string calldata batteryId, uint256 expiry, bytes32 documents) external;

    /// @notice {acceptBattery} with the new owner's signature.
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
    ) external;

    /// @notice Opens a lean record for the caller, who becomes registrant and owner. When gated, he needs the
    /// manufacturer role.
    /// WARNING: the JSON behind `dataHash` must contain 32 random bytes: {IBatteryRecords}.
    /// @return key leanKey(caller, saltedId)
    function register(bytes32 saltedId, bytes32 dataHash) external returns (bytes32 key);

    /// @notice {register} with the registrant's signature.
    function registerWithAuthorization(
        address registrant,
        bytes32 saltedId,
        bytes32 dataHash,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external returns (bytes32 key);
}
