// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Deploy} from "../script/Deploy.s.sol";
import {CarbonCredit} from "../src/CarbonCredit.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Test} from "./support/Test.sol";

/// @notice The deployment plan: the artifacts are the contracts, the addresses are CREATE2's, a second run changes
/// nothing.
contract DeployTest is Test {
    Deploy private script = new Deploy();
    address private admin = makeAddr("admin");

    function _plan() private view returns (Deploy.Planned[] memory) {
        return script.plan(Deploy.Settings(admin, 2 days, true, true));
    }

    /// @dev Fails when abi/artifacts is stale; tools/artifacts writes it anew.
    function test_ArtifactsAreTheContracts() public view {
        Deploy.Planned[] memory planned = _plan();
        for (uint256 i = 0; i < planned.length; ++i) {
            assertEq(
                keccak256(script.initCode(planned[i])),
                keccak256(abi.encodePacked(Artifacts.creationCode(planned[i].name), planned[i].arguments)),
                planned[i].name
            );
        }
    }

    /// @dev EIP-1014, written out.
    function testFuzz_AddressIsThatOfCreate2(address anyAdmin, uint48 adminDelay) public view {
        Deploy.Planned memory carbon = Deploy.Planned("CarbonCredit", abi.encode(anyAdmin, adminDelay));
        bytes32 hash = keccak256(
            abi.encodePacked(
                hex"ff",
                0x4e59b44847b379578588920cA78FbF26c0B4956C,
                keccak256("wia-node/CarbonCredit/v1"),
                keccak256(script.initCode(carbon))
            )
        );
        assertEq(script.addressOf(carbon), address(uint160(uint256(hash))));
    }

    function test_DeploysEachOnce() public {
        Deploy.Planned[] memory planned = _plan();
        for (uint256 i = 0; i < planned.length; ++i) {
            (address place, bool isNew) = script.deploy(planned[i]);
            assertTrue(isNew);
            assertEq(place, script.addressOf(planned[i]));
        }
        CarbonCredit carbon = CarbonCredit(script.addressOf(planned[0]));
        assertEq(carbon.defaultAdmin(), admin);
        assertEq(carbon.defaultAdminDelay(), 2 days);
        for (uint256 i = 0; i < planned.length; ++i) {
            (, bool isNew) = script.deploy(planned[i]);
            assertFalse(isNew);
        }
    }

    function test_TestTokensAreLeftOutOnRequest() public view {
        Deploy.Planned[] memory planned = script.plan(Deploy.Settings(admin, 2 days, true, false));
        for (uint256 i = 0; i < planned.length; ++i) {
            assertNotEq(planned[i].name, "TestUSD");
            assertNotEq(planned[i].name, "TestEUR");
        }
        assertEq(planned.length + 2, _plan().length);
    }

    function test_RefusesAChainWithoutTheFactory() public {
        Deploy.Planned memory carbon = _plan()[0];
        vm.etch(CREATE2_FACTORY, "");
        vm.expectRevert(abi.encodeWithSelector(Deploy.FactoryMissing.selector, CREATE2_FACTORY));
        script.deploy(carbon);
    }
}
