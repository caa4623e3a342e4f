// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Authorizations} from "../../src/base/Authorizations.sol";
import {Test} from "../support/Test.sol";

/// @notice What every contract that takes authorizations inherits, opened for the prover.
contract AuthorizationsOpened is Authorizations {
    constructor() EIP712("Authorizations", "1") {}

    function useAuthorization(
        address signer,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes32 digest,
        bytes calldata signature
    ) external {
        _useAuthorization(signer, validAfter, validBefore, nonce, digest, signature);
    }
}

/// @notice A contract wallet that accepts whatever it is asked.
contract YesWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }
}

/// @notice Proofs for halmos (scripts/audit proofs): a nonce is used at most once. Each argument stands for all its
/// values. Bounds: signatures of 0, 64 and 65 bytes; keys, and contract wallets that accept everything; ecrecover may
/// answer anything that depends on its input alone.
contract AuthorizationsProof is Test {
    AuthorizationsOpened private authorizations = new AuthorizationsOpened();
    address private wallet = address(new YesWallet());

    struct Message {
        address signer;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        bytes32 digest;
        bytes signature;
    }

    /// @dev After one use, no message of whatever content uses the nonce again.
    function check_ANonceIsUsedAtMostOnce(
        uint256 at,
        uint256 validAfter,
        uint256 validBefore,
        Message calldata first,
        bytes32 digest,
        bytes calldata signature
    ) external {
        vm.assume(_use(first));
        vm.warp(at);
        assert(!_use(Message(first.signer, validAfter, validBefore, first.nonce, digest, signature)));
    }

    /// @dev The same for the signer that is a contract, whose every signature is good.
    function check_ANonceOfAWalletIsUsedAtMostOnce(uint256 at, Message calldata first, bytes32 digest) external {
        vm.assume(first.signer == wallet);
        vm.assume(_use(first));
        vm.warp(at);
        assert(!_use(Message(wallet, 0, type(uint256).max, first.nonce, digest, first.signature)));
    }

    /// @dev A cancelled nonce cannot be used, a used one cannot be cancelled.
    function check_CancellingAndUsingExcludeEachOther(Message calldata message, bytes calldata signature) external {
        bool cancelled = _cancel(message.signer, message.nonce, signature);
        bool used = _use(message);
        assert(!(cancelled && used));
        assert(!(used && _cancel(message.signer, message.nonce, signature)));
    }

    /// @dev A use marks its own nonce and, of all others, none.
    function check_AUseTouchesItsOwnNonceAlone(Message calldata message, address signer, bytes32 nonce) external {
        bool before = authorizations.authorizationState(signer, nonce);
        bool used = _use(message);
        bool itself = signer == message.signer && nonce == message.nonce;
        assert(authorizations.authorizationState(signer, nonce) == (before || (used && itself)));
    }

    /// @dev Outside of its window nothing is used.
    function check_AUseIsWithinItsWindow(uint256 at, Message calldata message) external {
        vm.warp(at);
        if (_use(message)) assert(message.validAfter < at && at < message.validBefore);
    }

    function _use(Message memory message) private returns (bool success) {
        (success,) = address(authorizations)
            .call(
                abi.encodeCall(
                    AuthorizationsOpened.useAuthorization,
                    (
                        message.signer,
                        message.validAfter,
                        message.validBefore,
                        message.nonce,
                        message.digest,
                        message.signature
                    )
                )
            );
    }

    function _cancel(address signer, bytes32 nonce, bytes memory signature) private returns (bool success) {
        (success,) = address(authorizations)
            .call(abi.encodeWithSignature("cancelAuthorization(address,bytes32,bytes)", signer, nonce, signature));
    }
}
