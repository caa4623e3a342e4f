// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {TestTokenHandler} from "../support/test-token/TestTokenHandler.sol";
import {TestTokenTest} from "../support/test-token/TestTokenTest.sol";

/// @notice What holds after any sequence of calls.
contract InvariantsTest is TestTokenTest {
    TestTokenHandler private handler;

    function setUp() public override {
        super.setUp();
        handler = new TestTokenHandler(dollar);
        targetContract(address(handler));
    }

    /// @dev The faucet gives and refuses exactly as its bounds say, and never more than a day's allowance.
    function invariant_TheFaucetKeepsItsBounds() public view {
        assertEq(handler.wrongAnswers(), 0);
        uint256 today = block.timestamp / 1 days;
        for (uint256 i = 0; i < handler.holders(); ++i) {
            address holder = handler.holder(i);
            assertLe(handler.drawn(holder, today), DAY_LIMIT);
            assertEq(dollar.faucetRemaining(holder), DAY_LIMIT - handler.drawn(holder, today));
        }
    }

    /// @dev Nothing but the faucet makes tokens, nothing unmakes them.
    function invariant_SupplyIsWhatTheFaucetMade() public view {
        uint256 sum = 0;
        for (uint256 i = 0; i < handler.holders(); ++i) {
            address holder = handler.holder(i);
            assertEq(dollar.balanceOf(holder), handler.balanceModel(holder));
            sum += dollar.balanceOf(holder);
        }
        assertEq(sum, dollar.totalSupply());
        assertEq(sum, handler.made());
    }
}
