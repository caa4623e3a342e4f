// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {CarbonCredit} from "../../../src/CarbonCredit.sol";
import {TestToken} from "../../../src/base/TestToken.sol";
import {IRelayBatcher} from "../../../src/interfaces/IRelayBatcher.sol";
import {RelayBatcher} from "../../../src/RelayBatcher.sol";
import {RelayTarget} from "./RelayTarget.sol";

/// @notice Relays random lists of good, failing, burning, unlisted and re-entrant items, some with too little gas, and
/// of items that would gain the batcher a right by being their caller. A model beside it: every recording item has an
/// id of its own, and what became of it.
contract RelayBatcherHandler is CommonBase, StdUtils {
    uint256 private constant ENOUGH_GAS = 150_000;

    RelayBatcher public immutable BATCHER;
    RelayTarget public immutable FIRST;
    RelayTarget public immutable SECOND;
    TestToken public immutable DOLLAR;
    CarbonCredit public immutable CREDIT;

    uint256 public ids;
    uint256 public relays;
    uint256 public refusedRelays;
    uint256 public wrongBitmaps;
    uint256 public wrongRecords;
    uint256 public recorded;

    constructor(RelayBatcher batcher, RelayTarget first, RelayTarget second, TestToken dollar, CarbonCredit credit) {
        BATCHER = batcher;
        FIRST = first;
        SECOND = second;
        DOLLAR = dollar;
        CREDIT = credit;
    }

    function relay(address caller, uint256 seed, uint256 size) external {
        IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](bound(size, 1, 10));
        uint256 firstId = ids;
        uint256 expected = 0;
        for (uint256 i = 0; i < calls.length; ++i) {
            bool succeeds;
            (calls[i], succeeds) = _item(uint256(keccak256(abi.encode(seed, i))));
            if (succeeds) expected |= 1 << i;
        }
        vm.prank(caller);
        uint256 succeeded = BATCHER.relay(calls);
        if (succeeded != expected) ++wrongBitmaps;
        for (uint256 i = 0; i < calls.length; ++i) {
            bool records = succeeded >> i & 1 == 1 && bytes4(calls[i].data) == RelayTarget.record.selector;
            if (records) ++recorded;
            if (FIRST.records(firstId + i) + SECOND.records(firstId + i) != (records ? 1 : 0)) ++wrongRecords;
        }
        ++relays;
    }

    /// @dev Too little gas for the last item: nothing of it may happen.
    function relayWithTooLittleGas(uint256 seed, uint256 size) external {
        IRelayBatcher.Call[] memory calls = new IRelayBatcher.Call[](bound(size, 1, 10));
        for (uint256 i = 0; i < calls.length; ++i) {
            (calls[i],) = _item(uint256(keccak256(abi.encode(seed, i))));
        }
        calls[calls.length - 1] = _call(FIRST, ENOUGH_GAS + 10_000_000, abi.encodeCall(RelayTarget.record, (ids++)));
        try BATCHER.relay{gas: 10_000_000}(calls) {
            ++wrongBitmaps;
        } catch {
            ++refusedRelays;
        }
    }

    /// @dev Anyone may try to leave something with the batcher by calling it in any way; the batcher itself, which never
    /// does, would begin with what the caller is given here.
    function poke(address caller, bytes calldata data, uint96 value) external {
        vm.assume(caller != address(BATCHER));
        vm.deal(caller, value);
        vm.prank(caller);
        (bool success,) = address(BATCHER).call{value: value}(data);
        if (success) ++wrongBitmaps;
    }

    /// @dev An item and whether it succeeds. Each takes an id, whatever it does.
    function _item(uint256 seed) private returns (IRelayBatcher.Call memory call, bool succeeds) {
        uint256 id = ids++;
        RelayTarget target = seed & 1 == 0 ? FIRST : SECOND;
        uint256 kind = (seed >> 8) % 10;
        if (kind == 0) return (_call(target, ENOUGH_GAS, abi.encodeCall(RelayTarget.unlisted, (id))), false);
        if (kind == 1) return (_call(target, ENOUGH_GAS, abi.encodeCall(RelayTarget.fail, (hex"aabbccdd"))), false);
        if (kind == 2) return (_call(target, ENOUGH_GAS, abi.encodeCall(RelayTarget.burnAll, ())), false);
        if (kind == 3) return (_callBack(target, id), true);
        if (kind == 4) return (_senderBound(seed >> 16), false);
        if (kind == 5) return (_to(address(DOLLAR), abi.encodeCall(DOLLAR.faucet, (vm.addr(id + 1), 1))), true);
        bytes memory record = abi.encodeCall(RelayTarget.record, (id));
        return kind == 6 ? (_call(target, 5_000, record), false) : (_call(target, ENOUGH_GAS, record), true);
    }

    /// @dev What would make the batcher give or get something; none of it is on the list.
    function _senderBound(uint256 seed) private view returns (IRelayBatcher.Call memory) {
        address attacker = vm.addr(1);
        uint256 kind = seed % 3;
        if (kind == 0) return _to(address(DOLLAR), abi.encodeCall(DOLLAR.approve, (attacker, type(uint256).max)));
        if (kind == 1) return _to(address(DOLLAR), abi.encodeCall(DOLLAR.transfer, (attacker, 0)));
        return _to(address(CREDIT), abi.encodeCall(CREDIT.acceptDefaultAdminTransfer, ()));
    }

    /// @dev Tries to have its own id recorded by a relay within the relay.
    function _callBack(RelayTarget target, uint256 id) private pure returns (IRelayBatcher.Call memory) {
        IRelayBatcher.Call[] memory inner = new IRelayBatcher.Call[](1);
        inner[0] = _call(target, 50_000, abi.encodeCall(RelayTarget.record, (id)));
        return _call(target, ENOUGH_GAS, abi.encodeCall(RelayTarget.callBack, (inner)));
    }

    function _call(RelayTarget target, uint256 gasLimit, bytes memory data)
        private
        pure
        returns (IRelayBatcher.Call memory)
    {
        return IRelayBatcher.Call(address(target), gasLimit, data);
    }

    function _to(address target, bytes memory data) private pure returns (IRelayBatcher.Call memory) {
        return IRelayBatcher.Call(target, ENOUGH_GAS, data);
    }
}
