// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryPassportHandler} from "../support/battery-passport/BatteryPassportHandler.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice What holds after any sequence of calls. That every single call did what the model said, above all that
/// nobody acted outside his scope, the handler itself checks: fail_on_revert.
contract InvariantsTest is BatteryPassportTest {
    bytes4 private constant DONE = 0;

    /// @dev Error(string), as the document's ABI refuses whoever may not.
    bytes4 private constant NOT_ALLOWED = 0x08c379a0;

    BatteryPassportHandler private handler;

    function setUp() public override {
        super.setUp();
        handler = new BatteryPassportHandler(passport);
        targetContract(address(handler));
    }

    /// @dev Owners change by transfer and acceptance alone, status by the table alone: both are the model's.
    function invariant_HeadsAreTheModels() public view {
        for (uint256 i = 0; i < handler.RECORDS(); ++i) {
            BatteryPassportHandler.Model memory model = handler.modelOf(i);
            bytes32 key = handler.keyOf(i);
            assertEq(_ownerOf(key), model.owner);
            assertEq(_tenureOf(key), model.tenure);
            assertEq(uint256(_statusOf(key)), model.status);
            assertEq(_sequenceOf(key), model.hashes.length);
        }
    }

    /// @dev What is recomputed off chain from the hashes is what stands on chain: entry by entry, and link by link.
    function invariant_TrailsAndChainsAreThoseOfTheHashes() public view {
        for (uint256 i = 0; i < handler.RECORDS(); ++i) {
            bytes32[] memory hashes = handler.modelOf(i).hashes;
            if (handler.isNamed(i)) _assertTrail(handler.id(i), hashes);
            else _assertChain(handler.keyOf(i), hashes);
        }
    }

    /// @dev The records that setUp made, which the handler does not know, stay as they were.
    function invariant_OtherRecordsDoNotMove() public view {
        assertEq(_ownerOf(namedKey), alice);
        assertEq(_ownerOf(leanKey), alice);
        assertEq(_sequenceOf(namedKey) + _sequenceOf(leanKey), 2);
    }

    /// @dev The invariants speak of something: a long run meets every outcome.
    function test_TheHandlerReachesEveryOutcome() public {
        uint256 seed = 1;
        for (uint256 i = 0; i < 2000; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _act(seed % 24, seed >> 8, seed >> 72, seed >> 136, seed >> 192);
        }
        _assertDataWasMet();
        _assertOwnershipWasMet();
        _assertLifeWasMet();
        _assertDelegationsWereMet();
        invariant_HeadsAreTheModels();
        invariant_TrailsAndChainsAreThoseOfTheHashes();
        invariant_OtherRecordsDoNotMove();
    }

    function _assertDataWasMet() private view {
        bytes4[2] memory lean = [passport.update.selector, passport.updateWithAuthorization.selector];
        for (uint256 i = 0; i < lean.length; ++i) {
            _assertMet(lean[i], DONE);
            _assertMet(lean[i], IBatteryOwnership.RecordRecycled.selector);
            _assertMet(lean[i], IBatteryOwnership.NotAuthorizedFor.selector);
            _assertMet(lean[i], IBatteryOwnership.ZeroHash.selector);
        }
        _assertMet(passport.updateWithAuthorization.selector, IBatteryRecords.SequenceMismatch.selector);
        _assertMet(passport.updateData.selector, DONE);
        _assertMet(passport.updateData.selector, NOT_ALLOWED);
        _assertMet(passport.updateData.selector, IBatteryOwnership.ZeroHash.selector);
    }

    function _assertOwnershipWasMet() private view {
        _assertMet(passport.transferOwnership.selector, DONE);
        _assertMet(passport.transferOwnership.selector, NOT_ALLOWED);
        _assertMet(passport.transferOwnershipWithAuthorization.selector, DONE);
        _assertMet(passport.transferOwnershipWithAuthorization.selector, NOT_ALLOWED);
        _assertMet(passport.transferOwnershipWithAuthorization.selector, IBatteryOwnership.TenureMismatch.selector);
        _assertMet(passport.offer.selector, DONE);
        _assertMet(passport.offer.selector, IBatteryOwnership.RecordRecycled.selector);
        _assertMet(passport.offer.selector, IBatteryOwnership.NotOwner.selector);
        _assertMet(passport.offer.selector, IBatteryOwnership.InvalidExpiry.selector);
        bytes4[2] memory accepting = [passport.accept.selector, passport.acceptBattery.selector];
        for (uint256 i = 0; i < accepting.length; ++i) {
            _assertMet(accepting[i], DONE);
            _assertMet(accepting[i], IBatteryOwnership.NoSuchOffer.selector);
            _assertMet(accepting[i], IBatteryOwnership.OfferExpired.selector);
        }
        _assertMet(passport.accept.selector, IBatteryOwnership.RecordRecycled.selector);
        assertGt(handler.lapsedOffers(), 0);
    }

    function _assertLifeWasMet() private view {
        bytes4[4] memory actions = [
            passport.changeStatus.selector,
            passport.changeStatusWithAuthorization.selector,
            passport.recordEvent.selector,
            passport.beginSecondLife.selector
        ];
        for (uint256 i = 0; i < actions.length; ++i) {
            _assertMet(actions[i], DONE);
            _assertMet(actions[i], IBatteryOwnership.NamedRecord.selector);
            _assertMet(actions[i], IBatteryOwnership.RecordRecycled.selector);
            _assertMet(actions[i], IBatterySupplyChain.InvalidTransition.selector);
            _assertMet(
                actions[i], i < 3 ? IBatteryOwnership.NotAuthorizedFor.selector : IBatteryOwnership.NotOwner.selector
            );
        }
        _assertMet(passport.changeStatusWithAuthorization.selector, IBatterySupplyChain.StatusMismatch.selector);
        _assertMet(passport.recordEvent.selector, IBatterySupplyChain.EventOutOfPlace.selector);
    }

    /// @dev Updaters appended data, recorded events and changed the status, and were refused when it was over.
    function _assertDelegationsWereMet() private view {
        _assertMet(passport.delegate.selector, DONE);
        _assertMet(passport.delegate.selector, IBatteryOwnership.RecordRecycled.selector);
        _assertMet(passport.delegate.selector, IBatteryOwnership.NotOwner.selector);
        uint256 events = 0;
        for (uint256 kind = 1; kind < 12; ++kind) {
            events += handler.delegatedActions(kind);
        }
        assertGt(handler.delegatedActions(0), 0);
        assertGt(events, 0);
        assertGt(handler.delegatedActions(12), 0);
        assertGt(handler.expiredDelegations(), 0);
        assertGt(handler.lapsedDelegations(), 0);
    }

    function _assertMet(bytes4 action, bytes4 answer) private view {
        assertGt(handler.answers(action, answer), 0, vm.toString(abi.encodePacked(action, answer)));
    }

    function _act(uint256 action, uint256 a, uint256 b, uint256 c, uint256 d) private {
        if (action == 0) handler.registerAgain(a, b);
        else if (action == 1) handler.transferOwnership(a, b, c);
        else if (action == 2) handler.transferOwnershipSigned(a, b, c, d);
        else if (action < 5) handler.update(a, b, bytes32(c));
        else if (action < 7) handler.updateSigned(a, b, bytes32(c), d);
        else if (action < 9) handler.offer(a, b, c, d);
        else if (action < 12) handler.accept(a, b);
        else if (action < 14) handler.delegate(a, b, c, d, a >> 32);
        else if (action < 16) handler.changeStatus(a, b, c);
        else if (action < 18) handler.changeStatusSigned(a, b, c, d);
        else if (action < 20) handler.beginSecondLife(a, b);
        else if (action < 23) handler.recordEvent(a, b, c);
        else handler.pass(a);
    }

    function _assertTrail(string memory id, bytes32[] memory hashes) private view {
        for (uint256 i = 0; i < hashes.length; ++i) {
            assertEq(passport.auditTrail(id, i), hashes[i]);
        }
        assertTrue(passport.verifyData(id, hashes[hashes.length - 1]));
        (bool found,) = address(passport).staticcall(abi.encodeCall(passport.auditTrail, (id, hashes.length)));
        assertFalse(found);
    }

    function _assertChain(bytes32 key, bytes32[] memory hashes) private view {
        bytes32 chain = key;
        bytes32 previous;
        for (uint256 i = 0; i < hashes.length; ++i) {
            (previous, chain) = (chain, _link(chain, hashes[i]));
        }
        assertEq(_chainOf(key), chain);
        assertTrue(passport.verifyChain(key, previous, hashes[hashes.length - 1]));
    }
}
