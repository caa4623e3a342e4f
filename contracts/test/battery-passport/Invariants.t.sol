// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BatteryPassportHandler} from "../support/battery-passport/BatteryPassportHandler.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice What holds after any sequence of calls. That every single call did what the model said, above all that
/// nobody acted outside his scope, the handler itself checks: fail_on_revert.
contract InvariantsTest is BatteryPassportTest {
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
