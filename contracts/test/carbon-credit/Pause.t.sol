// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `pause` and `unpause`: what stands still and what never does.
contract PauseTest is CarbonCreditTest {
    bytes32 private constant NONCE = keccak256("a nonce");

    ITransferAuthorizations.TransferAuthorization private item;

    function setUp() public override {
        super.setUp();
        item = _signed(_fromAlice(bob, 1e18, NONCE), aliceKey);
        vm.expectEmit(true, true, true, true, address(token));
        emit Pausable.Paused(admin);
        vm.prank(admin);
        token.pause();
        assertTrue(token.paused());
    }

    function test_StopsMinting() public {
        _expectPaused();
        _mint(bob, 1e18, "x");
        _expectPaused();
        vm.prank(admin);
        token.issue(bob, 0, _terms("x", "", uint64(HOLDING / STEP) + 1, uint64(HOLDING / STEP) + 1));
    }

    function test_StopsAuthorizations() public {
        (uint8 v, bytes32 r, bytes32 s) = _split(item.signature);
        _expectPaused();
        _execute(item);
        _expectPaused();
        token.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, v, r, s
        );

        bytes memory signature = _sign(aliceKey, _authorizationDigest(RECEIVE_TYPEHASH, item));
        (v, r, s) = _split(signature);
        _expectPaused();
        vm.prank(bob);
        token.receiveWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, signature
        );
        _expectPaused();
        vm.prank(bob);
        token.receiveWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, v, r, s
        );
    }

    /// @dev As a whole: no item is skipped and none is spoilt.
    function test_StopsBatches() public {
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](1);
        items[0] = item;
        _expectPaused();
        token.transferWithAuthorizationBatch(items);

        vm.prank(admin);
        token.unpause();
        assertEq(token.transferWithAuthorizationBatch(items), 1);
    }

    function test_NeverStopsTransfers() public {
        vm.prank(alice);
        assertTrue(token.transfer(bob, 1e18));
        vm.prank(alice);
        token.approve(bob, 1e18);
        vm.prank(bob);
        assertTrue(token.transferFrom(alice, bob, 1e18));
        assertEq(token.balanceOf(bob), 2e18);
    }

    function test_NeverStopsRetirement() public {
        vm.prank(alice);
        token.retire(_retirement("alice's", STEP));
        vm.prank(alice);
        token.approve(bob, STEP);
        vm.prank(bob);
        token.retireFrom(alice, _retirement("alice's", STEP));
        assertEq(token.balanceOf(alice), HOLDING - 2 * STEP);
    }

    function test_NeverStopsPermit() public {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        (uint8 v, bytes32 r, bytes32 s) =
            _split(_sign(aliceKey, _digest(keccak256(abi.encode(typeHash, alice, bob, 1e18, 0, NOW)))));
        token.permit(alice, bob, 1e18, NOW, v, r, s);
        assertEq(token.allowance(alice, bob), 1e18);
    }

    /// @dev What was signed can be withdrawn while it cannot be executed.
    function test_NeverStopsCancelling() public {
        token.cancelAuthorization(alice, NONCE, _sign(aliceKey, _cancelDigest(alice, NONCE)));
        assertTrue(token.authorizationState(alice, NONCE));
    }

    function test_EndsWithUnpause() public {
        vm.expectEmit(true, true, true, true, address(token));
        emit Pausable.Unpaused(admin);
        vm.prank(admin);
        token.unpause();
        _execute(item);
        _mint(bob, 1e18, "x");
        assertEq(token.balanceOf(bob), 2e18);
    }

    function testFuzz_RefusesOthersThanPausers(address caller) public {
        vm.assume(caller != admin);
        bytes memory refusal = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, caller, keccak256("PAUSER_ROLE")
        );
        vm.expectRevert(refusal);
        vm.prank(caller);
        token.unpause();
        vm.prank(admin);
        token.unpause();
        vm.expectRevert(refusal);
        vm.prank(caller);
        token.pause();
    }

    function _expectPaused() private {
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
    }
}
