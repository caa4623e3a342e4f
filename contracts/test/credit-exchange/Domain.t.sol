// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CreditExchange} from "../../src/CreditExchange.sol";
import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice The EIP-712 domain and types: what was signed for one exchange on one chain is worth nothing elsewhere.
contract DomainTest is CreditExchangeTest {
    function test_Domain() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            exchange.eip712Domain();
        assertEq(fields, hex"0f");
        assertEq(name, "WIA Credit Exchange");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(exchange));
    }

    function test_TypeHashes() public view {
        assertEq(exchange.ORDER_TYPEHASH(), ORDER_TYPEHASH);
        assertEq(exchange.CANCEL_ORDER_AUTHORIZATION_TYPEHASH(), CANCEL_ORDER_TYPEHASH);
        assertEq(exchange.INCREASE_COUNTER_AUTHORIZATION_TYPEHASH(), INCREASE_COUNTER_TYPEHASH);
    }

    function testFuzz_OrderDigest(bytes32 seed) public view {
        ICreditExchange.Order memory order;
        order.maker = address(bytes20(keccak256(abi.encode(seed, 0))));
        order.side = ICreditExchange.Side(uint8(seed[0]) & 1);
        order.lots = uint64(uint256(keccak256(abi.encode(seed, 1))));
        order.price = uint128(uint256(keccak256(abi.encode(seed, 2))));
        order.paymentToken = address(bytes20(keccak256(abi.encode(seed, 3))));
        order.feeCapBps = uint16(uint256(keccak256(abi.encode(seed, 4))));
        order.expiry = uint64(uint256(keccak256(abi.encode(seed, 5))));
        order.counter = uint256(keccak256(abi.encode(seed, 6)));
        order.salt = uint256(keccak256(abi.encode(seed, 7)));
        assertEq(exchange.orderDigest(order), _orderDigest(order));
    }

    function test_AnotherExchange() public {
        CreditExchange first = exchange;
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        exchange = _deploy(address(credit), admin);
        ICreditExchange.SignedOrder memory taker = _buy(PRICE, 0);
        assertTrue(address(first) != address(exchange));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        vm.prank(admin);
        exchange.settle(maker, taker, _lots(1));
    }

    function test_AnotherChain() public {
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, alice));
        _settle(maker, _buy(PRICE, 0), _lots(1));
        _settle(_sell(PRICE, 0), _buy(PRICE, 0), _lots(1));
    }

    function test_NoOtherInterface() public view {
        assertTrue(exchange.supportsInterface(0x01ffc9a7));
        assertFalse(exchange.supportsInterface(0xffffffff));
    }
}
