// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRelayBatcher} from "../../../src/interfaces/IRelayBatcher.sol";

/// @notice What a batcher may meet: it records, reverts with anything, burns gas, answers at length, calls back.
contract RelayTarget {
    mapping(uint256 id => uint256) public records;
    uint256 public total;
    address public latestSender;
    bytes4 public latestRefusal;
    uint256 public notedGas;

    function record(uint256 id) external {
        ++records[id];
        ++total;
        latestSender = msg.sender;
    }

    /// @dev Not on any list.
    function unlisted(uint256 id) external {
        ++records[id];
    }

    /// @dev Leaves a trace first, which the revert takes back.
    function fail(bytes calldata revertData) external {
        ++total;
        bytes memory data = revertData;
        assembly ("memory-safe") {
            revert(add(data, 0x20), mload(data))
        }
    }

    function burnAll() external pure {
        assembly ("memory-safe") {
            invalid()
        }
    }

    /// @dev What was left at this line; the same whenever the call was given the same.
    function noteGas() external {
        notedGas = gasleft();
        ++total;
    }

    function answerAtLength(uint256 size, bool reverts) external pure {
        assembly ("memory-safe") {
            if reverts { revert(0, size) }
            return(0, size)
        }
    }

    /// @dev Calls the caller back with `inner`; records whether that was refused, and by what.
    function callBack(IRelayBatcher.Call[] calldata inner) external {
        try IRelayBatcher(msg.sender).relay(inner) {
            latestRefusal = 0;
        } catch (bytes memory revertData) {
            latestRefusal = bytes4(revertData);
        }
    }
}
