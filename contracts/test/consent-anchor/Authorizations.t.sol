// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";

/// @notice The four signed actions of the contract, one after the other, each from the same state: within its window and
/// outside it, a second time, and with a nonce that was cancelled. A refusal leaves everything as it was.
contract AuthorizationsTest is ConsentAnchorTest {
    /// @dev Everything that one of the actions could change.
    struct State {
        IConsentAnchor.Consent held;
        IConsentAnchor.Consent another;
        IConsentAnchor.RequestRecord request;
        bool isAlicesNonceUsed;
        bool isGuardiansNonceUsed;
    }

    uint256 private constant ACTIONS = 4;
    bytes32 private constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 private constant ANOTHER = keccak256("another commitment");
    uint40 private constant EFFECTIVE_AT = uint40(NOW + 30 days);

    function test_TakesEffectOnceInItsFirstSecond() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            _takesEffectOnce(i, VALID_AFTER + 1);
        }
    }

    function test_TakesEffectOnceInItsLastSecond() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            _takesEffectOnce(i, VALID_BEFORE - 1);
        }
    }

    /// @dev The second `validAfter` is not in the window.
    function test_RefusesBeforeItsWindow() public {
        bytes memory refusal = abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, VALID_AFTER);
        uint256[3] memory times = [VALID_AFTER - 1 days, VALID_AFTER - 1, VALID_AFTER];
        for (uint256 i = 0; i < ACTIONS * times.length; ++i) {
            vm.warp(times[i % times.length]);
            _assertRefused(i / times.length, refusal);
        }
    }

    /// @dev Nor is the second `validBefore`.
    function test_RefusesAfterItsWindow() public {
        bytes memory refusal = abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, VALID_BEFORE);
        uint256[3] memory times = [VALID_BEFORE, VALID_BEFORE + 1, VALID_BEFORE + 1 days];
        for (uint256 i = 0; i < ACTIONS * times.length; ++i) {
            vm.warp(times[i % times.length]);
            _assertRefused(i / times.length, refusal);
        }
    }

    /// @dev In time and well signed.
    function test_RefusesACancelledNonce() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            uint256 snapshot = vm.snapshotState();
            (address signer, uint256 key) = _signer(i);
            bytes memory signature = _sign(key, _digest(keccak256(abi.encode(CANCEL_TYPEHASH, signer, NONCE))));
            State memory expected = _nonceUsed(_state(), signer);
            vm.expectEmit(address(consents));
            emit IAuthorizations.AuthorizationCanceled(signer, NONCE);
            vm.prank(relayer);
            consents.cancelAuthorization(signer, NONCE, signature);
            _assertState(expected, i);
            _assertRefused(i, _alreadyUsed(signer));
            vm.revertToState(snapshot);
        }
    }

    function _takesEffectOnce(uint256 action, uint256 time) private {
        uint256 snapshot = vm.snapshotState();
        vm.warp(time);
        (address signer,) = _signer(action);
        State memory expected = _stateAfter(action);
        vm.expectEmit(address(consents));
        emit IAuthorizations.AuthorizationUsed(signer, NONCE);
        _expectEvent(action);
        (bool success,) = _submit(action);
        assertTrue(success, vm.toString(action));
        _assertState(expected, action);
        _assertRefused(action, _alreadyUsed(signer));
        vm.revertToState(snapshot);
    }

    function _assertRefused(uint256 action, bytes memory refusal) private {
        State memory before = _state();
        (bool success, bytes memory answer) = _submit(action);
        assertFalse(success, vm.toString(action));
        assertEq(answer, refusal, vm.toString(action));
        _assertState(before, action);
    }

    /// @dev As anyone.
    function _submit(uint256 action) private returns (bool success, bytes memory answer) {
        (, uint256 key) = _signer(action);
        bytes memory call = _call(action, _sign(key, _digest(_structHash(action))));
        vm.prank(relayer);
        return address(consents).call(call);
    }

    function _signer(uint256 action) private view returns (address signer, uint256 key) {
        return action == 2 ? (guardian, guardianKey) : (alice, aliceKey);
    }

    function _another() private view returns (IConsentAnchor.ConsentTerms memory terms) {
        terms = _terms();
        terms.commitment = ANOTHER;
    }

    function _structHash(uint256 action) private view returns (bytes32) {
        bytes memory message;
        if (action == 0) message = abi.encode(ANCHOR_TYPEHASH, alice, _another());
        else if (action == 1) message = abi.encode(REVOKE_TYPEHASH, alice, COMMITMENT, EFFECTIVE_AT);
        else if (action == 2) message = abi.encode(EMERGENCY_TYPEHASH, guardian, consentKey);
        else message = abi.encode(OPEN_TYPEHASH, alice, COMMITMENT, OPERATION, DEADLINE);
        return keccak256(bytes.concat(message, abi.encode(VALID_AFTER, VALID_BEFORE, NONCE)));
    }

    function _call(uint256 action, bytes memory s) private view returns (bytes memory) {
        if (action == 0) {
            return
                abi.encodeCall(
                    consents.anchorWithAuthorization, (alice, _another(), VALID_AFTER, VALID_BEFORE, NONCE, s)
                );
        }
        if (action == 1) {
            return abi.encodeCall(
                consents.revokeWithAuthorization, (alice, COMMITMENT, EFFECTIVE_AT, VALID_AFTER, VALID_BEFORE, NONCE, s)
            );
        }
        if (action == 2) {
            return abi.encodeCall(
                consents.emergencyRevokeWithAuthorization, (guardian, consentKey, VALID_AFTER, VALID_BEFORE, NONCE, s)
            );
        }
        return abi.encodeCall(
            consents.openWithAuthorization,
            (alice, COMMITMENT, OPERATION, DEADLINE, _members(), VALID_AFTER, VALID_BEFORE, NONCE, s)
        );
    }

    function _expectEvent(uint256 action) private {
        if (action == 3) return _expectChanged(_request(OPERATION), IConsentAnchor.RequestState.Open, 0, 0);
        vm.expectEmit(address(consents));
        if (action == 0) {
            emit IConsentAnchor.ConsentAnchored(
                keccak256(abi.encode(alice, ANOTHER)),
                alice,
                guardian,
                ANOTHER,
                IConsentAnchor.ConsentLevel.Educational,
                EXPIRY,
                _approversHash(_members()),
                THRESHOLD
            );
        } else if (action == 1) {
            emit IConsentAnchor.ConsentRevoked(consentKey, alice, EFFECTIVE_AT);
        } else {
            emit IConsentAnchor.ConsentRevoked(consentKey, guardian, uint40(block.timestamp));
        }
    }

    /// @dev What the action leaves when it is executed now.
    function _stateAfter(uint256 action) private view returns (State memory state) {
        (address signer,) = _signer(action);
        state = _nonceUsed(_state(), signer);
        if (action == 0) {
            state.another = consents.consentOf(consentKey);
            state.another.anchoredAt = uint40(block.timestamp);
        } else if (action == 1) {
            (state.held.validUntil, state.held.revoked) = (EFFECTIVE_AT, true);
        } else if (action == 2) {
            (state.held.validUntil, state.held.revoked) = (uint40(block.timestamp), true);
        } else {
            state.request = IConsentAnchor.RequestRecord(
                IConsentAnchor.RequestState.Open, DEADLINE, THRESHOLD, uint8(MEMBERS), 0, 0
            );
        }
    }

    function _state() private view returns (State memory) {
        return State(
            consents.consentOf(consentKey),
            consents.consentOf(keccak256(abi.encode(alice, ANOTHER))),
            consents.requestOf(_requestId(_request(OPERATION))),
            consents.authorizationState(alice, NONCE),
            consents.authorizationState(guardian, NONCE)
        );
    }

    function _assertState(State memory expected, uint256 action) private view {
        State memory state = _state();
        assertEq(abi.encode(state.held), abi.encode(expected.held), vm.toString(action));
        assertEq(abi.encode(state.another), abi.encode(expected.another), vm.toString(action));
        assertEq(abi.encode(state.request), abi.encode(expected.request), vm.toString(action));
        assertEq(state.isAlicesNonceUsed, expected.isAlicesNonceUsed, vm.toString(action));
        assertEq(state.isGuardiansNonceUsed, expected.isGuardiansNonceUsed, vm.toString(action));
    }

    function _nonceUsed(State memory state, address signer) private view returns (State memory) {
        if (signer == alice) state.isAlicesNonceUsed = true;
        else state.isGuardiansNonceUsed = true;
        return state;
    }

    function _alreadyUsed(address signer) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, signer, NONCE);
    }
}
