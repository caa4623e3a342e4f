// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "./IAuthorizations.sol";

/// @title ERC-3009 with unordered bitmap nonces, contract signers and a batch that skips
/// @notice Transfers that their payer signs and anyone submits; nonces and signatures as in {IAuthorizations}.
interface ITransferAuthorizations is IAuthorizations {
    /// @notice An ERC-3009 TransferWithAuthorization message and its signature.
    /// @param from payer and signer
    /// @param to payee
    /// @param value amount in the token's smallest units
    /// @param validAfter unix time in seconds; executable when block.timestamp is greater
    /// @param validBefore unix time in seconds; executable when block.timestamp is less
    /// @param nonce any 32 bytes that the signer has not used with this contract
    /// @param signature as described in {IAuthorizations}
    struct TransferAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        bytes signature;
    }

    /// @notice Only the payee may submit a ReceiveWithAuthorization.
    error CallerMustBePayee(address caller, address payee);

    /// @notice Type hash of ERC-3009's TransferWithAuthorization.
    function TRANSFER_WITH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Type hash of ERC-3009's ReceiveWithAuthorization.
    function RECEIVE_WITH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Executes an ERC-3009 transfer that `from` signed. Anyone may submit it.
    /// WARNING: a contract that credits a deposit after calling this can be front-run: someone else submits the same
    /// authorization, the tokens arrive, the contract's own call reverts. Use {receiveWithAuthorization} there.
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
    ) external;

    /// @notice The same with the signature as bytes.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Executes an ERC-3009 transfer that only its payee may submit: the caller must be `to`.
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
    ) external;

    /// @notice The same with the signature as bytes.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Executes `items`, 1 to 256 TransferWithAuthorization messages, in order. An item that cannot be executed
    /// (used or cancelled nonce, out of its time, bad signature, short balance, zero payee) is skipped with
    /// {AuthorizationSkipped} and has no other effect; the others are not touched by it. A skipped item stays
    /// executable where its reason allows that.
    ///
    /// Whoever submits cannot choose which items fail: the items run in this call's own frame, so running out of gas
    /// reverts all of them, and a contract wallet is asked with its full gas or not at all
    /// ({InsufficientSignatureGas}). It can choose order and time.
    /// WARNING: an address with dirty upper bits, which no typed encoder makes, is the submitter's own mistake and
    /// reverts the batch.
    /// WARNING: an item whose signer has code may cost whoever submits 200,000 gas more, also when it is skipped.
    /// @return executed bit i (value 2**i) is set when item i was executed
    function transferWithAuthorizationBatch(TransferAuthorization[] calldata items) external returns (uint256 executed);
}
