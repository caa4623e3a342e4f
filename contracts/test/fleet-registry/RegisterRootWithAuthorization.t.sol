// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IFleetRegistry} from "../../src/interfaces/IFleetRegistry.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice `registerRootWithAuthorization`.
contract RegisterRootWithAuthorizationTest is FleetRegistryTest {
    bytes32 private constant ROOT = keccak256("a root");
    bytes32 private constant NONCE = keccak256("a nonce");

    function testFuzz_Registers(bytes32 root, uint256 count, bytes32 cidDigest, bytes32 nonce) public {
        vm.assume(root != 0 && cidDigest != 0);
        Root memory item = _rootOf(alice, root, nonce);
        item.count = bound(count, 1, MAX_COUNT);
        item.cidDigest = cidDigest;
        vm.expectEmit(true, true, true, true, address(registry));
        emit IAuthorizations.AuthorizationUsed(alice, nonce);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IFleetRegistry.RootRegistered(alice, root, item.count, cidDigest);
        _execute(_signed(item, aliceKey));
        assertEq(registry.fleetOf(alice, root).count, item.count);
        assertEq(registry.fleetOf(relayer, root).count, 0);
        assertTrue(registry.authorizationState(alice, nonce));
    }

    function test_AContractWalletSigns() public {
        OwnerWallet wallet = new OwnerWallet(alice);
        vm.prank(admin);
        registry.grantRole(MANUFACTURER_ROLE, address(wallet));
        _execute(_signed(_rootOf(address(wallet), ROOT, NONCE), aliceKey));
        assertEq(registry.fleetOf(address(wallet), ROOT).count, 1_000);

        // What its owner signed for the wallet registers nothing of his own.
        Root memory item = _signed(_rootOf(address(wallet), ROOT, 0), aliceKey);
        item.registrant = alice;
        _expectBadSignature(item);
        item.registrant = address(wallet);
        item.signature = _sign(bobKey, _digest(_structHash(item)));
        _expectBadSignature(item);
    }

    function test_RefusesASecondTime() public {
        Root memory item = _signed(_rootOf(alice, ROOT, NONCE), aliceKey);
        _execute(item);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(item);
    }

    /// @dev A registration that fails gives the nonce back.
    function test_RefusesARegisteredRoot() public {
        vm.prank(alice);
        registry.registerRoot(ROOT, 5, CID);
        Root memory item = _signed(_rootOf(alice, ROOT, NONCE), aliceKey);
        vm.expectRevert(abi.encodeWithSelector(IFleetRegistry.RootAlreadyRegistered.selector, alice, ROOT));
        _execute(item);
        assertFalse(registry.authorizationState(alice, NONCE));
    }

    /// @dev The role is the signer's, whoever submits; and it counts when executed.
    function test_RefusesASignerWithoutTheRole() public {
        Root memory item = _signed(_rootOf(bob, ROOT, NONCE), bobKey);
        vm.prank(admin);
        registry.grantRole(MANUFACTURER_ROLE, relayer);
        _expectRoleMissing(item);
        item = _signed(_rootOf(alice, ROOT, NONCE), aliceKey);
        vm.prank(admin);
        registry.revokeRole(MANUFACTURER_ROLE, alice);
        _expectRoleMissing(item);
    }

    function test_HoldsInsideItsWindowOnly() public {
        Root memory item = _signed(_rootOf(alice, ROOT, NONCE), aliceKey);
        vm.warp(item.validAfter);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, item.validAfter));
        _execute(item);
        vm.warp(item.validBefore);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, item.validBefore));
        _execute(item);
        vm.warp(item.validBefore - 1);
        _execute(item);
    }

    function test_RefusesAfterCancel() public {
        Root memory item = _signed(_rootOf(alice, ROOT, NONCE), aliceKey);
        bytes32 cancel = keccak256(abi.encode(CANCEL_TYPEHASH, alice, NONCE));
        registry.cancelAuthorization(alice, NONCE, _sign(aliceKey, _digest(cancel)));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, alice, NONCE));
        _execute(item);
    }

    function testFuzz_RefusesAChangedMember(uint8 member, uint256 change) public {
        Root memory item = _signed(_rootOf(alice, ROOT, NONCE), aliceKey);
        member = uint8(bound(member, 0, 6));
        change = bound(change, 1, 900);
        if (member == 0) item.registrant = bob;
        if (member == 1) item.root ^= bytes32(change);
        if (member == 2) item.count += change;
        if (member == 3) item.cidDigest ^= bytes32(change);
        if (member == 4) item.validAfter -= change;
        if (member == 5) item.validBefore += change;
        if (member == 6) item.nonce ^= bytes32(change);
        _expectBadSignature(item);
    }

    function test_RefusesOnAnotherChainOrContract() public {
        Root memory item = _rootOf(alice, ROOT, NONCE);
        bytes32 structHash = _structHash(item);
        string memory name = "WIA Fleet Registry";
        item.signature = _sign(aliceKey, _digest(name, structHash, block.chainid + 1, address(registry)));
        _expectBadSignature(item);
        item.signature = _sign(aliceKey, _digest(name, structHash, block.chainid, address(this)));
        _expectBadSignature(item);
        item.signature = _sign(aliceKey, _digest("WIA Battery Passport", structHash, block.chainid, address(registry)));
        _expectBadSignature(item);
    }

    function _expectRoleMissing(Root memory item) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, item.registrant, MANUFACTURER_ROLE
            )
        );
        _execute(item);
    }

    function _expectBadSignature(Root memory item) private {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, item.registrant));
        _execute(item);
    }
}
