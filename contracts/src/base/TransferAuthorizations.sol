// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {ITransferAuthorizations} from "../interfaces/ITransferAuthorizations.sol";
import {Authorizations} from "./Authorizations.sol";

/// @title ERC-3009 and a batch of it, for every token of this project
/// @notice See {ITransferAuthorizations}. The token's own name is the EIP-712 domain's, version "1".
abstract contract TransferAuthorizations is ITransferAuthorizations, ERC20Permit, Authorizations {
    /// @inheritdoc ITransferAuthorizations
    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc ITransferAuthorizations
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    constructor(string memory tokenName) ERC20Permit(tokenName) {}

    /// @inheritdoc ITransferAuthorizations
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        _transferAs(
            TRANSFER_WITH_AUTHORIZATION_TYPEHASH,
            from,
            to,
            value,
            validAfter,
            validBefore,
            nonce,
            abi.encodePacked(r, s, v)
        );
    }

    /// @inheritdoc ITransferAuthorizations
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _transferAs(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce, signature);
    }

    /// @inheritdoc ITransferAuthorizations
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (_msgSender() != to) revert CallerMustBePayee(_msgSender(), to);
        _transferAs(
            RECEIVE_WITH_AUTHORIZATION_TYPEHASH,
            from,
            to,
            value,
            validAfter,
            validBefore,
            nonce,
            abi.encodePacked(r, s, v)
        );
    }

    /// @inheritdoc ITransferAuthorizations
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        if (_msgSender() != to) revert CallerMustBePayee(_msgSender(), to);
        _transferAs(RECEIVE_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce, signature);
    }

    /// @inheritdoc ITransferAuthorizations
    function transferWithAuthorizationBatch(TransferAuthorization[] calldata items)
        external
        returns (uint256 executed)
    {
        _requireTransferAuthorizationsOpen();
        _requireBatchSize(items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            TransferAuthorization calldata item = items[i];
            bytes32 digest = _transferDigest(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, item);
            bytes4 fault = _transferFault(item, digest);
            if (fault == NO_FAULT) {
                _markUsed(item.from, item.nonce);
                _update(item.from, item.to, item.value);
                executed |= 1 << i;
            } else {
                emit AuthorizationSkipped(i, digest, fault);
            }
        }
    }

    /// @dev Executes the signed transfer that this call's arguments are, or reverts with the error that says why not.
    function _transferAs(
        bytes32 typeHash,
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) private {
        _requireTransferAuthorizationsOpen();
        bytes32 digest = _transferDigest(typeHash, _messageOfThisCall());
        _useAuthorization(from, validAfter, validBefore, nonce, digest, signature);
        _transfer(from, to, value);
    }

    /// @dev The selector of the error that {_transferAs} would revert with, or NO_FAULT; in the same order. A signer is
    /// never the zero address, so ERC-20's ERC20InvalidSender cannot arise.
    function _transferFault(TransferAuthorization calldata item, bytes32 digest) private view returns (bytes4 fault) {
        fault = _availabilityFault(item.from, item.validAfter, item.validBefore, item.nonce);
        if (fault == NO_FAULT) fault = _signatureFault(item.from, digest, item.signature);
        if (fault != NO_FAULT) return fault;
        if (item.to == address(0)) return ERC20InvalidReceiver.selector;
        if (balanceOf(item.from) < item.value) return ERC20InsufficientBalance.selector;
    }

    /// @dev EIP-712 digest over the six fixed members, which lie in calldata as hashStruct wants them; copying them in
    /// one piece saves 450 gas per item. That `from` and `to` are clean addresses is checked where they are used.
    function _transferDigest(bytes32 typeHash, TransferAuthorization calldata message) private view returns (bytes32) {
        bytes32 structHash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), message, 0xc0)
            structHash := keccak256(free, 0xe0)
        }
        return _hashTypedDataV4(structHash);
    }

    /// @dev The message of a single call: right behind the selector its arguments begin with the six fixed members in
    /// the order of the struct, in all four forms. Only those six may be read of it.
    function _messageOfThisCall() private pure returns (TransferAuthorization calldata message) {
        assembly ("memory-safe") {
            message := 4
        }
    }

    /// @dev Reverts while the token takes no authorizations; a token that can be paused overrides it.
    function _requireTransferAuthorizationsOpen() internal view virtual {}
}
