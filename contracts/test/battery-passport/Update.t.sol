// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice Data hashes of lean records: the chain, its sequence, and who may append.
contract UpdateTest is BatteryPassportTest {
    bytes32 private constant UPDATE_TYPEHASH = keccak256(
        "UpdateAuthorization(address updater,bytes32 key,uint256 sequence,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    function test_TypeHash() public view {
        assertEq(passport.UPDATE_AUTHORIZATION_TYPEHASH(), UPDATE_TYPEHASH);
    }

    function test_AppendsToTheChain() public {
        assertEq(_chainOf(leanKey), _link(leanKey, FIRST));
        vm.warp(NOW + 7);
        vm.expectEmit(address(passport));
        emit IBatteryRecords.RecordUpdated(leanKey, alice, 2, SECOND);
        vm.prank(alice);
        passport.update(leanKey, SECOND);
        (address owner, uint256 updatedAt, uint256 sequence, uint256 tenure,, bytes32 chain) =
            passport.recordOf(leanKey);
        assertEq(owner, alice);
        assertEq(updatedAt, NOW + 7);
        assertEq(sequence, 2);
        assertEq(tenure, 0);
        assertEq(chain, _link(_link(leanKey, FIRST), SECOND));
    }

    /// @dev Off-chain recomputation equals the chain, whatever the hashes.
    function testFuzz_ChainIsThatOfTheHashes(bytes32[] calldata hashes) public {
        bytes32 chain = _link(leanKey, FIRST);
        uint256 sequence = 1;
        for (uint256 i = 0; i < hashes.length && i < 20; ++i) {
            if (hashes[i] == 0) continue;
            assertFalse(passport.verifyChain(leanKey, chain, hashes[i]));
            vm.prank(alice);
            passport.update(leanKey, hashes[i]);
            assertTrue(passport.verifyChain(leanKey, chain, hashes[i]));
            chain = _link(chain, hashes[i]);
            ++sequence;
        }
        assertEq(_chainOf(leanKey), chain);
        assertEq(_sequenceOf(leanKey), sequence);
    }

    function test_NothingIsTheChainOfUnknownAndNamedKeys() public view {
        assertFalse(passport.verifyChain(keccak256("unknown"), 0, 0));
        assertFalse(passport.verifyChain(namedKey, namedKey, FIRST));
        assertFalse(passport.verifyChain(namedKey, 0, FIRST));
    }

    function testFuzz_RefusesOthersThanTheOwner(address caller) public {
        vm.assume(caller != alice);
        vm.expectRevert(
            abi.encodeWithSelector(IBatteryOwnership.NotAuthorizedFor.selector, leanKey, caller, SCOPE_UPDATE)
        );
        vm.prank(caller);
        passport.update(leanKey, SECOND);
    }

    function test_RefusesUnknownKeysZeroHashesAndNamedRecords() public {
        bytes32 unknown = keccak256("unknown");
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, unknown));
        passport.update(unknown, SECOND);
        vm.expectRevert(IBatteryOwnership.ZeroHash.selector);
        passport.update(leanKey, 0);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NamedRecord.selector, namedKey));
        passport.update(namedKey, SECOND);
    }

    function test_BySignature() public {
        bytes memory signature = _signUpdate(aliceKey, alice, leanKey, 2, SECOND, NONCE);
        vm.expectEmit(address(passport));
        emit IBatteryRecords.RecordUpdated(leanKey, alice, 2, SECOND);
        vm.prank(relayer);
        passport.updateWithAuthorization(alice, leanKey, 2, SECOND, AFTER, BEFORE, NONCE, signature);
        assertEq(_chainOf(leanKey), _link(_link(leanKey, FIRST), SECOND));
        assertTrue(passport.authorizationState(alice, NONCE));
    }

    /// @dev Signed for second and third; whoever submits cannot swap them.
    function test_SequenceFixesTheOrder() public {
        bytes memory third = _signUpdate(aliceKey, alice, leanKey, 3, THIRD, NONCE);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.SequenceMismatch.selector, leanKey, 2, 3));
        passport.updateWithAuthorization(alice, leanKey, 3, THIRD, AFTER, BEFORE, NONCE, third);
        vm.prank(alice);
        passport.update(leanKey, SECOND);
        passport.updateWithAuthorization(alice, leanKey, 3, THIRD, AFTER, BEFORE, NONCE, third);
        assertEq(_chainOf(leanKey), _link(_link(_link(leanKey, FIRST), SECOND), THIRD));
    }

    function test_RefusesASequenceThatWas() public {
        bytes memory second = _signUpdate(aliceKey, alice, leanKey, 2, SECOND, NONCE);
        vm.prank(alice);
        passport.update(leanKey, THIRD);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.SequenceMismatch.selector, leanKey, 3, 2));
        passport.updateWithAuthorization(alice, leanKey, 2, SECOND, AFTER, BEFORE, NONCE, second);
    }

    function test_SequenceZeroIsWhicheverComesNext() public {
        bytes memory signature = _signUpdate(aliceKey, alice, leanKey, 0, THIRD, NONCE);
        vm.prank(alice);
        passport.update(leanKey, SECOND);
        passport.updateWithAuthorization(alice, leanKey, 0, THIRD, AFTER, BEFORE, NONCE, signature);
        assertEq(_sequenceOf(leanKey), 3);
    }

    /// @dev Not who owns the record.
    function test_EventNamesTheUpdater() public {
        vm.prank(alice);
        passport.delegate(leanKey, bob, SCOPE_UPDATE, EXPIRY);
        vm.expectEmit(address(passport));
        emit IBatteryRecords.RecordUpdated(leanKey, bob, 2, SECOND);
        vm.prank(bob);
        passport.update(leanKey, SECOND);
    }

    /// @dev 2**32 − 1 hashes are the most; the owner and all else of the head stay as they are.
    function test_SequenceEnds() public {
        uint256 ones = uint256(type(uint32).max) << 200;
        _setHead(leanKey, _head(leanKey) & ~ones | (ones - (uint256(1) << 200)));
        vm.startPrank(alice);
        passport.update(leanKey, SECOND);
        assertEq(_sequenceOf(leanKey), type(uint32).max);
        assertEq(_tenureOf(leanKey), 0);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.SequenceExhausted.selector, leanKey));
        passport.update(leanKey, THIRD);
    }

    function _signUpdate(
        uint256 key,
        address updater,
        bytes32 recordKey,
        uint256 sequence,
        bytes32 dataHash,
        bytes32 nonce
    ) private view returns (bytes memory) {
        return _signed(key, abi.encode(UPDATE_TYPEHASH, updater, recordKey, sequence, dataHash, AFTER, BEFORE, nonce));
    }
}
