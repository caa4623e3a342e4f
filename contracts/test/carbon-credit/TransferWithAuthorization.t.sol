// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {CarbonCredit} from "../../src/CarbonCredit.sol";
import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `transferWithAuthorization` of an ordinary account: effect, window, nonce, signature, replay.
contract TransferWithAuthorizationTest is CarbonCreditTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    function testFuzz_MovesTokens(uint256 key, address to, uint256 value, bytes32 nonce, address caller) public {
        key = bound(key, 1, CURVE_ORDER - 1);
        address from = vm.addr(key);
        vm.assume(to != address(0) && to != from && to != alice && from != alice);
        vm.assume(from.code.length == 0);
        value = bound(value, 0, HOLDING);
        vm.prank(alice);
        token.transfer(from, HOLDING);
        ITransferAuthorizations.TransferAuthorization memory item =
            ITransferAuthorizations.TransferAuthorization(from, to, value, NOW - 1, NOW + 1, nonce, "");
        item = _signed(item, key);

        assertFalse(token.authorizationState(from, nonce));
        vm.expectEmit(true, true, true, true, address(token));
        emit IAuthorizations.AuthorizationUsed(from, nonce);
        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(from, to, value);
        vm.prank(caller);
        token.transferWithAuthorization(from, to, value, NOW - 1, NOW + 1, nonce, item.signature);

        assertEq(token.balanceOf(from), HOLDING - value);
        assertEq(token.balanceOf(to), value);
        assertTrue(token.authorizationState(from, nonce));
    }

    function test_SplitForm() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 5e18, NONCE), aliceKey);
        _executeSplit(item);
        assertEq(token.balanceOf(bob), 5e18);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _executeSplit(item);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(item);
    }

    function test_CompactSignature() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 5e18, NONCE), aliceKey);
        item.signature = _compact(item.signature);
        assertEq(item.signature.length, 64);
        _execute(item);
        assertEq(token.balanceOf(bob), 5e18);
    }

    /// @dev validAfter < block.timestamp < validBefore, both ends outside.
    function testFuzz_HoldsInsideItsWindowOnly(uint256 validAfter, uint256 validBefore) public {
        ITransferAuthorizations.TransferAuthorization memory item = _fromAlice(bob, 1e18, NONCE);
        item.validAfter = validAfter;
        item.validBefore = validBefore;
        item = _signed(item, aliceKey);
        if (validAfter >= NOW) {
            vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, validAfter));
        } else if (validBefore <= NOW) {
            vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, validBefore));
        }
        _execute(item);
        bool holds = validAfter < NOW && NOW < validBefore;
        assertEq(token.balanceOf(bob), holds ? 1e18 : 0);
        assertEq(token.authorizationState(alice, NONCE), holds);
    }

    function test_WindowEnds() public {
        testFuzz_HoldsInsideItsWindowOnly(NOW, NOW + 1);
        testFuzz_HoldsInsideItsWindowOnly(NOW - 1, NOW);
        testFuzz_HoldsInsideItsWindowOnly(NOW - 1, NOW + 1);
    }

    /// @dev A nonce is one bit: its neighbours in the word and the same nonce of others stay free.
    function testFuzz_ANonceIsUsedAlone(bytes32 nonce, bytes32 other) public {
        vm.assume(other != nonce);
        _execute(_signed(_fromAlice(bob, 1, nonce), aliceKey));
        assertTrue(token.authorizationState(alice, nonce));
        assertFalse(token.authorizationState(alice, other));
        assertFalse(token.authorizationState(alice, nonce ^ bytes32(uint256(1))));
        assertFalse(token.authorizationState(alice, nonce ^ bytes32(uint256(256))));
        assertFalse(token.authorizationState(bob, nonce));
        _execute(_signed(_fromAlice(bob, 1, other), aliceKey));
        assertTrue(token.authorizationState(alice, other));
    }

    /// @dev The nonce counts, not the message: another message with a used nonce is refused too.
    function test_RefusesAnotherMessageWithAUsedNonce() public {
        _execute(_signed(_fromAlice(bob, 1e18, NONCE), aliceKey));
        ITransferAuthorizations.TransferAuthorization memory other = _signed(_fromAlice(relayer, 2e18, NONCE), aliceKey);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(other);
    }

    function test_RefusesAfterCancel() public {
        vm.prank(relayer);
        token.cancelAuthorization(alice, NONCE, _sign(aliceKey, _cancelDigest(alice, NONCE)));
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(item);
    }

    function testFuzz_RefusesOnAnotherChain(uint64 chainId) public {
        vm.assume(chainId != block.chainid && chainId != 0);
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        vm.chainId(chainId);
        _expectBadSignature(item);
        // What is signed for that chain is executed there.
        _execute(_signed(item, aliceKey));
        assertEq(token.balanceOf(bob), 1e18);
    }

    function test_RefusesOnAnotherContract() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        token = _deploy(admin);
        _mint(alice, HOLDING, "alice's");
        _expectBadSignature(item);
    }

    function testFuzz_RefusesAnotherKey(uint256 key) public {
        key = bound(key, 1, CURVE_ORDER - 1);
        vm.assume(key != aliceKey);
        _expectBadSignature(_signed(_fromAlice(bob, 1e18, NONCE), key));
    }

    function testFuzz_RefusesAChangedMember(uint8 member, uint256 change) public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        member = uint8(bound(member, 0, 5));
        change = bound(change, 1, 1000);
        if (member == 0) item.from = bob;
        if (member == 1) item.to = address(uint160(bob) ^ uint160(change));
        if (member == 2) item.value += change;
        if (member == 3) item.validAfter -= change;
        if (member == 4) item.validBefore += change;
        if (member == 5) item.nonce ^= bytes32(change);
        _expectBadSignature(item);
    }

    function testFuzz_RefusesAChangedSignature(uint256 position, uint8 change) public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        position = bound(position, 0, 64);
        change = uint8(bound(change, 1, 255));
        item.signature[position] ^= bytes1(change);
        _expectBadSignature(item);
    }

    function test_RefusesHighS() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        item.signature = _highS(item.signature);
        _expectBadSignature(item);
    }

    function testFuzz_RefusesOtherLengths(bytes calldata signature) public {
        vm.assume(signature.length != 64 && signature.length != 65);
        ITransferAuthorizations.TransferAuthorization memory item = _fromAlice(bob, 1e18, NONCE);
        item.signature = signature;
        _expectBadSignature(item);
    }

    /// @dev The right 65 bytes and one more, and one less.
    function test_RefusesNeighbouringLengths() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        bytes memory right = item.signature;
        item.signature = abi.encodePacked(right, uint8(0));
        _expectBadSignature(item);
        item.signature = _compact(right);
        assembly ("memory-safe") {
            mstore(mload(add(item, 0xc0)), 63)
        }
        _expectBadSignature(item);
    }

    /// @dev ecrecover answers zero for a bad signature; that is nobody's.
    function testFuzz_RefusesTheZeroSigner(bytes32 r, bytes32 s, uint8 v) public {
        ITransferAuthorizations.TransferAuthorization memory item = _fromAlice(bob, 0, NONCE);
        item.from = address(0);
        item.signature = abi.encodePacked(r, s, v);
        _expectBadSignature(item);
        item.signature = new bytes(65);
        _expectBadSignature(item);
    }

    /// @dev A transfer that fails gives the nonce back.
    function test_RefusesMoreThanHeld() public {
        ITransferAuthorizations.TransferAuthorization memory item =
            _signed(_fromAlice(bob, HOLDING + 1, NONCE), aliceKey);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, alice, HOLDING, HOLDING + 1)
        );
        _execute(item);
        assertFalse(token.authorizationState(alice, NONCE));
        _mint(alice, 1e15, "one step more");
        _execute(item);
        assertEq(token.balanceOf(bob), HOLDING + 1);
    }

    function test_RefusesTheZeroPayee() public {
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(address(0), 1, NONCE), aliceKey);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        _execute(item);
        assertFalse(token.authorizationState(alice, NONCE));
    }

    /// @dev An address argument with anything in its upper 12 bytes is malformed calldata: no error data.
    function testFuzz_RefusesUncleanAddresses(bool payee, uint96 dirt) public {
        vm.assume(dirt != 0);
        ITransferAuthorizations.TransferAuthorization memory item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        bytes memory call = abi.encodeWithSignature(
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
            payee ? uint256(uint160(alice)) : uint256(uint160(alice)) | uint256(dirt) << 160,
            payee ? uint256(uint160(bob)) | uint256(dirt) << 160 : uint256(uint160(bob)),
            item.value,
            item.validAfter,
            item.validBefore,
            item.nonce,
            item.signature
        );
        (bool success, bytes memory answer) = address(token).call(call);
        assertFalse(success);
        assertEq(answer.length, 0);
    }

    function _executeSplit(ITransferAuthorizations.TransferAuthorization memory item) private {
        (uint8 v, bytes32 r, bytes32 s) = _split(item.signature);
        vm.prank(relayer);
        token.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, v, r, s
        );
    }

    function _expectBadSignature(ITransferAuthorizations.TransferAuthorization memory item) private {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, item.from));
        _execute(item);
        assertFalse(token.authorizationState(item.from, item.nonce));
    }
}
