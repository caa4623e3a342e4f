// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice `setPaymentToken` and `setFeeRecipient`: by the admin only, and twice the same is once.
contract ConfigureTest is CreditExchangeTest {
    function test_AllowsAndForbidsATokenOnce() public {
        address token = address(new Configurable());
        assertFalse(exchange.isPaymentToken(token));
        for (uint256 i = 0; i < 4; ++i) {
            bool allowed = i < 2;
            if (i % 2 == 0) {
                vm.expectEmit(true, true, true, true, address(exchange));
                emit ICreditExchange.PaymentTokenSet(token, allowed);
            } else {
                vm.recordLogs();
            }
            vm.prank(admin);
            exchange.setPaymentToken(token, allowed);
            if (i % 2 == 1) assertEq(vm.getRecordedLogs().length, 0);
            assertEq(exchange.isPaymentToken(token), allowed);
        }
    }

    function test_RefusesWhatCannotBePaymentToken() public {
        _refusesToken(address(credit));
        _refusesToken(address(0));
        _refusesToken(alice);
    }

    /// @dev A token whose code is gone can still be forbidden.
    function test_ForbidsWhateverBecameOfTheToken() public {
        vm.etch(address(money), "");
        vm.prank(admin);
        exchange.setPaymentToken(address(money), false);
        assertFalse(exchange.isPaymentToken(address(money)));
    }

    function test_SetsTheFeeRecipientOnce() public {
        assertEq(_deploy(address(credit), admin).feeRecipient(), admin);
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.FeeRecipientSet(bob);
        vm.prank(admin);
        exchange.setFeeRecipient(bob);
        assertEq(exchange.feeRecipient(), bob);
        vm.recordLogs();
        vm.prank(admin);
        exchange.setFeeRecipient(bob);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    /// @dev Fees to nobody would be burnt or revert, fees to the exchange would stay there.
    function test_RefusesBadFeeRecipients() public {
        _refusesRecipient(address(0));
        _refusesRecipient(address(exchange));
    }

    function testFuzz_RefusesOthersThanTheAdmin(address caller) public {
        vm.assume(caller != admin);
        bytes memory refusal =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, bytes32(0));
        vm.expectRevert(refusal);
        vm.prank(caller);
        exchange.setPaymentToken(address(money), false);
        vm.expectRevert(refusal);
        vm.prank(caller);
        exchange.setFeeRecipient(caller);
    }

    function _refusesToken(address token) private {
        vm.expectRevert(abi.encodeWithSelector(ICreditExchange.PaymentTokenInvalid.selector, token));
        vm.prank(admin);
        exchange.setPaymentToken(token, true);
        assertFalse(exchange.isPaymentToken(token));
    }

    function _refusesRecipient(address recipient) private {
        vm.expectRevert(abi.encodeWithSelector(ICreditExchange.FeeRecipientInvalid.selector, recipient));
        vm.prank(admin);
        exchange.setFeeRecipient(recipient);
        assertEq(exchange.feeRecipient(), feeRecipient);
    }
}

contract Configurable {}
