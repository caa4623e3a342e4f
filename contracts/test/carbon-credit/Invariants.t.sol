// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCreditHandler} from "../support/CarbonCreditHandler.sol";
import {CarbonCreditTest} from "../support/CarbonCreditTest.sol";

/// @notice What holds after any sequence of calls.
contract InvariantsTest is CarbonCreditTest {
    CarbonCreditHandler private handler;

    function setUp() public override {
        super.setUp();
        vm.prank(alice);
        token.transfer(address(this), HOLDING);
        handler = new CarbonCreditHandler(token, admin);
        targetContract(address(handler));
    }

    /// @dev Nothing but minting makes tokens, nothing unmakes them; every balance is what the model says.
    function invariant_BalancesAreConserved() public view {
        address[] memory holders = handler.holders();
        uint256 sum = HOLDING;
        for (uint256 i = 0; i < holders.length; ++i) {
            assertEq(token.balanceOf(holders[i]), handler.balanceModel(holders[i]));
            sum += token.balanceOf(holders[i]);
        }
        assertEq(sum, token.totalSupply());
        assertEq(token.totalSupply(), HOLDING + handler.minted());
        assertEq(token.balanceOf(address(0)), 0);
    }

    /// @dev Used or cancelled at most once, and the state says so.
    function invariant_ANonceTakesEffectAtMostOnce() public view {
        address[] memory holders = handler.holders();
        bytes32[] memory nonces = handler.nonces();
        uint256 total = 0;
        for (uint256 i = 0; i < holders.length; ++i) {
            for (uint256 j = 0; j < nonces.length; ++j) {
                uint256 effects = handler.effects(holders[i], nonces[j]);
                assertLe(effects, 1);
                assertEq(token.authorizationState(holders[i], nonces[j]), effects == 1);
                total += effects;
            }
        }
        assertEq(total, handler.executedItems() + handler.cancellations());
    }
}
