// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Signed authorizations with unordered nonces
/// @notice What every contract of this project that takes EIP-712 authorizations has in common: one nonce space per
/// signer, cancellation, and one way to check signatures.
///
/// Nonces. Any 32 bytes may be a nonce, in any order, once per signer and contract. They are bits of a bitmap (word =
/// nonce >> 8, bit = nonce & 255): random nonces work, and nonces that share their first 31 bytes share a storage
/// word and cost about 17,000 gas less after the first of them.
/// WARNING: the nonce space is shared by all actions of a contract. A used or cancelled nonce is gone for each of
/// them. It is not the counter `nonces(owner)` of ERC-2612.
///
/// Signatures. 65 bytes (r, s, v with v 27 or 28) or 64 bytes (EIP-2098), s in the lower half of the order. The signer
/// is first sought with ecrecover, so that ordinary accounts and EIP-7702 accounts sign with their key. Only when that
/// does not yield the signer, and the signer has code, its ERC-1271 `isValidSignature(digest, signature)` is asked, by
/// a static call with exactly 200,000 gas (less is never forwarded), of whose return data 32 bytes are read.
///
/// Binding of contract signers. The digest that a contract wallet is asked about is the plain EIP-712 digest:
/// keccak256(0x1901 ‖ domainSeparator ‖ hashStruct(message)), what `eth_signTypedData_v4` signs. It binds the wallet's
/// own address because in every authorization type the first member is the signer (`from` or `authorizer` in ERC-3009,
/// the signer in every other type), and exactly that member's address is asked. Two wallets with the same owner key
/// therefore never share a digest, even when their `isValidSignature` checks the owner's key over the bare digest.
/// Chain id and contract address are bound by the domain separator.
/// WARNING: what a contract wallet accepts may change with its state. An authorization that it accepts when a relayer
/// looks may be refused when executed, and the other way round.
interface IAuthorizations {
    /// @notice `nonce` of `authorizer` was used by an authorization that took effect.
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);

    /// @notice `nonce` of `authorizer` was cancelled and cannot be used any more.
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    /// @notice Item `index` of a batch had no effect.
    /// @param digest the EIP-712 digest of the item
    /// @param reason selector of the custom error that the single call would have reverted with
    /// WARNING: a digest does not cover its signature, so anyone can have a good message skipped for
    /// {InvalidAuthorizationSignature} by submitting it with a bad one. Of the message such a skip says nothing; what
    /// counts is {authorizationState}, and for whoever promised a skip, a skip for any other reason.
    event AuthorizationSkipped(uint256 indexed index, bytes32 indexed digest, bytes4 reason);

    /// @notice The authorization holds from the second after `validAfter`.
    error AuthorizationNotYetValid(uint256 validAfter);

    /// @notice The authorization held until the second before `validBefore`.
    error AuthorizationExpired(uint256 validBefore);

    /// @notice `nonce` of `authorizer` was used or cancelled before.
    error AuthorizationAlreadyUsed(address authorizer, bytes32 nonce);

    /// @notice The signature is malformed, or neither the key nor the code of `signer` stands behind it.
    error InvalidAuthorizationSignature(address signer);

    /// @notice Too little gas is left to ask a contract wallet with its full allowance. The whole transaction reverts,
    /// so that whoever submits a batch cannot have an item refused by giving it too little gas.
    error InsufficientSignatureGas(uint256 available, uint256 required);

    /// @notice A batch holds 1 to 256 items.
    error BatchSizeInvalid(uint256 size);

    /// @notice keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"), as in ERC-3009.
    function CANCEL_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Whether `nonce` of `authorizer` was used or cancelled.
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);

    /// @notice Cancels an unused `nonce` of `authorizer` with the authorizer's signature. Anyone may submit it, also
    /// while the contract is paused.
    /// WARNING: cancelling races with executing. Whoever sees this call pending can execute the authorization first;
    /// this call then reverts with {AuthorizationAlreadyUsed}.
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice The same for `nonce` of `authorizer` with the `signature` as bytes: 65 or 64 bytes of a key, or whatever
    /// a contract wallet takes.
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;
}
