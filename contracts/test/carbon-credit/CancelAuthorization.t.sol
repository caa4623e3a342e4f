// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../src/CarbonCredit.sol";
import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `cancelAuthorization`.
contract CancelAuthorizationTest is CarbonCreditTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    function testFuzz_Cancels(bytes32 nonce, address caller, bool split) public {
        bytes memory signature = _sign(aliceKey, _cancelDigest(alice, nonce));
        vm.expectEmit(true, true, true, true, address(token));
        emit IAuthorizations.AuthorizationCanceled(alice, nonce);
        _cancel(caller, nonce, signature, split);
        assertTrue(token.authorizationState(alice, nonce));

        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, nonce));
        _cancel(caller, nonce, signature, !split);
    }

    function test_RefusesAUsedNonce() public {
        _execute(_signed(_fromAlice(bob, 1e18, NONCE), aliceKey));
        bytes memory signature = _sign(aliceKey, _cancelDigest(alice, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _cancel(relayer, NONCE, signature, false);
    }

    /// @dev Also the authorizer's own transaction needs the signature.
    function testFuzz_RefusesAnotherSignature(uint256 key, address caller, bool split) public {
        key = bound(key, 1, CURVE_ORDER - 1);
        vm.assume(key != aliceKey);
        _expectBadSignature(caller, _sign(key, _cancelDigest(alice, NONCE)), split);
        _expectBadSignature(alice, _sign(key, _cancelDigest(alice, NONCE)), split);
    }

    function test_RefusesTheSignatureOfAnotherNonceChainOrContract() public {
        bytes32 structHash = keccak256(abi.encode(CANCEL_TYPEHASH, alice, NONCE));
        _expectBadSignature(relayer, _sign(aliceKey, _cancelDigest(alice, bytes32(0))), false);
        _expectBadSignature(relayer, _sign(aliceKey, _digest(structHash, block.chainid + 1, address(token))), false);
        CarbonCredit other = _deploy(admin);
        _expectBadSignature(relayer, _sign(aliceKey, _digest(structHash, block.chainid, address(other))), false);
    }

    function test_RefusesHighS() public {
        _expectBadSignature(relayer, _highS(_sign(aliceKey, _cancelDigest(alice, NONCE))), false);
        _expectBadSignature(relayer, _highS(_sign(aliceKey, _cancelDigest(alice, NONCE))), true);
    }

    function _expectBadSignature(address caller, bytes memory signature, bool split) private {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _cancel(caller, NONCE, signature, split);
        assertFalse(token.authorizationState(alice, NONCE));
    }

    function _cancel(address caller, bytes32 nonce, bytes memory signature, bool split) private {
        (uint8 v, bytes32 r, bytes32 s) = _split(signature);
        vm.prank(caller);
        if (split) token.cancelAuthorization(alice, nonce, v, r, s);
        else token.cancelAuthorization(alice, nonce, signature);
    }
}
