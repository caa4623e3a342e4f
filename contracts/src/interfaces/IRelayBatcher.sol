// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Many signed messages for many contracts in one transaction, each for itself
/// @notice A relayer that has messages for several contracts sends them as one transaction. An item that fails is told
/// in an event and touches no other. Nobody trusts this contract: it holds no funds, no roles and no allowances, it is
/// nobody's owner, and what it calls, anyone may call. Replacing it by another one changes nothing for any signer.
///
/// The list. Which function of which contract may be called is fixed by the constructor; there is no setter.
/// WARNING: a target sees this contract as `msg.sender`. Only functions that do the same whoever calls them belong on
/// the list: those that take an authorization of the signer. `receiveWithAuthorization` (the payee must call), direct
/// actions (`transfer`, `approve`, `mint`, …) and whatever grants the caller something do not belong there: the call
/// would act as this contract, which owns nothing, and what it gained could be moved on by anyone.
/// WARNING: that a target has code is checked once, by the constructor. One that can lose it, an account with delegated
/// code (EIP-7702), does not belong on the list: calls to nothing succeed.
/// WARNING: whatever is sent to this contract, tokens or roles, is lost.
///
/// Gas. EIP-150 lets a call have at most 63/64 of what is left, silently less than was asked for. Here each item gets
/// its `gasLimit`, to the unit, or the whole transaction reverts with {InsufficientItemGas}. So the gas of the
/// transaction decides about all items or about none, gas estimation finds the limit at which each has its share, and
/// an item that burns all it is given cannot take what the next one needs.
/// WARNING: `gasLimit` is the word of whoever submits, it is signed by nobody. An item that failed here says nothing
/// about the message in it: unless the target's own events say otherwise, the message is as good as before.
interface IRelayBatcher {
    /// @notice `selector` of `target` may be called.
    struct Allowed {
        address target;
        bytes4 selector;
    }

    /// @notice One item.
    /// @param target contract to call
    /// @param gasLimit what the call gets of gas, no more and no less; the submitter's estimate with some margin, and
    /// 210,000 more where a signer has code, or the target refuses to ask it ({IAuthorizations-InsufficientSignatureGas})
    /// @param data selector and arguments
    struct Call {
        address target;
        uint256 gasLimit;
        bytes data;
    }

    /// @notice The constructor put `selector` of `target` on the list.
    event CallAllowed(address indexed target, bytes4 indexed selector);

    /// @notice Item `index` of the relay had no effect.
    /// @param reason the first four bytes of what the target reverted with, which for a custom error are its selector;
    /// fewer are filled up with zeros, so zero stands for out of gas and for a bare revert. {CallNotAllowed}'s selector
    /// when the item is not on the list and was not called.
    event ItemFailed(uint256 indexed index, address indexed target, bytes4 reason);

    /// @notice The list of the constructor is empty.
    error EmptyAllowList();

    /// @notice No contract stands at `target`. A call to it would succeed without doing anything.
    error TargetWithoutCode(address target);

    /// @notice `selector` of `target` stands on the list twice.
    error DuplicateAllowed(address target, bytes4 selector);

    /// @notice A relay holds 1 to 256 items.
    error RelaySizeInvalid(uint256 size);

    /// @notice Why an item is not called, see {ItemFailed}; never reverted with.
    error CallNotAllowed();

    /// @notice Item `index` could be given `available` gas only. The whole transaction reverts.
    error InsufficientItemGas(uint256 index, uint256 available, uint256 gasLimit);

    /// @notice Whether `selector` of `target` may be called.
    function isAllowed(address target, bytes4 selector) external view returns (bool);

    /// @notice Makes `calls`, 1 to 256 items, in order. An item that is not on the list is not called; an item whose
    /// call reverts has no effect; each is told by {ItemFailed} and touches no other.
    /// @return succeeded bit i (value 2**i) is set when the call of item i did not revert
    /// WARNING: a target's batch that skips some of its own items does not revert: its bit is set.
    function relay(Call[] calldata calls) external returns (uint256 succeeded);
}
