// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IRelayBatcher} from "../../src/interfaces/IRelayBatcher.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {TestToken} from "../../src/base/TestToken.sol";
import {RelayBatcher} from "../../src/RelayBatcher.sol";
import {Artifacts} from "../support/Artifacts.sol";
import {TestTokenTest} from "../support/test-token/TestTokenTest.sol";

/// @notice What relaying together costs over the bare calls: 50 transferWithAuthorization of 50 signers, once as 50
/// transactions and once as one relay, from the same state. Each recipient holds, each nonce word is warm.
///
/// "overhead" is (relay - 21,000) - Σ (transaction - 21,000), per item: what the batcher itself takes, calldata
/// included, with the 21,000 of a transaction left out on both sides. "saved" is what the relayer pays less, per item.
contract RelayBatcherGasTest is TestTokenTest {
    string private constant GROUP = "RelayBatcher";
    uint256 private constant SIZE = 50;
    uint256 private constant ITEM_GAS = 100_000;
    uint256 private constant TRANSACTION_GAS = 21_000;

    RelayBatcher private batcher;

    function setUp() public override {
        super.setUp();
        bytes4 selector =
            bytes4(keccak256("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"));
        IRelayBatcher.Allowed[] memory allowed = new IRelayBatcher.Allowed[](2);
        allowed[0] = IRelayBatcher.Allowed(address(dollar), selector);
        allowed[1] = IRelayBatcher.Allowed(address(euro), selector);
        batcher = RelayBatcher(Artifacts.deploy("RelayBatcher", abi.encode(allowed)));
    }

    function test_OneTarget() public {
        _compare("50 transfers of one token", false);
    }

    function test_TwoTargets() public {
        _compare("50 transfers of two tokens in turn", true);
    }

    function test_Failing() public {
        IRelayBatcher.Call[] memory calls = _calls(false);
        vm.prank(relayer);
        assertEq(batcher.relay(calls), (1 << SIZE) - 1);
        vm.prank(relayer);
        assertEq(batcher.relay(calls), 0);
        uint256 relayed = vm.snapshotGasLastCall(GROUP, "50 transfers of one token, all taken");
        vm.snapshotValue(GROUP, "50 transfers of one token, all taken, each", relayed / SIZE);
    }

    function _compare(string memory name, bool twoTokens) private {
        IRelayBatcher.Call[] memory calls = _calls(twoTokens);
        uint256 snapshot = vm.snapshotState();
        uint256 bare = 0;
        for (uint256 i = 0; i < SIZE; ++i) {
            vm.prank(relayer);
            (bool success,) = calls[i].target.call(calls[i].data);
            assertTrue(success);
            bare += vm.lastCallGas().gasTotalUsed;
        }
        assertTrue(vm.revertToState(snapshot));

        vm.prank(relayer);
        assertEq(batcher.relay(calls), (1 << SIZE) - 1);
        uint256 relayed = vm.snapshotGasLastCall(GROUP, name);
        uint256 overhead = (relayed - TRANSACTION_GAS + SIZE * TRANSACTION_GAS - bare) / SIZE;
        vm.snapshotValue(GROUP, string.concat(name, ", each"), relayed / SIZE);
        vm.snapshotValue(GROUP, string.concat(name, ", each as a transaction of its own"), bare / SIZE);
        vm.snapshotValue(GROUP, string.concat(name, ", overhead each"), overhead);
        assertLe(overhead, 3_000);
    }

    function _calls(bool twoTokens) private returns (IRelayBatcher.Call[] memory calls) {
        calls = new IRelayBatcher.Call[](SIZE);
        for (uint256 i = 0; i < SIZE; ++i) {
            TestToken token = twoTokens && i % 2 == 1 ? euro : dollar;
            uint256 key = uint256(keccak256(abi.encode("signer", i)));
            address recipient = vm.addr(uint256(keccak256(abi.encode("recipient", i))));
            token.faucet(vm.addr(key), CALL_LIMIT);
            token.faucet(recipient, 1);
            _execute(token, _signed(token, key, recipient, 0));
            ITransferAuthorizations.TransferAuthorization memory item =
                _signed(token, key, recipient, bytes32(uint256(1)));
            calls[i] = IRelayBatcher.Call(
                address(token),
                ITEM_GAS,
                abi.encodeWithSignature(
                    "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
                    item.from,
                    item.to,
                    item.value,
                    item.validAfter,
                    item.validBefore,
                    item.nonce,
                    item.signature
                )
            );
        }
    }

    function _signed(TestToken token, uint256 key, address to, bytes32 nonce)
        private
        view
        returns (ITransferAuthorizations.TransferAuthorization memory item)
    {
        item = ITransferAuthorizations.TransferAuthorization(
            vm.addr(key), to, 1.234e6, NOW - 60, NOW + 1 hours, nonce, ""
        );
        bytes32 structHash = _structHash(TRANSFER_TYPEHASH, item);
        item.signature = _sign(key, _digest(token.name(), structHash, block.chainid, address(token)));
    }
}
