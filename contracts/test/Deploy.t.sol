// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Deploy} from "../script/Deploy.s.sol";
import {CarbonCredit} from "../src/CarbonCredit.sol";
import {Artifacts} from "./support/Artifacts.sol";
import {Test} from "./support/Test.sol";

/// @notice The deployment plan: the artifact is the contract, the address is CREATE2's, a second run changes nothing.
contract DeployTest is Test {
    Deploy private script = new Deploy();
    address private admin = makeAddr("admin");

    /// @dev Fails when abi/artifacts is stale; tools/artifacts writes it anew.
    function test_ArtifactIsTheContract() public view {
        assertEq(
            keccak256(script.initCode(admin, 2 days)),
            keccak256(abi.encodePacked(Artifacts.creationCode("CarbonCredit"), abi.encode(admin, uint48(2 days))))
        );
    }

    /// @dev EIP-1014, written out.
    function testFuzz_AddressIsThatOfCreate2(address anyAdmin, uint48 adminDelay) public view {
        bytes32 hash = keccak256(
            abi.encodePacked(
                hex"ff",
                0x4e59b44847b379578588920cA78FbF26c0B4956C,
                keccak256("wia-node/CarbonCredit/v1"),
                keccak256(script.initCode(anyAdmin, adminDelay))
            )
        );
        assertEq(script.addressOf(anyAdmin, adminDelay), address(uint160(uint256(hash))));
    }

    function test_DeploysOnce() public {
        (address carbonCredit, bool isNew) = script.deploy(admin, 2 days);
        assertTrue(isNew);
        assertEq(carbonCredit, script.addressOf(admin, 2 days));
        assertEq(CarbonCredit(carbonCredit).defaultAdmin(), admin);
        assertEq(CarbonCredit(carbonCredit).defaultAdminDelay(), 2 days);

        (address again, bool isNewAgain) = script.deploy(admin, 2 days);
        assertEq(again, carbonCredit);
        assertFalse(isNewAgain);
    }

    function test_RefusesAChainWithoutTheFactory() public {
        vm.etch(CREATE2_FACTORY, "");
        vm.expectRevert(abi.encodeWithSelector(Deploy.FactoryMissing.selector, CREATE2_FACTORY));
        script.deploy(admin, 2 days);
    }
}
