// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatterySupplyChain} from "../../interfaces/IBatterySupplyChain.sol";

/// @dev The first word of a battery record, from the low end: owner 160 bits, updatedAt 40, sequence 32, tenure 16,
/// status 4, named 1. Zero: no record.
type Head is uint256;

using BatteryHead for Head global;

/// @title What is read from and written to a record's first word
/// @notice Pure: in a head, out a field or the head that follows. Counters are not checked here, callers do that with
/// the limits below.
library BatteryHead {
    uint256 internal constant MAX_SEQUENCE = type(uint32).max;
    uint256 internal constant MAX_TENURE = type(uint16).max;

    uint256 private constant UPDATED_AT = 160;
    uint256 private constant SEQUENCE = 200;
    uint256 private constant TENURE = 232;
    uint256 private constant STATUS = 248;
    uint256 private constant NAMED = 252;

    uint256 private constant OWNER_MASK = type(uint160).max;
    uint256 private constant UPDATED_AT_MASK = uint256(type(uint40).max) << UPDATED_AT;
    uint256 private constant STATUS_MASK = uint256(0xf) << STATUS;
    uint256 private constant RECYCLED = uint256(IBatterySupplyChain.Status.Recycled) << STATUS;

    /// @dev A record just registered, with its first data hash. `time` fits 40 bits until the year 36,812.
    function open(address owner_, uint256 time, bool named_) internal pure returns (Head) {
        uint256 word = uint256(uint160(owner_)) | time << UPDATED_AT | uint256(1) << SEQUENCE
            | uint256(IBatterySupplyChain.Status.Manufactured) << STATUS;
        return Head.wrap(named_ ? word | uint256(1) << NAMED : word);
    }

    /// @dev One data hash more; the sequence is below MAX_SEQUENCE.
    function appended(Head head, uint256 time) internal pure returns (Head) {
        unchecked {
            return _at(Head.unwrap(head) + (uint256(1) << SEQUENCE), time);
        }
    }

    /// @dev Another owner, the next tenure; the tenure is below MAX_TENURE.
    function handedTo(Head head, address newOwner, uint256 time) internal pure returns (Head) {
        uint256 word = Head.unwrap(head) & ~OWNER_MASK | uint256(uint160(newOwner));
        unchecked {
            return _at(word + (uint256(1) << TENURE), time);
        }
    }

    function withStatus(Head head, IBatterySupplyChain.Status status_, uint256 time) internal pure returns (Head) {
        return _at(Head.unwrap(head) & ~STATUS_MASK | uint256(status_) << STATUS, time);
    }

    function exists(Head head) internal pure returns (bool) {
        return Head.unwrap(head) != 0;
    }

    function owner(Head head) internal pure returns (address) {
        return address(uint160(Head.unwrap(head)));
    }

    function updatedAt(Head head) internal pure returns (uint256) {
        return Head.unwrap(head) >> UPDATED_AT & type(uint40).max;
    }

    function sequence(Head head) internal pure returns (uint256) {
        return Head.unwrap(head) >> SEQUENCE & MAX_SEQUENCE;
    }

    function tenure(Head head) internal pure returns (uint256) {
        return Head.unwrap(head) >> TENURE & MAX_TENURE;
    }

    function status(Head head) internal pure returns (IBatterySupplyChain.Status) {
        return IBatterySupplyChain.Status(Head.unwrap(head) >> STATUS & 0xf);
    }

    function isRecycled(Head head) internal pure returns (bool) {
        return Head.unwrap(head) & STATUS_MASK == RECYCLED;
    }

    function isNamed(Head head) internal pure returns (bool) {
        return Head.unwrap(head) >> NAMED & 1 != 0;
    }

    function _at(uint256 word, uint256 time) private pure returns (Head) {
        return Head.wrap(word & ~UPDATED_AT_MASK | time << UPDATED_AT);
    }
}
