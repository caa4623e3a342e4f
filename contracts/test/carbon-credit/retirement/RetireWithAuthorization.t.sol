// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {CarbonCredit} from "../../../src/CarbonCredit.sol";
import {IAuthorizations} from "../../../src/interfaces/IAuthorizations.sol";
import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {ICreditRetirement} from "../../../src/interfaces/ICreditRetirement.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";
import {OwnerWallet} from "../../support/Wallets.sol";

/// @notice `retireWithAuthorization`: what the holder signed, submitted by anyone.
contract RetireWithAuthorizationTest is CarbonCreditTest {
    bytes32 private constant NONCE = keccak256("a nonce");
    uint256 private constant AFTER = NOW - 1;
    uint256 private constant BEFORE = NOW + 1 hours;

    function test_TypeHash() public view {
        assertEq(token.RETIRE_AUTHORIZATION_TYPEHASH(), RETIRE_TYPEHASH);
    }

    function testFuzz_RetiresWhatWasSigned(
        ICreditRetirement.Retirement memory retirement,
        uint256 steps,
        bytes32 nonce,
        address caller
    ) public {
        retirement.creditId = "alice's";
        retirement.amount = bound(steps, 1, HOLDING / STEP) * STEP;
        retirement.periodEnd = retirement.periodStart;
        bytes memory signature = _sign(aliceKey, _retireDigest(alice, retirement, nonce));

        vm.expectEmit(true, true, true, true, address(token));
        emit IAuthorizations.AuthorizationUsed(alice, nonce);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditRetirement.CreditRetired(alice, keccak256("alice's"), 1, uint64(NOW), retirement);
        vm.prank(caller);
        token.retireWithAuthorization(alice, retirement, AFTER, BEFORE, nonce, signature);

        assertEq(token.balanceOf(alice), HOLDING - retirement.amount);
        assertTrue(token.authorizationState(alice, nonce));
        assertTrue(token.verifyCertificate(alice, 1, uint64(NOW), retirement));
    }

    function test_RetiresOnce() public {
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", STEP);
        bytes memory signature = _sign(aliceKey, _retireDigest(alice, retirement, NONCE));
        _execute(alice, retirement, signature);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(alice, retirement, signature);
        assertEq(token.issuanceOf("alice's").retired, 1);
    }

    /// @dev One nonce space for every action of the contract.
    function test_SharesNoncesWithTransfersAndCancellation() public {
        _execute(_signed(_fromAlice(bob, 1, NONCE), aliceKey));
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", STEP);
        bytes memory signature = _sign(aliceKey, _retireDigest(alice, retirement, NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(alice, retirement, signature);
    }

    function test_HoldsFromAfterToBefore() public {
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", STEP);
        bytes memory signature = _sign(aliceKey, _retireDigest(alice, retirement, NONCE));
        vm.warp(AFTER);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, AFTER));
        _execute(alice, retirement, signature);
        vm.warp(BEFORE);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, BEFORE));
        _execute(alice, retirement, signature);
        vm.warp(BEFORE - 1);
        _execute(alice, retirement, signature);
    }

    /// @dev Whatever is changed, the signature no longer fits.
    function test_RefusesAnyOtherMember() public {
        ICreditRetirement.Retirement memory signed = _retirement("alice's", STEP);
        bytes memory signature = _sign(aliceKey, _retireDigest(alice, signed, NONCE));
        _mint(alice, STEP, "another");

        ICreditRetirement.Retirement memory other = _retirement("another", STEP);
        _expectBadSignature(alice, other, signature);
        other = _retirement("alice's", 2 * STEP);
        _expectBadSignature(alice, other, signature);
        other = _retirement("alice's", STEP);
        other.beneficiary = "Other GmbH";
        _expectBadSignature(alice, other, signature);
        other = _retirement("alice's", STEP);
        other.purpose = "resale";
        _expectBadSignature(alice, other, signature);
        other = _retirement("alice's", STEP);
        other.country = "FR";
        _expectBadSignature(alice, other, signature);
        other = _retirement("alice's", STEP);
        ++other.periodStart;
        _expectBadSignature(alice, other, signature);
        other = _retirement("alice's", STEP);
        ++other.periodEnd;
        _expectBadSignature(alice, other, signature);
        _expectBadSignature(bob, signed, signature);

        bytes memory refusal = _badSignature(alice);
        vm.expectRevert(refusal);
        token.retireWithAuthorization(alice, signed, AFTER - 1, BEFORE, NONCE, signature);
        vm.expectRevert(refusal);
        token.retireWithAuthorization(alice, signed, AFTER, BEFORE + 1, NONCE, signature);
        vm.expectRevert(refusal);
        token.retireWithAuthorization(alice, signed, AFTER, BEFORE, bytes32(0), signature);
        assertEq(_gone("alice's"), 0);
    }

    function test_RefusesTheSignatureOfAnotherKeyChainOrContract() public {
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", STEP);
        bytes32 structHash = _structHash(alice, retirement, NONCE);
        _expectBadSignature(alice, retirement, _sign(bobKey, _digest(structHash)));
        _expectBadSignature(alice, retirement, _sign(aliceKey, _digest(structHash, block.chainid + 1, address(token))));
        CarbonCredit other = _deploy(admin);
        _expectBadSignature(alice, retirement, _sign(aliceKey, _digest(structHash, block.chainid, address(other))));
        _expectBadSignature(alice, retirement, _highS(_sign(aliceKey, _digest(structHash))));
    }

    /// @dev Somebody retired the credit first: nothing is used up, and so the nonce is free for a
    /// retirement of another credit.
    function test_AFailedRetirementUsesNoNonce() public {
        _mint(bob, STEP, "scarce");
        ICreditRetirement.Retirement memory retirement = _retirement("scarce", STEP);
        bytes memory signature = _sign(aliceKey, _retireDigest(alice, retirement, NONCE));
        vm.prank(bob);
        token.retire(retirement);
        vm.expectRevert(
            abi.encodeWithSelector(ICreditIssuance.ExceedsOpenAmount.selector, keccak256("scarce"), 0, STEP)
        );
        _execute(alice, retirement, signature);
        assertFalse(token.authorizationState(alice, NONCE));
    }

    /// @dev By the rule of all authorizations, while the holder's own retirement goes on.
    function test_APauseStopsIt() public {
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", STEP);
        bytes memory signature = _sign(aliceKey, _retireDigest(alice, retirement, NONCE));
        vm.prank(admin);
        token.pause();
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        _execute(alice, retirement, signature);
        vm.prank(admin);
        token.unpause();
        _execute(alice, retirement, signature);
    }

    /// @dev A contract wallet signs by ERC-1271; two wallets of one owner share no digest.
    function test_ContractWallets() public {
        OwnerWallet wallet = new OwnerWallet(alice);
        OwnerWallet second = new OwnerWallet(alice);
        _mint(address(wallet), STEP, "the wallet's");
        _mint(address(second), STEP, "the second wallet's");
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", STEP);
        bytes memory signature = _sign(aliceKey, _retireDigest(address(wallet), retirement, NONCE));

        _expectBadSignature(address(second), retirement, signature);
        _expectBadSignature(alice, retirement, signature);
        _execute(address(wallet), retirement, signature);
        assertEq(token.balanceOf(address(wallet)), 0);
        assertTrue(token.verifyCertificate(address(wallet), 1, uint64(NOW), retirement));
        _expectBadSignature(
            address(second), retirement, _sign(bobKey, _retireDigest(address(second), retirement, NONCE))
        );
    }

    function _retireDigest(address holder, ICreditRetirement.Retirement memory retirement, bytes32 nonce)
        private
        view
        returns (bytes32)
    {
        return _digest(_structHash(holder, retirement, nonce));
    }

    function _structHash(address holder, ICreditRetirement.Retirement memory retirement, bytes32 nonce)
        private
        pure
        returns (bytes32)
    {
        return keccak256(
            bytes.concat(
                abi.encode(RETIRE_TYPEHASH, holder, keccak256(bytes(retirement.creditId)), retirement.amount),
                abi.encode(keccak256(bytes(retirement.beneficiary)), keccak256(bytes(retirement.purpose))),
                abi.encode(retirement.country, retirement.periodStart, retirement.periodEnd),
                abi.encode(AFTER, BEFORE, nonce)
            )
        );
    }

    function _execute(address holder, ICreditRetirement.Retirement memory retirement, bytes memory signature) private {
        vm.prank(relayer);
        token.retireWithAuthorization(holder, retirement, AFTER, BEFORE, NONCE, signature);
    }

    function _expectBadSignature(address holder, ICreditRetirement.Retirement memory retirement, bytes memory signature)
        private
    {
        vm.expectRevert(_badSignature(holder));
        _execute(holder, retirement, signature);
    }

    function _badSignature(address holder) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, holder);
    }
}
