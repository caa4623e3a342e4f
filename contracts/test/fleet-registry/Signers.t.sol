// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";

/// @notice The forms that the registry inherits act as their signer here too, and ask his role, not the caller's.
contract SignersTest is FleetRegistryTest {
    uint256 private constant AFTER = NOW - 1;
    uint256 private constant BEFORE = NOW + 1 hours;
    uint256 private constant EXPIRY = NOW + 1 days;
    bytes32 private constant NONCE = keccak256("a nonce");
    bytes32 private constant HASH = keccak256("a hash");
    IBatterySupplyChain.Status private constant IN_STORAGE = IBatterySupplyChain.Status.InStorage;
    IBatterySupplyChain.Status private constant MANUFACTURED = IBatterySupplyChain.Status.Manufactured;

    bytes32 private key;

    function setUp() public override {
        super.setUp();
        (bytes32 root, bytes32[] memory entries) = _registerFleet(0, 9);
        key = _materialise(root, entries, 0, 5);
    }

    function test_TheOwnersSignatureActs() public {
        bytes memory s =
            _signedBy(aliceKey, abi.encode(registry.OFFER_AUTHORIZATION_TYPEHASH(), alice, key, 0, bob, EXPIRY, HASH));
        vm.prank(relayer);
        registry.offerWithAuthorization(alice, key, 0, bob, EXPIRY, HASH, AFTER, BEFORE, NONCE, s);
        s = _signedBy(bobKey, abi.encode(registry.ACCEPT_AUTHORIZATION_TYPEHASH(), bob, key, 0, EXPIRY, HASH));
        vm.prank(relayer);
        registry.acceptWithAuthorization(bob, key, 0, EXPIRY, HASH, AFTER, BEFORE, NONCE, s);
        assertEq(_ownerOf(key), bob);
        s = _signedBy(
            bobKey,
            abi.encode(registry.CHANGE_STATUS_AUTHORIZATION_TYPEHASH(), bob, key, MANUFACTURED, IN_STORAGE),
            HASH
        );
        vm.prank(relayer);
        registry.changeStatusWithAuthorization(bob, key, MANUFACTURED, IN_STORAGE, AFTER, BEFORE, HASH, s);
        (,,,, IBatterySupplyChain.Status status,) = registry.recordOf(key);
        assertTrue(status == IN_STORAGE);
    }

    /// @dev bob signs, as himself, what is alice's to do; not even she brings it in.
    function test_RefusesAStranger() public {
        bytes memory s =
            _signedBy(bobKey, abi.encode(registry.OFFER_AUTHORIZATION_TYPEHASH(), bob, key, 0, bob, EXPIRY, HASH));
        bytes memory notOwner = abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, key, bob);
        _refuses(
            abi.encodeCall(registry.offerWithAuthorization, (bob, key, 0, bob, EXPIRY, HASH, AFTER, BEFORE, NONCE, s)),
            notOwner
        );
        s = _signedBy(bobKey, abi.encode(registry.DELEGATE_AUTHORIZATION_TYPEHASH(), bob, key, 0, bob, 1, EXPIRY));
        _refuses(
            abi.encodeCall(registry.delegateWithAuthorization, (bob, key, 0, bob, 1, EXPIRY, AFTER, BEFORE, NONCE, s)),
            notOwner
        );
        s = _signedBy(bobKey, abi.encode(registry.UPDATE_AUTHORIZATION_TYPEHASH(), bob, key, 2, HASH));
        _refuses(
            abi.encodeCall(registry.updateWithAuthorization, (bob, key, 2, HASH, AFTER, BEFORE, NONCE, s)),
            _notAuthorized(1)
        );
        s = _signedBy(
            bobKey, abi.encode(registry.CHANGE_STATUS_AUTHORIZATION_TYPEHASH(), bob, key, MANUFACTURED, IN_STORAGE)
        );
        _refuses(
            abi.encodeCall(
                registry.changeStatusWithAuthorization, (bob, key, MANUFACTURED, IN_STORAGE, AFTER, BEFORE, NONCE, s)
            ),
            _notAuthorized(1 << 12)
        );
        IBatterySupplyChain.EventKind kind = IBatterySupplyChain.EventKind.LocationUpdate;
        s = _signedBy(bobKey, abi.encode(registry.RECORD_EVENT_AUTHORIZATION_TYPEHASH(), bob, key, kind, HASH, HASH));
        _refuses(
            abi.encodeCall(
                registry.recordEventWithAuthorization, (bob, key, kind, HASH, HASH, AFTER, BEFORE, NONCE, s)
            ),
            _notAuthorized(1 << 4)
        );
    }

    /// @dev alice owns and signs without the role, the admin submits and has it; then the other way round.
    function test_TheSignersRoleCounts() public {
        IBatterySupplyChain.EventKind kind = IBatterySupplyChain.EventKind.EndOfLife;
        bytes32 role = registry.OPERATOR_ROLE();
        bytes memory s = _signedBy(
            aliceKey, abi.encode(registry.RECORD_EVENT_AUTHORIZATION_TYPEHASH(), alice, key, kind, HASH, HASH)
        );
        vm.startPrank(admin);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, alice, role));
        registry.recordEventWithAuthorization(alice, key, kind, HASH, HASH, AFTER, BEFORE, NONCE, s);
        registry.grantRole(role, alice);
        vm.startPrank(relayer);
        vm.expectEmit(address(registry));
        emit IBatterySupplyChain.EndOfLife(key, alice, HASH, HASH);
        registry.recordEventWithAuthorization(alice, key, kind, HASH, HASH, AFTER, BEFORE, NONCE, s);
    }

    function _signedBy(uint256 signerKey, bytes memory message) private view returns (bytes memory) {
        return _signedBy(signerKey, message, NONCE);
    }

    function _signedBy(uint256 signerKey, bytes memory message, bytes32 nonce) private view returns (bytes memory) {
        return _sign(signerKey, _digest(keccak256(bytes.concat(message, abi.encode(AFTER, BEFORE, nonce)))));
    }

    function _refuses(bytes memory call_, bytes memory expected) private {
        address[2] memory submitters = [relayer, alice];
        for (uint256 i = 0; i < submitters.length; ++i) {
            vm.prank(submitters[i]);
            (bool success, bytes memory reason) = address(registry).call(call_);
            assertFalse(success);
            assertEq(reason, expected);
        }
    }

    function _notAuthorized(uint256 scope) private view returns (bytes memory) {
        return abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, key, bob, scope);
    }
}
