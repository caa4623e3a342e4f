// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {IFleetRegistry} from "../../src/interfaces/IFleetRegistry.sol";
import {FleetRegistryHandler} from "../support/fleet-registry/FleetRegistryHandler.sol";
import {FleetRegistryTest} from "../support/fleet-registry/FleetRegistryTest.sol";

/// @notice What holds after any sequence of calls.
contract InvariantsTest is FleetRegistryTest {
    FleetRegistryHandler private handler;

    function setUp() public override {
        super.setUp();
        handler = new FleetRegistryHandler(registry);
        vm.startPrank(admin);
        registry.grantRole(MANUFACTURER_ROLE, handler.registrant(0));
        registry.grantRole(MANUFACTURER_ROLE, handler.registrant(1));
        vm.stopPrank();
        bytes4[] memory selectors = new bytes4[](4);
        selectors[0] = handler.registerRoot.selector;
        selectors[1] = handler.materialise.selector;
        selectors[2] = handler.anchorBatch.selector;
        selectors[3] = handler.update.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    /// @dev What had a right proof is a record of its registrant, once; nothing else is one. So no root yields more
    /// records than it was registered for.
    function invariant_RecordsAreWhatWasProved() public view {
        assertEq(handler.wrongAnswers(), 0);
        FleetRegistryHandler.Fleet[] memory fleets = handler.fleets();
        for (uint256 i = 0; i < fleets.length; ++i) {
            uint256 found = 0;
            for (uint256 index = 0; index < fleets[i].count; ++index) {
                uint256 expected = handler.records(i, index);
                assertLe(expected, 1);
                address owner = expected == 1 ? handler.registrant(fleets[i].registrant) : address(0);
                assertEq(_ownerOf(handler.keyOf(i, index)), owner);
                found += expected;
            }
            assertEq(found, fleets[i].materialised);
            assertLe(found, registry.fleetOf(handler.registrant(fleets[i].registrant), fleets[i].root).count);
        }
    }

    /// @dev Each fleet's chain is what its batches, taken in order, make of its beginning; the other registrant has no
    /// fleet of that root.
    function invariant_ChainsAreWhatWasAnchored() public view {
        FleetRegistryHandler.Fleet[] memory fleets = handler.fleets();
        for (uint256 i = 0; i < fleets.length; ++i) {
            address registrant = handler.registrant(fleets[i].registrant);
            IFleetRegistry.Fleet memory fleet = registry.fleetOf(registrant, fleets[i].root);
            assertEq(fleet.count, fleets[i].count);
            assertEq(fleet.sequence, fleets[i].sequence);
            assertEq(fleet.chain, fleets[i].chain);
            assertEq(registry.fleetOf(handler.registrant(fleets[i].registrant + 1), fleets[i].root).count, 0);
        }
    }

    /// @dev The invariants speak of something: a long run meets every outcome.
    function test_TheHandlerReachesEveryOutcome() public {
        uint256 seed = 1;
        for (uint256 i = 0; i < 300; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 8 == 0) handler.registerRoot(seed >> 8, seed >> 16, seed >> 3 & 1 == 1);
            else if (seed % 8 < 4) handler.materialise(seed >> 8);
            else if (seed % 8 < 7) handler.anchorBatch(seed >> 8, seed >> 40, seed >> 3 & 1 == 1);
            else handler.update(seed >> 8);
        }
        assertGt(handler.signedRoots(), 0);
        assertGt(handler.fleets().length, handler.signedRoots());
        assertGt(handler.materialisations(0), 3);
        assertGt(handler.materialisations(IFleetRegistry.UnknownFleet.selector), 3);
        assertGt(handler.materialisations(IFleetRegistry.IndexOutOfBounds.selector), 3);
        assertGt(handler.materialisations(IFleetRegistry.InvalidProof.selector), 3);
        assertGt(handler.materialisations(IBatteryRecords.RecordAlreadyRegistered.selector), 3);
        assertGt(handler.signedBatches(), 3);
        assertGt(handler.anchorings(0), handler.signedBatches() + 3);
        assertGt(handler.anchorings(IFleetRegistry.UnknownFleet.selector), 3);
        assertGt(handler.anchorings(IFleetRegistry.BatchSequenceMismatch.selector), 3);
        assertGt(handler.updates(), 3);
        invariant_RecordsAreWhatWasProved();
        invariant_ChainsAreWhatWasAnchored();
    }
}
