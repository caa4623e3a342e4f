// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `receiveWithAuthorization`: only the payee may submit, and the two message types never stand for each other.
contract ReceiveWithAuthorizationTest is CarbonCreditTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    function testFuzz_ThePayeeReceives(uint256 value, bytes32 nonce, bool split) public {
        value = bound(value, 0, HOLDING);
        ITransferAuthorizations.TransferAuthorization memory item = _signedReceive(_fromAlice(bob, value, nonce));
        vm.expectEmit(true, true, true, true, address(token));
        emit IAuthorizations.AuthorizationUsed(alice, nonce);
        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(alice, bob, value);
        split ? _receiveSplit(bob, item) : _receive(bob, item);
        assertEq(token.balanceOf(bob), value);
        assertTrue(token.authorizationState(alice, nonce));

        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, nonce));
        split ? _receive(bob, item) : _receiveSplit(bob, item);
    }

    function testFuzz_RefusesOtherCallers(address caller, bool split) public {
        vm.assume(caller != bob);
        ITransferAuthorizations.TransferAuthorization memory item = _signedReceive(_fromAlice(bob, 1e18, NONCE));
        vm.expectRevert(abi.encodeWithSelector(ITransferAuthorizations.CallerMustBePayee.selector, caller, bob));
        split ? _receiveSplit(caller, item) : _receive(caller, item);
    }

    /// @dev Otherwise anyone could execute what only the payee should.
    function test_AReceiveMessageIsNoTransferMessage() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signedReceive(_fromAlice(bob, 1e18, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _execute(item);
    }

    function test_ATransferMessageIsNoReceiveMessage() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _receive(bob, item);
    }

    function test_RefusesOutsideItsWindow() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signedReceive(_fromAlice(bob, 1e18, NONCE));
        vm.warp(item.validAfter);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, item.validAfter));
        _receive(bob, item);
        vm.warp(item.validBefore);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, item.validBefore));
        _receive(bob, item);
    }

    /// @dev One nonce space for both types.
    function test_SharesNoncesWithTransfer() public {
        _execute(_signed(_fromAlice(bob, 1e18, NONCE), aliceKey));
        ITransferAuthorizations.TransferAuthorization memory item = _signedReceive(_fromAlice(bob, 1e18, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _receive(bob, item);
    }

    function _signedReceive(ITransferAuthorizations.TransferAuthorization memory item)
        private
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        item.signature = _sign(aliceKey, _authorizationDigest(RECEIVE_TYPEHASH, item));
        return item;
    }

    function _receive(address caller, ITransferAuthorizations.TransferAuthorization memory item) private {
        vm.prank(caller);
        token.receiveWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        );
    }

    function _receiveSplit(address caller, ITransferAuthorizations.TransferAuthorization memory item) private {
        (uint8 v, bytes32 r, bytes32 s) = _split(item.signature);
        vm.prank(caller);
        token.receiveWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, v, r, s
        );
    }
}
