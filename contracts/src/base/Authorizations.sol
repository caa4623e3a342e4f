// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAuthorizations} from "../interfaces/IAuthorizations.sol";

/// @title Nonces and signatures of EIP-712 authorizations, once for all contracts
/// @notice In: a signer, a validity window, a nonce, a digest and a signature. Out: either the nonce is taken, or the
/// selector of the error that says why not. A single call turns that selector into a revert with operands, a batch into
/// {AuthorizationSkipped}; so both judge by the same lines.
///
/// An inheriting contract hashes its own message types. It MUST place the signer first in each of them, see
/// {IAuthorizations}.
abstract contract Authorizations is IAuthorizations, EIP712 {
    /// @inheritdoc IAuthorizations
    bytes32 public constant CANCEL_AUTHORIZATION_TYPEHASH =
        keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    /// @dev No fault: the authorization may take effect.
    bytes4 internal constant NO_FAULT = 0;

    uint256 private constant MAX_BATCH_SIZE = 256;

    /// @dev Gas that a contract wallet gets to answer ERC-1271: several nested keys, or one P-256 key.
    uint256 private constant ERC1271_GAS = 200_000;

    /// @dev What must be left before the call so that it gets ERC1271_GAS: EIP-150 keeps 1/64 back, the rest pays for
    /// encoding and a cold account (2,600).
    uint256 private constant ERC1271_GAS_REQUIRED = ERC1271_GAS * 64 / 63 + 5_000;

    /// @dev Used and cancelled nonces: bit (nonce & 255) of word (nonce >> 8).
    mapping(address signer => mapping(uint256 wordIndex => uint256 word)) private _nonceWords;

    /// @inheritdoc IAuthorizations
    function authorizationState(address authorizer, bytes32 nonce) public view returns (bool) {
        return _nonceWords[authorizer][uint256(nonce) >> 8] & _nonceBit(nonce) != 0;
    }

    /// @inheritdoc IAuthorizations
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _cancelAuthorization(authorizer, nonce, abi.encodePacked(r, s, v));
    }

    /// @inheritdoc IAuthorizations
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
        _cancelAuthorization(authorizer, nonce, signature);
    }

    function _cancelAuthorization(address authorizer, bytes32 nonce, bytes memory signature) private {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)));
        // A cancellation has no validity window of its own.
        _requireAuthorization(authorizer, 0, type(uint256).max, nonce, digest, signature);
        _takeNonce(authorizer, nonce);
        emit AuthorizationCanceled(authorizer, nonce);
    }

    /// @dev Checks an authorization and uses up its nonce, or reverts with the error that says why not.
    function _useAuthorization(
        address signer,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes32 digest,
        bytes memory signature
    ) internal {
        _requireAuthorization(signer, validAfter, validBefore, nonce, digest, signature);
        _markUsed(signer, nonce);
    }

    /// @dev Uses up the nonce of an authorization that neither of the two functions below found fault with.
    function _markUsed(address signer, bytes32 nonce) internal {
        _takeNonce(signer, nonce);
        emit AuthorizationUsed(signer, nonce);
    }

    /// @dev First: the selector of the error that time or nonce raise against an authorization now, or NO_FAULT.
    function _availabilityFault(address signer, uint256 validAfter, uint256 validBefore, bytes32 nonce)
        internal
        view
        returns (bytes4)
    {
        if (block.timestamp <= validAfter) return AuthorizationNotYetValid.selector;
        if (block.timestamp >= validBefore) return AuthorizationExpired.selector;
        if (authorizationState(signer, nonce)) return AuthorizationAlreadyUsed.selector;
        return NO_FAULT;
    }

    /// @dev Then, being dearer: InvalidAuthorizationSignature's selector, or NO_FAULT.
    function _signatureFault(address signer, bytes32 digest, bytes memory signature) internal view returns (bytes4) {
        return _isSignedBy(signer, digest, signature) ? NO_FAULT : InvalidAuthorizationSignature.selector;
    }

    function _requireBatchSize(uint256 size) internal pure {
        if (size == 0 || size > MAX_BATCH_SIZE) revert BatchSizeInvalid(size);
    }

    function _takeNonce(address signer, bytes32 nonce) private {
        _nonceWords[signer][uint256(nonce) >> 8] |= _nonceBit(nonce);
    }

    function _nonceBit(bytes32 nonce) private pure returns (uint256) {
        return 1 << (uint256(nonce) & 0xff);
    }

    function _isSignedBy(address signer, bytes32 digest, bytes memory signature) private view returns (bool) {
        (uint8 v, bytes32 r, bytes32 s) = ECDSA.parse(signature);
        (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, v, r, s);
        if (problem == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return signer.code.length != 0 && _isAcceptedBy(signer, digest, signature);
    }

    /// @dev Asks a contract wallet by ERC-1271. A static call changes no state anywhere below it, so it cannot re-enter
    /// this contract with effect; and every earlier item of a batch is complete before it, so what the wallet reads
    /// here is consistent.
    function _isAcceptedBy(address wallet, bytes32 digest, bytes memory signature)
        private
        view
        returns (bool accepted)
    {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        if (gasleft() < ERC1271_GAS_REQUIRED) revert InsufficientSignatureGas(gasleft(), ERC1271_GAS_REQUIRED);
        bytes32 yes = IERC1271.isValidSignature.selector;
        uint256 gasGiven = ERC1271_GAS;
        assembly ("memory-safe") {
            // At most 32 bytes of the answer are copied, into the scratch space; a shorter answer is no answer.
            let success := staticcall(gasGiven, wallet, add(question, 0x20), mload(question), 0x00, 0x20)
            accepted := and(and(success, gt(returndatasize(), 0x1f)), eq(mload(0x00), yes))
        }
    }

    /// @dev Reverts with the error, operands included, whose selector the two fault functions name.
    function _requireAuthorization(
        address signer,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes32 digest,
        bytes memory signature
    ) private view {
        bytes4 fault = _availabilityFault(signer, validAfter, validBefore, nonce);
        if (fault == NO_FAULT) fault = _signatureFault(signer, digest, signature);
        if (fault == NO_FAULT) return;
        if (fault == AuthorizationNotYetValid.selector) revert AuthorizationNotYetValid(validAfter);
        if (fault == AuthorizationExpired.selector) revert AuthorizationExpired(validBefore);
        if (fault == AuthorizationAlreadyUsed.selector) revert AuthorizationAlreadyUsed(signer, nonce);
        revert InvalidAuthorizationSignature(signer);
    }
}
