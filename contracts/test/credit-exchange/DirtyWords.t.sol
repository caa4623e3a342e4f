// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice `settleBatch` and words that are no values of their types, which somebody may well have signed.
contract DirtyWordsTest is CreditExchangeTest {
    /// @dev Members 1 to 6 of an order: side, lots, price, payment token, fee cap, expiry; as maker and as taker.
    function test_ADirtyMemberSkipsItsMatchAlone() public {
        for (uint256 member = 1; member < 7; ++member) {
            ICreditExchange.SignedOrder[] memory orders = _two(_sell(PRICE, 0), _buy(PRICE, 0));
            bytes32[9] memory members = abi.decode(abi.encode(orders[0].order), (bytes32[9]));
            members[member] |= bytes32(uint256(1) << 255);
            orders[0].signature = _sign(aliceKey, _digest(keccak256(abi.encode(ORDER_TYPEHASH, members))));
            ICreditExchange.Match[] memory matches = _match(_lots(1));
            assertEq(_run(orders, matches, member), 0);
            (matches[0].maker, matches[0].taker) = (1, 0);
            assertEq(_run(orders, matches, member), 0);
        }
        _assertUntouched();
    }

    /// @dev Lots and both fees of a match, which nobody signs.
    function test_DirtyTermsSkipTheirMatchAlone() public {
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](2);
        matches[0] = ICreditExchange.Match(0, 1, _lots(1));
        matches[1] = matches[0];
        ICreditExchange.SignedOrder[] memory orders = _two(_sell(PRICE, 0), _buy(PRICE, 0));
        for (uint256 term = 0; term < 3; ++term) {
            bytes memory message = abi.encodeCall(ICreditExchange.settleBatch, (orders, matches));
            // The list of matches is the message's end: two of five words each, maker and taker before the terms.
            message[message.length - (10 - 2 - term) * 0x20] |= 0x80;
            assertEq(_call(message), 2);
        }
        assertEq(exchange.filledLots(alice, 0), 3);
    }

    /// @dev A match that fails without a reason is not given the one of the match before.
    function test_AReasonIsTheMatchsOwn() public {
        ICreditExchange.SignedOrder[] memory orders = _two(_sell(PRICE, 0), _buy(PRICE, 0));
        ICreditExchange.Match[] memory matches = new ICreditExchange.Match[](2);
        matches[0] = ICreditExchange.Match(0, 1, _lots(0));
        matches[1] = ICreditExchange.Match(0, 1, _lots(1));
        bytes memory message = abi.encodeCall(ICreditExchange.settleBatch, (orders, matches));
        // The lots of the second, two words before the end.
        message[message.length - 3 * 0x20] |= 0x80;
        bytes32[2] memory digests = [_orderDigest(orders[0].order), _orderDigest(orders[1].order)];
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.MatchSkipped(0, digests[0], digests[1], ICreditExchange.LotsAreZero.selector);
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.MatchSkipped(1, digests[0], digests[1], 0);
        assertEq(_call(message), 0);
    }

    /// @dev The operator's own mistake, as the interface warns.
    function test_ADirtyMakerRevertsTheWhole() public {
        bytes memory message = _dirty(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(1)), 0);
        vm.prank(operator);
        (bool success,) = address(exchange).call(message);
        assertFalse(success);
    }

    function _run(ICreditExchange.SignedOrder[] memory orders, ICreditExchange.Match[] memory matches, uint256 member)
        private
        returns (uint256)
    {
        return _call(_dirty(orders, matches, member));
    }

    function _call(bytes memory message) private returns (uint256 executed) {
        vm.prank(operator);
        (bool success, bytes memory answer) = address(exchange).call(message);
        assertTrue(success);
        return abi.decode(answer, (uint256));
    }

    /// @dev Behind the selector: two offsets, the length, two offsets, then the members of order 0.
    function _dirty(ICreditExchange.SignedOrder[] memory orders, ICreditExchange.Match[] memory matches, uint256 member)
        private
        pure
        returns (bytes memory message)
    {
        message = abi.encodeCall(ICreditExchange.settleBatch, (orders, matches));
        message[4 + (5 + member) * 0x20] |= 0x80;
    }
}
