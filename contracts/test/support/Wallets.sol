// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {ICarbonCredit} from "../../src/interfaces/ICarbonCredit.sol";

/// @notice The simplest contract wallet there is: the owner's key over the bare digest, bound to nothing of its own.
contract OwnerWallet is IERC1271 {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view virtual returns (bytes4) {
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return signer == OWNER ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice Says yes to everything once it had `gasNeeded` gas to think, and runs dry with less.
contract ThoughtfulWallet is IERC1271 {
    uint256 private immutable GAS_NEEDED;

    constructor(uint256 gasNeeded) {
        GAS_NEEDED = gasNeeded;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 start = gasleft();
        while (start - gasleft() < GAS_NEEDED) {}
        return IERC1271.isValidSignature.selector;
    }
}

/// @notice Answers with the raw bytes it was made with, or reverts with them.
contract RawAnswerWallet {
    bytes private _answer;
    bool private _reverts;

    constructor(bytes memory answer, bool reverts) {
        _answer = answer;
        _reverts = reverts;
    }

    fallback(bytes calldata) external returns (bytes memory answer) {
        answer = _answer;
        if (_reverts) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}

/// @notice Tries to spend its own tokens while it is asked for its signature, and says yes.
contract ReentrantWallet is IERC1271 {
    ICarbonCredit private immutable TOKEN;
    address private immutable THIEF;

    constructor(ICarbonCredit token, address thief) {
        TOKEN = token;
        THIEF = thief;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        // Declared view to match ERC-1271; called through a non-view signature to try it all the same.
        (bool moved,) = address(TOKEN).staticcall(abi.encodeWithSignature("transfer(address,uint256)", THIEF, 1));
        return moved ? bytes4(0xffffffff) : IERC1271.isValidSignature.selector;
    }
}
