// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Vm} from "forge-std/Vm.sol";

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `issue`: terms, who may use which series, what is refused. Where ranges may lie: SerialRanges.t.sol.
contract IssueTest is CarbonCreditTest {
    function setUp() public override {
        super.setUp();
        _letInto("VCS", admin);
    }

    function testFuzz_IssuesARangeOfARegistry(address to, uint64 first, uint256 size) public {
        vm.assume(to != address(0) && to != alice);
        first = uint64(bound(first, 1, type(uint64).max));
        size = bound(size, 1, _min(type(uint48).max, uint256(type(uint64).max) - first + 1));
        uint64 last = uint64(first + size - 1);
        ICreditIssuance.IssuanceTerms memory terms = _terms("VCS-1", "VCS", first, last);

        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditDescribed(keccak256("VCS-1"), terms);
        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(address(0), to, size * STEP);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditIssued(keccak256("VCS-1"), admin, _registrySeries("VCS"), first, last);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditMinted(to, size * STEP, "VCS-1");
        vm.prank(admin);
        token.issue(to, 0, terms);

        assertEq(token.balanceOf(to), size * STEP);
        assertEq(token.totalSupply(), HOLDING + size * STEP);
        assertEq(
            abi.encode(token.issuanceOf("VCS-1")),
            abi.encode(ICreditIssuance.Issuance(first, uint48(size), 0, 0, 0, admin, keccak256(abi.encode(terms))))
        );
        // The issuer's own series is not touched by it.
        assertEq(token.issuerOf(admin).ownSerials, HOLDING / STEP);
        assertEq(token.issuerOf(admin).issued, HOLDING / STEP + size);
    }

    /// @dev C-093 holds for both ways to mint: its event comes last and indexes the recipient alone.
    function test_CreditMintedComesLast() public {
        vm.recordLogs();
        vm.prank(admin);
        token.issue(bob, 0, _terms("VCS-1", "VCS", 1, 1000));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory minted = logs[logs.length - 1];
        assertEq(minted.topics.length, 2);
        assertEq(minted.topics[0], keccak256("CreditMinted(address,uint256,string)"));
        assertEq(minted.topics[1], bytes32(uint256(uint160(bob))));
        assertEq(minted.data, abi.encode(uint256(1e18), "VCS-1"));
    }

    /// @dev `mint` and `issue` share the issuer's own series; it has no gaps.
    function test_OwnSeriesGoesOnWithoutGaps() public {
        uint64 next = uint64(HOLDING / STEP) + 1;
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditIssued(keccak256("own"), admin, _ownSeries(admin), next, next + 4);
        vm.prank(admin);
        token.issue(bob, 7, _terms("own", "", next, next + 4));
        assertEq(token.issuerOf(admin).ownSerials, next + 4);
        _mint(bob, STEP, "minted");
        assertEq(token.issuanceOf("minted").firstSerial, next + 5);
    }

    function testFuzz_OwnSeriesRefusesAnyOtherSerial(uint64 first) public {
        uint64 next = uint64(HOLDING / STEP) + 1;
        first = uint64(bound(first, 1, type(uint64).max));
        vm.assume(first != next);
        _expectNoIssue(
            abi.encodeWithSelector(ICreditIssuance.SerialNotNext.selector, first, next), _terms("own", "", first, first)
        );
    }

    function testFuzz_RefusesEmptyRanges(uint64 first, uint64 last, bool own) public {
        vm.assume(first == 0 || last < first);
        _expectNoIssue(
            abi.encodeWithSelector(ICreditIssuance.SerialRangeInvalid.selector, first, last),
            _terms("x", own ? "" : "VCS", first, last)
        );
    }

    function testFuzz_RefusesWhatNoIssuanceHolds(uint64 first) public {
        first = uint64(bound(first, 1, type(uint64).max - type(uint48).max));
        uint64 last = first + type(uint48).max;
        _expectNoIssue(
            abi.encodeWithSelector(
                ICreditIssuance.AmountTooLarge.selector, (uint256(1) << 48) * STEP, type(uint48).max * STEP
            ),
            _terms("x", "VCS", first, last)
        );
    }

    function test_RefusesEmptyCreditId() public {
        _expectNoIssue(abi.encodeWithSelector(ICreditIssuance.EmptyCreditId.selector), _terms("", "VCS", 1, 1));
    }

    /// @dev Ids are one space for `mint` and `issue`, and one for all minters.
    function test_RefusesACreditTwice() public {
        bytes memory refusal = abi.encodeWithSelector(ICreditIssuance.CreditIdAlreadyMinted.selector, "alice's");
        _expectNoIssue(refusal, _terms("alice's", "VCS", 1, 1));
        _makeIssuer(bob, 10);
        vm.expectRevert(refusal);
        vm.prank(bob);
        token.issue(bob, 0, _terms("alice's", "", 1, 1));
    }

    /// @dev An issue that fails leaves id and serials free.
    function test_RefusesTheZeroAddress() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        vm.prank(admin);
        token.issue(address(0), 0, _terms("x", "VCS", 1, 9));
        vm.prank(admin);
        token.issue(bob, 0, _terms("x", "VCS", 1, 9));
        assertEq(token.balanceOf(bob), 9 * STEP);
    }

    /// @dev Nobody squats a registry's series: without its role not a single serial of it can be taken.
    function testFuzz_RefusesIssuersThatWereNotLetIn(string calldata series) public {
        vm.assume(bytes(series).length != 0 && keccak256(bytes(series)) != keccak256("VCS"));
        _expectNoIssue(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, admin, _registrySeries(series)
            ),
            _terms("x", series, 1, 1)
        );
    }

    /// @dev The role of a series is no licence to mint.
    function testFuzz_RefusesOthersThanMinters(address caller) public {
        vm.assume(caller != admin);
        _letInto("VCS", caller);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, caller, keccak256("MINTER_ROLE")
            )
        );
        vm.prank(caller);
        token.issue(caller, 0, _terms("x", "VCS", 1, 1));
    }

    /// @dev A series called like a role is not that role.
    function test_ASeriesNamedLikeARoleGrantsNoRole() public {
        _letInto("MINTER_ROLE", bob);
        assertFalse(token.hasRole(keccak256("MINTER_ROLE"), bob));
    }

    function _expectNoIssue(bytes memory revertData, ICreditIssuance.IssuanceTerms memory terms) private {
        uint256 supply = token.totalSupply();
        vm.expectRevert(revertData);
        vm.prank(admin);
        token.issue(bob, 0, terms);
        assertEq(token.totalSupply(), supply);
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
