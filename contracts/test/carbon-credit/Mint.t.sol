// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Vm} from "forge-std/Vm.sol";

import {ICarbonCredit} from "../../src/interfaces/ICarbonCredit.sol";
import {CarbonCreditTest} from "../support/CarbonCreditTest.sol";

/// @notice `mint`: requirements C-093, C-094, X-19.
contract MintTest is CarbonCreditTest {
    uint256 private constant STEP = 1e15;

    function testFuzz_MintsAnySteps(address to, uint256 steps, string calldata creditId) public {
        vm.assume(to != address(0) && to != alice);
        vm.assume(bytes(creditId).length != 0 && keccak256(bytes(creditId)) != keccak256("alice's"));
        uint256 amount = bound(steps, 1, (type(uint256).max - HOLDING) / STEP) * STEP;

        vm.expectEmit(true, true, true, true, address(token));
        emit IERC20.Transfer(address(0), to, amount);
        vm.expectEmit(true, true, true, true, address(token));
        emit ICarbonCredit.CreditMinted(to, amount, creditId);
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

    function testFuzz_RefusesWhatIsNoStep(uint256 amount) public {
        vm.assume(amount % STEP != 0);
        _expectNoMint(abi.encodeWithSelector(ICarbonCredit.AmountNotInSteps.selector, amount, STEP), bob, amount, "x");
    }

    /// @dev Next to a step, half a step, a tenth of one.
    function testFuzz_RefusesWhatIsNearlyAStep(uint256 steps) public {
        steps = bound(steps, 0, 1e30) * STEP;
        uint256[4] memory beside = [uint256(1), STEP - 1, STEP / 2, STEP / 10];
        for (uint256 i = 0; i < beside.length; ++i) {
            uint256 amount = steps + beside[i];
            _expectNoMint(
                abi.encodeWithSelector(ICarbonCredit.AmountNotInSteps.selector, amount, STEP), bob, amount, "x"
            );
        }
    }

    function test_RefusesNothing() public {
        _expectNoMint(abi.encodeWithSelector(ICarbonCredit.AmountNotInSteps.selector, 0, STEP), bob, 0, "x");
    }

    function test_RefusesEmptyCreditId() public {
        _expectNoMint(abi.encodeWithSelector(ICarbonCredit.EmptyCreditId.selector), bob, STEP, "");
    }

    function testFuzz_RefusesACreditTwice(string calldata creditId, address secondTo, uint256 secondSteps) public {
        vm.assume(bytes(creditId).length != 0 && keccak256(bytes(creditId)) != keccak256("alice's"));
        _mint(bob, STEP, creditId);
        _expectNoMint(
            abi.encodeWithSelector(ICarbonCredit.CreditIdAlreadyMinted.selector, creditId),
            secondTo,
            bound(secondSteps, 1, 1e30) * STEP,
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
