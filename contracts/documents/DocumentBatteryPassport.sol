// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

/// @notice The document's contract as it stands there (B-111…B-116), the oracle of DocumentAbiTest.
contract DocumentBatteryPassport {
    struct PassportRecord {
        string batteryId;
        bytes32 dataHash;
        address manufacturer;
        address currentOwner;
        uint256 createdAt;
        uint256 updatedAt;
    }

    mapping(string => PassportRecord) public passports;
    mapping(string => bytes32[]) public auditTrail;

    event BatteryRegistered(string batteryId, address manufacturer, bytes32 dataHash);
    event OwnershipTransferred(string batteryId, address from, address to);
    event DataUpdated(string batteryId, bytes32 newHash, uint256 timestamp);

    function registerBattery(string memory batteryId, bytes32 dataHash) public {
        require(passports[batteryId].createdAt == 0, "Battery already registered");

        passports[batteryId] = PassportRecord({
            batteryId: batteryId,
            dataHash: dataHash,
            manufacturer: msg.sender,
            currentOwner: msg.sender,
            createdAt: block.timestamp,
            updatedAt: block.timestamp
        });

        auditTrail[batteryId].push(dataHash);
        emit BatteryRegistered(batteryId, msg.sender, dataHash);
    }

    function transferOwnership(string memory batteryId, address newOwner) public {
        require(passports[batteryId].currentOwner == msg.sender, "Not current owner");

        address previousOwner = passports[batteryId].currentOwner;
        passports[batteryId].currentOwner = newOwner;
        passports[batteryId].updatedAt = block.timestamp;

        emit OwnershipTransferred(batteryId, previousOwner, newOwner);
    }

    function updateData(string memory batteryId, bytes32 newDataHash) public {
        require(passports[batteryId].currentOwner == msg.sender, "Not authorized");

        passports[batteryId].dataHash = newDataHash;
        passports[batteryId].updatedAt = block.timestamp;
        auditTrail[batteryId].push(newDataHash);

        emit DataUpdated(batteryId, newDataHash, block.timestamp);
    }

    function verifyData(string memory batteryId, bytes32 dataHash) public view returns (bool) {
        return passports[batteryId].dataHash == dataHash;
    }
}
