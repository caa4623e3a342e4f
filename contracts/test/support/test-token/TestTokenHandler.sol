// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {TestToken} from "../../../src/base/TestToken.sol";
import {ITestToken} from "../../../src/interfaces/ITestToken.sol";

/// @notice Draws from the faucet and moves tokens at random, with a model beside it: balances, what each holder got on
/// each day. Two holders, calls that ask for too much, and a clock that walks through one or two days, so that bounds are met.
contract TestTokenHandler is CommonBase, StdUtils {
    uint256 private constant HOLDERS = 2;
    uint256 private constant CALL_LIMIT = 10_000e6;
    uint256 private constant DAY_LIMIT = 50_000e6;

    TestToken public immutable TOKEN;

    mapping(address holder => uint256) public balanceModel;
    mapping(address holder => mapping(uint256 day => uint256)) public drawn;
    uint256 public made;
    uint256 public moved;
    uint256 public wrongAnswers;

    /// @dev How often the faucet gave each answer: the selector of an error, zero when it made tokens.
    mapping(bytes4 answer => uint256) public answers;

    constructor(TestToken token) {
        TOKEN = token;
    }

    function holder(uint256 index) public pure returns (address) {
        return address(uint160(0xa11ce + index % HOLDERS));
    }

    function holders() external pure returns (uint256) {
        return HOLDERS;
    }

    /// @dev What the faucet answers is held against what the model expects, refusals included.
    function faucet(address caller, uint256 to, uint256 amount) external {
        address recipient = holder(to);
        amount = bound(amount, 0, CALL_LIMIT + CALL_LIMIT / 8);
        bytes4 expected = _fault(recipient, amount);
        vm.prank(caller);
        try TOKEN.faucet(recipient, amount) {
            if (expected != 0) ++wrongAnswers;
            ++answers[0];
            drawn[recipient][block.timestamp / 1 days] += amount;
            balanceModel[recipient] += amount;
            made += amount;
        } catch (bytes memory revertData) {
            if (expected == 0 || bytes4(revertData) != expected) ++wrongAnswers;
            ++answers[bytes4(revertData)];
        }
    }

    function transfer(uint256 from, uint256 to, uint256 value) external {
        address sender = holder(from);
        value = bound(value, 0, balanceModel[sender]);
        vm.prank(sender);
        TOKEN.transfer(holder(to), value);
        balanceModel[sender] -= value;
        balanceModel[holder(to)] += value;
        if (sender != holder(to)) moved += value;
    }

    function passTime(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1 minutes, 40 minutes));
    }

    function _fault(address recipient, uint256 amount) private view returns (bytes4) {
        if (amount == 0 || amount > CALL_LIMIT) return ITestToken.FaucetAmountInvalid.selector;
        bool fits = drawn[recipient][block.timestamp / 1 days] + amount <= DAY_LIMIT;
        return fits ? bytes4(0) : ITestToken.FaucetAllowanceExceeded.selector;
    }
}
