// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {ICreditRetirement} from "../../../src/interfaces/ICreditRetirement.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `retire`: what is burnt, which serials, and the certificate.
contract RetireTest is CarbonCreditTest {
    uint256 private constant SERIALS = HOLDING / STEP;

    function testFuzz_BurnsAndCertifies(uint256 before, uint256 steps, uint32 later) public {
        before = bound(before, 0, SERIALS - 1);
        steps = bound(steps, 1, SERIALS - before);
        if (before != 0) _retire(alice, _retirement("alice's", before * STEP));
        vm.warp(NOW + later);
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", steps * STEP);

        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(alice, address(0), steps * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditRetirement.CreditRetired(
            alice, keccak256("alice's"), uint64(before + 1), uint64(NOW + later), retirement
        );
        _retire(alice, retirement);

        assertEq(token.balanceOf(alice), (SERIALS - before - steps) * STEP);
        assertEq(token.totalSupply(), (SERIALS - before - steps) * STEP);
        assertEq(token.issuanceOf("alice's").retired, before + steps);
        assertTrue(token.verifyCertificate(alice, uint64(before + 1), uint64(NOW + later), retirement));
    }

    /// @dev Two retirements with the same words in one block are two certificates over different serials.
    function test_TheSameWordsTwiceAreTwoCertificates() public {
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", 2 * STEP);
        _retire(alice, retirement);
        _retire(alice, retirement);
        assertTrue(token.verifyCertificate(alice, 1, uint64(NOW), retirement));
        assertTrue(token.verifyCertificate(alice, 3, uint64(NOW), retirement));
        assertFalse(token.verifyCertificate(alice, 2, uint64(NOW), retirement));
        assertFalse(token.verifyCertificate(alice, 5, uint64(NOW), retirement));
    }

    /// @dev The warning of the interface: tokens are of one kind, whichever issuance they came from.
    function test_AnyHolderRetiresAnyOpenIssuance() public {
        _mint(bob, 3 * STEP, "bob's");
        _retire(bob, _retirement("alice's", 3 * STEP));
        assertEq(token.issuanceOf("alice's").retired, 3);
        assertEq(token.issuanceOf("bob's").retired, 0);
        _retire(alice, _retirement("bob's", 3 * STEP));
        assertEq(token.issuanceOf("bob's").retired, 3);
    }

    /// @dev The serials on the certificate are those of the registry.
    function test_NamesTheSerialsOfTheRegistry() public {
        _letInto("VCS", admin);
        vm.prank(admin);
        token.issue(bob, 0, _terms("VCS-1", "VCS", 5001, 6000));
        _retire(bob, _retirement("VCS-1", 10 * STEP));
        ICreditRetirement.Retirement memory retirement = _retirement("VCS-1", 990 * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditRetirement.CreditRetired(bob, keccak256("VCS-1"), 5011, uint64(NOW), retirement);
        _retire(bob, retirement);
        _expectExceedsOpen("VCS-1", 0, STEP);
        _retire(alice, _retirement("VCS-1", STEP));
    }

    function testFuzz_RefusesMoreThanIsOpen(uint256 steps) public {
        _mint(bob, 5 * STEP, "bob's");
        steps = bound(steps, 6, SERIALS);
        _expectExceedsOpen("bob's", 5 * STEP, steps * STEP);
        _retire(alice, _retirement("bob's", steps * STEP));
    }

    function test_RefusesAnUnknownCredit() public {
        _expectExceedsOpen("Alice's", 0, STEP);
        _retire(alice, _retirement("Alice's", STEP));
    }

    function test_RefusesMoreThanTheHolderHas() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, bob, 0, STEP));
        _retire(bob, _retirement("alice's", STEP));
    }

    function testFuzz_RefusesWhatIsNoStep(uint256 amount) public {
        vm.assume(amount % STEP != 0 || amount == 0);
        vm.expectRevert(abi.encodeWithSelector(ICreditIssuance.AmountNotInSteps.selector, amount, STEP));
        _retire(alice, _retirement("alice's", amount));
    }

    function test_RefusesWhatNoIssuanceHolds() public {
        uint256 amount = (uint256(1) << 48) * STEP;
        vm.expectRevert(
            abi.encodeWithSelector(ICreditIssuance.AmountTooLarge.selector, amount, type(uint48).max * STEP)
        );
        _retire(alice, _retirement("alice's", amount));
    }

    /// @dev Dust stays with its holder; combined to a whole serial it can be retired.
    function test_DustIsNotLost() public {
        vm.prank(alice);
        token.transfer(bob, STEP / 2);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, bob, STEP / 2, STEP));
        _retire(bob, _retirement("alice's", STEP));
        vm.prank(alice);
        token.transfer(bob, STEP / 2);
        _retire(bob, _retirement("alice's", STEP));
        assertEq(token.balanceOf(bob), 0);
    }

    function testFuzz_RefusesAPeriodThatEndsBeforeItBegins(uint64 start, uint64 end) public {
        vm.assume(end < start);
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", STEP);
        (retirement.periodStart, retirement.periodEnd) = (start, end);
        vm.expectRevert(abi.encodeWithSelector(ICreditRetirement.PeriodInvalid.selector, start, end));
        _retire(alice, retirement);
    }

    /// @dev Nothing but credit and amount needs to be stated.
    function test_WordsMayBeEmpty() public {
        ICreditRetirement.Retirement memory retirement =
            ICreditRetirement.Retirement("alice's", STEP, "", "", bytes2(0), 0, 0);
        _retire(alice, retirement);
        assertTrue(token.verifyCertificate(alice, 1, uint64(NOW), retirement));
    }

    function test_GoesOnDuringAPause() public {
        vm.prank(admin);
        token.pause();
        _retire(alice, _retirement("alice's", STEP));
        assertEq(token.issuanceOf("alice's").retired, 1);
    }

    function _expectExceedsOpen(string memory creditId, uint256 open, uint256 amount) private {
        vm.expectRevert(
            abi.encodeWithSelector(ICreditIssuance.ExceedsOpenAmount.selector, keccak256(bytes(creditId)), open, amount)
        );
    }

    function _retire(address holder, ICreditRetirement.Retirement memory retirement) private {
        vm.prank(holder);
        token.retire(retirement);
    }
}
