// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../src/CarbonCredit.sol";
import {TestToken} from "../../src/base/TestToken.sol";
import {IRelayBatcher} from "../../src/interfaces/IRelayBatcher.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {RelayBatcherHandler} from "../support/relay-batcher/RelayBatcherHandler.sol";
import {RelayBatcherTest} from "../support/relay-batcher/RelayBatcherTest.sol";

/// @notice What holds after any sequence of calls.
contract InvariantsTest is RelayBatcherTest {
    RelayBatcherHandler private handler;
    TestToken private dollar;
    CarbonCredit private credit;

    /// @dev The dollar's faucet is on the list too. The credit's admin has offered his role to the batcher, by mistake:
    /// one call as the batcher would take it, if the list let it through.
    function setUp() public override {
        super.setUp();
        dollar = TestToken(Artifacts.deploy("TestUSD", ""));
        credit = CarbonCredit(Artifacts.deploy("CarbonCredit", abi.encode(admin, ADMIN_DELAY_S)));
        batcher = _deploy(_listWithFaucet());
        vm.prank(admin);
        credit.beginDefaultAdminTransfer(address(batcher));
        vm.warp(NOW + ADMIN_DELAY_S + 1);
        handler = new RelayBatcherHandler(batcher, first, second, dollar, credit);
        targetContract(address(handler));
    }

    /// @dev Each item that the bitmap calls succeeded was executed once, every other one not at all.
    function invariant_AnItemIsExecutedAtMostOnce() public view {
        assertEq(handler.wrongBitmaps(), 0);
        assertEq(handler.wrongRecords(), 0);
        assertEq(first.total() + second.total(), handler.recorded());
    }

    function invariant_HoldsNothing() public view {
        assertEq(address(batcher).balance, 0);
        assertEq(dollar.balanceOf(address(batcher)), 0);
        assertEq(dollar.allowance(address(batcher), vm.addr(1)), 0);
        assertFalse(credit.hasRole(credit.DEFAULT_ADMIN_ROLE(), address(batcher)));
        assertEq(credit.defaultAdmin(), admin);
    }

    /// @dev The list is what the constructor made it.
    function invariant_TheListStays() public view {
        IRelayBatcher.Allowed[] memory allowed = _listWithFaucet();
        for (uint256 i = 0; i < allowed.length; ++i) {
            assertTrue(batcher.isAllowed(allowed[i].target, allowed[i].selector));
        }
        assertFalse(batcher.isAllowed(address(first), first.unlisted.selector));
        assertFalse(batcher.isAllowed(address(dollar), dollar.approve.selector));
    }

    /// @dev The invariants speak of something: items are recorded, and whole relays refused.
    function test_TheHandlerReachesEveryOutcome() public {
        for (uint256 i = 0; i < 20; ++i) {
            handler.relay(vm.addr(i + 1), i, i);
            handler.relayWithTooLittleGas(i, i);
        }
        assertEq(handler.relays(), 20);
        assertEq(handler.refusedRelays(), 20);
        assertGt(handler.recorded(), 10);
        invariant_AnItemIsExecutedAtMostOnce();
        invariant_HoldsNothing();
        invariant_TheListStays();
    }

    function _listWithFaucet() private view returns (IRelayBatcher.Allowed[] memory allowed) {
        IRelayBatcher.Allowed[] memory targets = _list();
        allowed = new IRelayBatcher.Allowed[](targets.length + 1);
        for (uint256 i = 0; i < targets.length; ++i) {
            allowed[i] = targets[i];
        }
        allowed[targets.length] = IRelayBatcher.Allowed(address(dollar), dollar.faucet.selector);
    }
}
