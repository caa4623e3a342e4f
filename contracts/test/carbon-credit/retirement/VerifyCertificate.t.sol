// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditRetirement} from "../../../src/interfaces/ICreditRetirement.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `verifyCertificate`: true for exactly the fields of a retirement that took place.
contract VerifyCertificateTest is CarbonCreditTest {
    function testFuzz_KnowsWhatWasRetired(ICreditRetirement.Retirement memory retirement, uint256 steps, uint64 at)
        public
    {
        _fit(retirement, steps);
        vm.warp(at);
        vm.prank(alice);
        token.retire(retirement);
        assertTrue(token.verifyCertificate(alice, 1, at, retirement));
    }

    /// @dev Every field counts.
    function testFuzz_RefusesAnyOtherField(ICreditRetirement.Retirement memory retirement, uint256 steps) public {
        _fit(retirement, steps);
        vm.prank(alice);
        token.retire(retirement);
        _mint(alice, HOLDING, "another");

        _refuse(bob, 1, NOW, retirement);
        _refuse(alice, 2, NOW, retirement);
        _refuse(alice, 0, NOW, retirement);
        _refuse(alice, 1, NOW + 1, retirement);
        ICreditRetirement.Retirement memory other = _copy(retirement);
        other.creditId = "another";
        _refuse(alice, 1, NOW, other);
        other = _copy(retirement);
        other.amount ^= STEP;
        _refuse(alice, 1, NOW, other);
        other = _copy(retirement);
        other.beneficiary = string.concat(other.beneficiary, " ");
        _refuse(alice, 1, NOW, other);
        other = _copy(retirement);
        other.purpose = string.concat(other.purpose, " ");
        _refuse(alice, 1, NOW, other);
        other = _copy(retirement);
        other.country ^= 0x0001;
        _refuse(alice, 1, NOW, other);
        other = _copy(retirement);
        other.periodStart ^= 1;
        _refuse(alice, 1, NOW, other);
        other = _copy(retirement);
        other.periodEnd ^= 1;
        _refuse(alice, 1, NOW, other);
    }

    /// @dev Words cannot be moved from one field to the next.
    function test_FieldsDoNotRunIntoEachOther() public {
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", STEP);
        (retirement.beneficiary, retirement.purpose) = ("ab", "c");
        vm.prank(alice);
        token.retire(retirement);
        (retirement.beneficiary, retirement.purpose) = ("a", "bc");
        _refuse(alice, 1, NOW, retirement);
    }

    function testFuzz_RefusesWhatNeverWas(
        address holder,
        uint64 serial,
        uint64 at,
        ICreditRetirement.Retirement memory retirement
    ) public view {
        _refuse(holder, serial, at, retirement);
    }

    /// @dev Cancelled and buffered serials have none.
    function test_RefusesWhatLeftOtherwise() public {
        vm.prank(alice);
        token.transfer(admin, 2 * STEP);
        vm.startPrank(admin);
        token.cancelCredits("alice's", STEP, "");
        token.bufferCredits("alice's", STEP);
        vm.stopPrank();
        ICreditRetirement.Retirement memory retirement =
            ICreditRetirement.Retirement("alice's", STEP, "", "", bytes2(0), 0, 0);
        _refuse(admin, 1, NOW, retirement);
        _refuse(admin, 2, NOW, retirement);
    }

    function _refuse(address holder, uint64 serial, uint256 at, ICreditRetirement.Retirement memory retirement)
        private
        view
    {
        assertFalse(token.verifyCertificate(holder, serial, uint64(at), retirement));
    }

    /// @dev Any words, but a credit that is open and a period that is one.
    function _fit(ICreditRetirement.Retirement memory retirement, uint256 steps) private pure {
        retirement.creditId = "alice's";
        retirement.amount = bound(steps, 1, HOLDING / STEP) * STEP;
        if (retirement.periodEnd < retirement.periodStart) {
            (retirement.periodStart, retirement.periodEnd) = (retirement.periodEnd, retirement.periodStart);
        }
    }

    function _copy(ICreditRetirement.Retirement memory retirement)
        private
        pure
        returns (ICreditRetirement.Retirement memory)
    {
        return abi.decode(abi.encode(retirement), (ICreditRetirement.Retirement));
    }
}
