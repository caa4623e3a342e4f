// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice Who acts by a signature is its signer. bob signs rightly, as himself, what is not his to do; neither anyone
/// nor the owner, whose right it would be, brings it in. That nobody signs in another's name, AuthorizationsTest tells.
contract SignersTest is BatteryPassportTest {
    function test_RefusesOffersOfAStranger() public {
        bytes memory s =
            _byBob(abi.encode(passport.OFFER_AUTHORIZATION_TYPEHASH(), bob, leanKey, 0, bob, EXPIRY, DOCUMENTS));
        _refuses(
            abi.encodeCall(
                passport.offerWithAuthorization, (bob, leanKey, 0, bob, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, s)
            ),
            abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, leanKey, bob)
        );
    }

    function test_RefusesDelegationsOfAStranger() public {
        bytes memory s =
            _byBob(abi.encode(passport.DELEGATE_AUTHORIZATION_TYPEHASH(), bob, leanKey, 0, bob, SCOPE_UPDATE, EXPIRY));
        _refuses(
            abi.encodeCall(
                passport.delegateWithAuthorization,
                (bob, leanKey, 0, bob, SCOPE_UPDATE, EXPIRY, AFTER, BEFORE, NONCE, s)
            ),
            abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, leanKey, bob)
        );
    }

    function test_RefusesTransfersOfAStranger() public {
        bytes memory s =
            _byBob(abi.encode(passport.TRANSFER_OWNERSHIP_AUTHORIZATION_TYPEHASH(), bob, keccak256(bytes(ID)), 0, bob));
        _refuses(
            abi.encodeCall(passport.transferOwnershipWithAuthorization, (bob, ID, 0, bob, AFTER, BEFORE, NONCE, s)),
            abi.encodeWithSignature("Error(string)", "Not current owner")
        );
    }

    /// @dev The offer is carol's to accept, and carol submits.
    function test_RefusesAcceptancesOfAStranger() public {
        vm.startPrank(alice);
        passport.offer(leanKey, carol, EXPIRY, DOCUMENTS);
        passport.offer(namedKey, carol, EXPIRY, DOCUMENTS);
        vm.stopPrank();
        bytes memory s =
            _byBob(abi.encode(passport.ACCEPT_AUTHORIZATION_TYPEHASH(), bob, leanKey, 0, EXPIRY, DOCUMENTS));
        _refuses(
            abi.encodeCall(
                passport.acceptWithAuthorization, (bob, leanKey, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, s)
            ),
            abi.encodeWithSelector(IBatteryOwnership.NoSuchOffer.selector, leanKey, bob, EXPIRY, DOCUMENTS)
        );
        s = _byBob(
            abi.encode(
                passport.ACCEPT_BATTERY_AUTHORIZATION_TYPEHASH(), bob, keccak256(bytes(ID)), 0, EXPIRY, DOCUMENTS
            )
        );
        _refuses(
            abi.encodeCall(
                passport.acceptBatteryWithAuthorization, (bob, ID, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, s)
            ),
            abi.encodeWithSelector(IBatteryOwnership.NoSuchOffer.selector, namedKey, bob, EXPIRY, DOCUMENTS)
        );
    }

    function test_RefusesDataOfAStranger() public {
        bytes memory s = _byBob(abi.encode(passport.UPDATE_AUTHORIZATION_TYPEHASH(), bob, leanKey, 2, SECOND));
        _refuses(
            abi.encodeCall(passport.updateWithAuthorization, (bob, leanKey, 2, SECOND, AFTER, BEFORE, NONCE, s)),
            _notAuthorized(SCOPE_UPDATE)
        );
        s = _byBob(abi.encode(passport.UPDATE_DATA_AUTHORIZATION_TYPEHASH(), bob, keccak256(bytes(ID)), 2, SECOND));
        _refuses(
            abi.encodeCall(passport.updateDataWithAuthorization, (bob, ID, 2, SECOND, AFTER, BEFORE, NONCE, s)),
            abi.encodeWithSignature("Error(string)", "Not authorized")
        );
    }

    function test_RefusesStatusAndEventsOfAStranger() public {
        IBatterySupplyChain.Status from = IBatterySupplyChain.Status.Manufactured;
        IBatterySupplyChain.Status to = IBatterySupplyChain.Status.InUse;
        bytes memory s = _byBob(abi.encode(passport.CHANGE_STATUS_AUTHORIZATION_TYPEHASH(), bob, leanKey, from, to));
        _refuses(
            abi.encodeCall(passport.changeStatusWithAuthorization, (bob, leanKey, from, to, AFTER, BEFORE, NONCE, s)),
            _notAuthorized(SCOPE_STATUS)
        );
        IBatterySupplyChain.EventKind kind = IBatterySupplyChain.EventKind.EndOfLife;
        s = _byBob(abi.encode(passport.RECORD_EVENT_AUTHORIZATION_TYPEHASH(), bob, leanKey, kind, FIRST, SECOND));
        _refuses(
            abi.encodeCall(
                passport.recordEventWithAuthorization, (bob, leanKey, kind, FIRST, SECOND, AFTER, BEFORE, NONCE, s)
            ),
            _notAuthorized(1 << 9)
        );
    }

    /// @dev What bob registers is bob's, whoever submits it, and touches nothing that is there.
    function test_RegistersForItsSigner() public {
        bytes memory s =
            _byBob(abi.encode(passport.REGISTER_BATTERY_AUTHORIZATION_TYPEHASH(), bob, keccak256(bytes(ID)), SECOND));
        _refuses(
            abi.encodeCall(passport.registerBatteryWithAuthorization, (bob, ID, SECOND, AFTER, BEFORE, NONCE, s)),
            abi.encodeWithSignature("Error(string)", "Battery already registered")
        );
        s = _byBob(abi.encode(passport.REGISTER_AUTHORIZATION_TYPEHASH(), bob, SALTED_ID, SECOND));
        vm.prank(alice);
        bytes32 key = passport.registerWithAuthorization(bob, SALTED_ID, SECOND, AFTER, BEFORE, NONCE, s);
        assertEq(key, _leanKey(bob, SALTED_ID));
        assertEq(_ownerOf(key), bob);
        assertEq(_ownerOf(leanKey), alice);
        assertEq(_chainOf(leanKey), _link(leanKey, FIRST));
    }

    /// @dev A message without its window and nonce, as bob signs it.
    function _byBob(bytes memory message) private view returns (bytes memory) {
        return _signed(bobKey, bytes.concat(message, abi.encode(AFTER, BEFORE, NONCE)));
    }

    function _refuses(bytes memory call_, bytes memory expected) private {
        address[3] memory submitters = [relayer, alice, carol];
        for (uint256 i = 0; i < submitters.length; ++i) {
            vm.prank(submitters[i]);
            (bool success, bytes memory reason) = address(passport).call(call_);
            assertFalse(success);
            assertEq(reason, expected);
        }
    }

    function _notAuthorized(uint256 scope) private view returns (bytes memory) {
        return abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, leanKey, bob, scope);
    }
}
