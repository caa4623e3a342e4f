// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Vm} from "forge-std/Vm.sol";

import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {CarbonCreditTest} from "../../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `mint`: requirements C-093, C-094, X-19.
contract MintTest is CarbonCreditTest {
    function testFuzz_MintsAnySteps(address to, uint256 steps, string calldata creditId) public {
        vm.assume(to != address(0) && to != alice);
        vm.assume(bytes(creditId).length != 0 && keccak256(bytes(creditId)) != keccak256("alice's"));
        uint256 amount = bound(steps, 1, type(uint48).max) * STEP;

        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(address(0), to, amount);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditMinted(to, amount, creditId);
        _mint(to, amount, creditId);

        assertEq(token.balanceOf(to), amount);
        assertEq(token.totalSupply(), HOLDING + amount);
    }

    /// @dev C-093: only the recipient is indexed, so that the credit id can be read from the log.
    function test_EventIndexesOnlyTheRecipient() public {
        vm.recordLogs();
        _mint(bob, 1e18, "WIA-1");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory minted = logs[logs.length - 1];
        assertEq(minted.topics.length, 2);
        assertEq(minted.topics[0], keccak256("CreditMinted(address,uint256,string)"));
        assertEq(minted.topics[1], bytes32(uint256(uint160(bob))));
        assertEq(minted.data, abi.encode(uint256(1e18), "WIA-1"));
    }

    /// @dev Every mint takes the next serials of the minter's own series.
    function testFuzz_TakesTheNextSerials(uint256 steps) public {
        uint48 count = uint48(bound(steps, 1, type(uint48).max));
        uint64 first = uint64(HOLDING / STEP) + 1;
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditIssued(keccak256("x"), admin, _ownSeries(admin), first, first + count - 1);
        _mint(bob, count * STEP, "x");
        vm.expectEmit(true, true, true, true, address(token));
        emit ICreditIssuance.CreditIssued(keccak256("y"), admin, _ownSeries(admin), first + count, first + count);
        _mint(bob, STEP, "y");

        assertEq(
            abi.encode(token.issuanceOf("x")),
            abi.encode(ICreditIssuance.Issuance(first, count, 0, 0, 0, admin, bytes32(0)))
        );
        assertEq(token.issuanceOf("y").firstSerial, first + count);
        assertEq(token.issuerOf(admin).ownSerials, first + count);
        assertEq(token.issuerOf(admin).issued, first + count);
    }

    /// @dev Two minters' own series have nothing to do with each other.
    function test_EachMinterHasASeriesOfItsOwn() public {
        _makeIssuer(bob, 10);
        vm.prank(bob);
        token.mint(bob, 2 * STEP, "bob's");
        assertEq(token.issuanceOf("bob's").firstSerial, 1);
        assertEq(token.issuanceOf("bob's").issuer, bob);
        assertEq(token.issuerOf(bob).ownSerials, 2);
        assertEq(token.issuerOf(admin).ownSerials, HOLDING / STEP);
    }

    function testFuzz_RefusesWhatNoIssuanceHolds(uint256 steps) public {
        uint256 most = type(uint48).max * STEP;
        uint256 amount = bound(steps, uint256(type(uint48).max) + 1, type(uint256).max / STEP) * STEP;
        _expectNoMint(abi.encodeWithSelector(ICreditIssuance.AmountTooLarge.selector, amount, most), bob, amount, "x");
        _mint(bob, most, "x");
        assertEq(token.issuanceOf("x").issued, type(uint48).max);
    }

    function testFuzz_RefusesWhatIsNoStep(uint256 amount) public {
        vm.assume(amount % STEP != 0);
        _expectNoMint(abi.encodeWithSelector(ICreditIssuance.AmountNotInSteps.selector, amount, STEP), bob, amount, "x");
    }

    /// @dev Next to a step, half a step, a tenth of one.
    function testFuzz_RefusesWhatIsNearlyAStep(uint256 steps) public {
        steps = bound(steps, 0, 1e30) * STEP;
        uint256[4] memory beside = [uint256(1), STEP - 1, STEP / 2, STEP / 10];
        for (uint256 i = 0; i < beside.length; ++i) {
            uint256 amount = steps + beside[i];
            _expectNoMint(
                abi.encodeWithSelector(ICreditIssuance.AmountNotInSteps.selector, amount, STEP), bob, amount, "x"
            );
        }
    }

    function test_RefusesNothing() public {
        _expectNoMint(abi.encodeWithSelector(ICreditIssuance.AmountNotInSteps.selector, 0, STEP), bob, 0, "x");
    }

    function test_RefusesEmptyCreditId() public {
        _expectNoMint(abi.encodeWithSelector(ICreditIssuance.EmptyCreditId.selector), bob, STEP, "");
    }

    function testFuzz_RefusesACreditTwice(string calldata creditId, address secondTo, uint256 secondSteps) public {
        vm.assume(bytes(creditId).length != 0 && keccak256(bytes(creditId)) != keccak256("alice's"));
        _mint(bob, STEP, creditId);
        _expectNoMint(
            abi.encodeWithSelector(ICreditIssuance.CreditIdAlreadyMinted.selector, creditId),
            secondTo,
            bound(secondSteps, 1, type(uint48).max) * STEP,
            creditId
        );
    }

    function test_CreditIdsDifferByEveryByte() public {
        _mint(bob, STEP, "A-1");
        _mint(bob, STEP, "a-1");
        _mint(bob, STEP, "A-1 ");
        assertEq(token.balanceOf(bob), 3 * STEP);
    }

    /// @dev A mint that fails leaves the credit id free.
    function test_RefusesTheZeroAddress() public {
        _expectNoMint(
            abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)), address(0), STEP, "x"
        );
        _mint(bob, STEP, "x");
        assertEq(token.balanceOf(bob), STEP);
    }

    function testFuzz_RefusesOthersThanMinters(address caller) public {
        vm.assume(caller != admin);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, caller, keccak256("MINTER_ROLE")
            )
        );
        vm.prank(caller);
        token.mint(caller, STEP, "x");
    }

    function _expectNoMint(bytes memory revertData, address to, uint256 amount, string memory creditId) private {
        uint256 supply = token.totalSupply();
        vm.expectRevert(revertData);
        _mint(to, amount, creditId);
        assertEq(token.totalSupply(), supply);
    }
}
