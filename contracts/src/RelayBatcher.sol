// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IRelayBatcher} from "./interfaces/IRelayBatcher.sol";

/// @title WIA Relay Batcher
/// @notice See {IRelayBatcher}.
contract RelayBatcher is IRelayBatcher, ReentrancyGuardTransient {
    uint256 private constant MAX_RELAY_SIZE = 256;

    /// @dev What lies between looking at the gas and handing it on: a cold account (2,600), a second one where the first
    /// has delegated code (EIP-7702), and some stack work.
    uint256 private constant CALL_RESERVE = 6_000;

    /// @dev Written by the constructor alone.
    mapping(address target => mapping(bytes4 selector => bool)) private _allowed;

    /// @param allowed functions that may be called: at least one, none twice, each of a contract that exists
    constructor(Allowed[] memory allowed) {
        if (allowed.length == 0) revert EmptyAllowList();
        for (uint256 i = 0; i < allowed.length; ++i) {
            _allow(allowed[i].target, allowed[i].selector);
        }
    }

    /// @inheritdoc IRelayBatcher
    /// @dev A target that calls back is refused. It could do no harm: between two items this contract has no state, and
    /// nested items would act with no right that their submitter lacks. Refusing keeps the events of one relay
    /// together, so that whoever reads them need not tell nested indexes apart.
    function relay(Call[] calldata calls) external nonReentrant returns (uint256 succeeded) {
        if (calls.length == 0 || calls.length > MAX_RELAY_SIZE) revert RelaySizeInvalid(calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, bytes4 reason) = _relayItem(i, calls[i]);
            if (success) succeeded |= 1 << i;
            else emit ItemFailed(i, calls[i].target, reason);
        }
    }

    /// @inheritdoc IRelayBatcher
    function isAllowed(address target, bytes4 selector) public view returns (bool) {
        return _allowed[target][selector];
    }

    function _allow(address target, bytes4 selector) private {
        if (target.code.length == 0) revert TargetWithoutCode(target);
        if (_allowed[target][selector]) revert DuplicateAllowed(target, selector);
        _allowed[target][selector] = true;
        emit CallAllowed(target, selector);
    }

    /// @dev Data of fewer than four bytes is no call of a function, whatever zeros would make of it.
    function _relayItem(uint256 index, Call calldata item) private returns (bool success, bytes4 reason) {
        bytes memory data = item.data;
        // forge-lint: disable-next-line(unsafe-typecast)
        bool known = data.length > 3 && isAllowed(item.target, bytes4(data)); // cut on purpose
        if (!known) return (false, CallNotAllowed.selector);
        _requireGas(index, item.gasLimit);
        return _call(item.target, item.gasLimit, data);
    }

    /// @dev Nothing but the call itself may come between this check and the call.
    function _requireGas(uint256 index, uint256 gasLimit) private view {
        uint256 left = gasleft();
        uint256 available = left < CALL_RESERVE ? 0 : left - CALL_RESERVE;
        available -= available / 64; // EIP-150
        if (available < gasLimit) revert InsufficientItemGas(index, available, gasLimit);
    }

    /// @dev Of what the target answers four bytes are copied, so a long answer costs the target alone.
    function _call(address target, uint256 gasLimit, bytes memory data) private returns (bool success, bytes4 reason) {
        assembly ("memory-safe") {
            // A shorter answer leaves the zeros that stand here.
            mstore(0x00, 0)
            success := call(gasLimit, target, 0, add(data, 0x20), mload(data), 0x00, 0x04)
            reason := mload(0x00)
        }
    }
}
