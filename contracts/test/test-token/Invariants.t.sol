// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ITestToken} from "../../src/interfaces/ITestToken.sol";
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

    /// @dev The invariants speak of something: a long run draws, is refused for either reason, moves tokens, and draws
    /// again on another day what it was refused before.
    function test_TheHandlerReachesEveryOutcome() public {
        uint256 firstDay = block.timestamp / 1 days;
        uint256 seed = 1;
        for (uint256 i = 0; i < 300; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            if (seed % 3 == 0) handler.faucet(relayer, seed >> 8, seed >> 16);
            else if (seed % 3 == 1) handler.transfer(seed >> 8, seed >> 16, seed >> 24);
            else handler.passTime(seed >> 8);
        }
        assertGt(handler.answers(0), 3);
        assertGt(handler.answers(ITestToken.FaucetAmountInvalid.selector), 3);
        assertGt(handler.answers(ITestToken.FaucetAllowanceExceeded.selector), 3);
        assertGt(handler.moved(), 0);
        assertGt(block.timestamp / 1 days, firstDay);
        assertGt(handler.made(), handler.holders() * DAY_LIMIT);
        invariant_TheFaucetKeepsItsBounds();
        invariant_SupplyIsWhatTheFaucetMade();
    }
}
