// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRelayBatcher} from "../../../src/interfaces/IRelayBatcher.sol";
import {RelayBatcher} from "../../../src/RelayBatcher.sol";
import {Artifacts} from "../Artifacts.sol";
import {RelayTarget} from "./RelayTarget.sol";
import {SigningTest} from "../SigningTest.sol";

/// @notice A deployed RelayBatcher and two targets with the same functions on its list.
abstract contract RelayBatcherTest is SigningTest {
    uint256 internal constant ITEM_GAS = 200_000;

    RelayBatcher internal batcher;
    RelayTarget internal first;
    RelayTarget internal second;

    function setUp() public virtual override {
        super.setUp();
        first = new RelayTarget();
        second = new RelayTarget();
        batcher = _deploy(_list());
    }

    /// @dev The shipping build.
    function _deploy(IRelayBatcher.Allowed[] memory allowed) internal returns (RelayBatcher) {
        return RelayBatcher(Artifacts.deploy("RelayBatcher", abi.encode(allowed)));
    }

    /// @dev Everything of both targets but `unlisted`.
    function _list() internal view returns (IRelayBatcher.Allowed[] memory allowed) {
        bytes4[6] memory selectors = [
            RelayTarget.record.selector,
            RelayTarget.fail.selector,
            RelayTarget.burnAll.selector,
            RelayTarget.noteGas.selector,
            RelayTarget.answerAtLength.selector,
            RelayTarget.callBack.selector
        ];
        allowed = new IRelayBatcher.Allowed[](12);
        for (uint256 i = 0; i < 12; ++i) {
            allowed[i] = IRelayBatcher.Allowed(address(i < 6 ? first : second), selectors[i % 6]);
        }
    }

    function _call(RelayTarget target, bytes memory data) internal pure returns (IRelayBatcher.Call memory) {
        return IRelayBatcher.Call(address(target), ITEM_GAS, data);
    }

    function _record(RelayTarget target, uint256 id) internal pure returns (IRelayBatcher.Call memory) {
        return _call(target, abi.encodeCall(RelayTarget.record, (id)));
    }

    /// @dev Between two items that record id 1 and id 2 with the first target.
    function _between(IRelayBatcher.Call memory item) internal view returns (IRelayBatcher.Call[] memory calls) {
        calls = new IRelayBatcher.Call[](3);
        calls[0] = _record(first, 1);
        calls[1] = item;
        calls[2] = _record(first, 2);
    }

    function _relay(IRelayBatcher.Call[] memory calls) internal returns (uint256) {
        vm.prank(relayer);
        return batcher.relay(calls);
    }
}
