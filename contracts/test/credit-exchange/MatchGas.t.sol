// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ICreditExchange} from "../../src/interfaces/ICreditExchange.sol";
import {LeastGas} from "../support/LeastGas.sol";
import {CreditExchangeTest} from "../support/credit-exchange/CreditExchangeTest.sol";

/// @notice `settleBatch` and EIP-150: a match gets its gas to the unit, or nothing happens at all, whatever the shape of
/// the calldata.
contract MatchGasTest is CreditExchangeTest, LeastGas {
    uint256 private constant MATCH_GAS = 500_000;
    uint256 private constant JUNK_SIZE = 60_000;
    uint256 private constant JUNK = 44;

    MeterToken private meter;

    function setUp() public override {
        super.setUp();
        meter = new MeterToken();
        money = IERC20(address(meter));
        _equip(alice);
        _equip(bob);
        vm.prank(admin);
        exchange.setPaymentToken(address(meter), true);
    }

    /// @dev At the least gas with which a batch goes through, the token has as much as with plenty.
    function test_TheLeastGasIsEnough() public {
        uint256 promised = _gasAtTheToken();
        _settleWithTheLeastGas(0);
        assertEq(meter.notedGas(), promised);
    }

    /// @dev The same with megabytes of memory: forty-four more orders share one long signature in calldata, and each
    /// copies it.
    function test_TheLeastGasIsEnoughWithLargeMemory() public {
        uint256 promised = _gasAtTheToken();
        _settleWithTheLeastGas(JUNK);
        assertEq(meter.notedGas(), promised);
    }

    /// @dev So an operator cannot have a match skipped that needs nearly all it may have: neither by a tight limit nor
    /// by the memory that he makes the batch use.
    function test_NoMatchIsSkippedForWantOfGas() public {
        meter.setBurn(_mostThatATokenCanBurn());
        uint256 snapshot = vm.snapshotState();
        _settleWithTheLeastGas(0);
        assertTrue(vm.revertToState(snapshot));
        _settleWithTheLeastGas(JUNK);
    }

    /// @dev A match that needs more is skipped in a batch, and settles in a call of its own.
    function test_AMatchBeyondItsGasSettlesSingly() public {
        meter.setBurn(MATCH_GAS);
        ICreditExchange.SignedOrder memory maker = _sell(PRICE, 0);
        ICreditExchange.SignedOrder memory taker = _buy(PRICE, 0);
        vm.expectEmit(true, true, true, true, address(exchange));
        emit ICreditExchange.MatchSkipped(0, _orderDigest(maker.order), _orderDigest(taker.order), 0);
        assertEq(_settleBatch(_two(maker, taker), _match(_lots(1))), 0);
        _assertUntouched();
        _settle(maker, taker, _lots(1));
        assertEq(exchange.filledLots(alice, 0), 1);
    }

    /// @dev What the token finds when gas is plenty.
    function _gasAtTheToken() private returns (uint256 noted) {
        uint256 snapshot = vm.snapshotState();
        assertEq(_settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(1))), 1);
        noted = meter.notedGas();
        assertTrue(vm.revertToState(snapshot));
        assertGt(noted, MATCH_GAS - 120_000);
    }

    /// @dev By halving, with plenty of gas for the batch.
    function _mostThatATokenCanBurn() private returns (uint256 most) {
        most = MATCH_GAS - 250_000;
        uint256 tooMuch = MATCH_GAS;
        uint256 snapshot = vm.snapshotState();
        while (tooMuch - most > 1) {
            uint256 middle = (most + tooMuch) / 2;
            meter.setBurn(middle);
            bool settled = _settleBatch(_two(_sell(PRICE, 0), _buy(PRICE, 0)), _match(_lots(1))) == 1;
            assertTrue(vm.revertToState(snapshot));
            if (settled) most = middle;
            else tooMuch = middle;
        }
    }

    function _settleWithTheLeastGas(uint256 junk) private {
        bytes4 refusal = ICreditExchange.InsufficientMatchGas.selector;
        bytes memory executed = _runWithTheLeastGas(operator, address(exchange), _batch(junk), refusal);
        assertEq(abi.decode(executed, (uint256)), 1);
        assertEq(exchange.filledLots(alice, 0), 1);
    }

    /// @dev One good match, and `junk` orders more that all lie at the same place of the calldata.
    function _batch(uint256 junk) private view returns (bytes memory) {
        bytes memory maker = this.tail(abi.encode(_sell(PRICE, 0)));
        bytes memory taker = this.tail(abi.encode(_buy(PRICE, 0)));
        bytes memory bad = junk == 0
            ? bytes("")
            : this.tail(abi.encode(ICreditExchange.SignedOrder(_order(bob, BUY, PRICE, 9), new bytes(JUNK_SIZE))));
        uint256 heads = (junk + 2) * 0x20;
        bytes memory orders = abi.encode(junk + 2, heads, heads + maker.length);
        for (uint256 i = 0; i < junk; ++i) {
            orders = bytes.concat(orders, bytes32(heads + maker.length + taker.length));
        }
        orders = bytes.concat(orders, maker, taker, bad);
        return bytes.concat(
            ICreditExchange.settleBatch.selector,
            abi.encode(0x40, 0x40 + orders.length),
            orders,
            this.tail(abi.encode(_match(_lots(1))))
        );
    }

    /// @dev Without the offset that an encoding begins with.
    function tail(bytes calldata encoded) external pure returns (bytes calldata) {
        return encoded[0x20:];
    }
}

/// @notice Notes the gas that it finds, and burns as much as it was told.
contract MeterToken is ERC20("Meter", "MTR") {
    uint256 public notedGas;
    uint256 private _burnt;

    function setBurn(uint256 burnt) external {
        _burnt = burnt;
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        uint256 start = gasleft();
        notedGas = start;
        while (start - gasleft() < _burnt) {}
        return super.transferFrom(from, to, value);
    }
}
