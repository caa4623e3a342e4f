// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditRetirement} from "../../src/interfaces/ICreditRetirement.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice Gas of whole transactions (21,000 and calldata included, isolate mode) in named scenarios, kept in
/// snapshots/CarbonCredit.json; a run whose figures differ fails. README.md says how to write new ones.
contract CarbonCreditGasTest is CarbonCreditTest {
    string private constant GROUP = "CarbonCredit";
    uint256 private constant BATCH = 50;

    address private carol = makeAddr("carol");

    function setUp() public override {
        super.setUp();
        _mint(bob, HOLDING, "bob's");
    }

    function test_Transfer() public {
        vm.prank(alice);
        token.transfer(bob, 1.234e18);
        vm.snapshotGasLastCall(GROUP, "transfer, recipient holds");
        vm.prank(alice);
        token.transfer(carol, 1.234e18);
        vm.snapshotGasLastCall(GROUP, "transfer, recipient new");
    }

    function test_Mint() public {
        vm.prank(admin);
        token.mint(alice, 1.234e18, "WIA-2025-000001");
        vm.snapshotGasLastCall(GROUP, "mint, recipient holds");
    }

    /// @dev Behind other ranges of a registry's series.
    function test_Issue() public {
        _letInto("VCS", admin);
        vm.prank(admin);
        token.issue(alice, 0, _terms("VCS-1", "VCS", 1, 1000));
        vm.prank(admin);
        token.issue(alice, 1, _terms("VCS-2", "VCS", 9001, 10_000));
        vm.snapshotGasLastCall(GROUP, "issue, last of its series, recipient holds");
        vm.prank(admin);
        token.issue(alice, 1, _terms("VCS-3", "VCS", 5001, 6000));
        vm.snapshotGasLastCall(GROUP, "issue, between two ranges, recipient holds");
    }

    /// @dev The holder keeps some; texts of 15, 12 and 10 characters.
    function test_Retire() public {
        _mint(alice, HOLDING, "WIA-2025-000001");
        ICreditRetirement.Retirement memory retirement = _retirement("WIA-2025-000001", 1.234e18);
        vm.prank(alice);
        token.retire(retirement);
        assertLe(vm.snapshotGasLastCall(GROUP, "retire with certificate"), 75_000);

        vm.prank(alice);
        token.approve(bob, 10e18);
        vm.prank(bob);
        token.retireFrom(alice, retirement);
        vm.snapshotGasLastCall(GROUP, "retireFrom with certificate");
    }

    function test_RetireWithAuthorization() public {
        ICreditRetirement.Retirement memory retirement = _retirement("alice's", 1.234e18);
        for (uint256 nonce = 1; nonce < 3; ++nonce) {
            bytes memory signature = _sign(aliceKey, _retireDigest(retirement, bytes32(nonce)));
            vm.prank(relayer);
            token.retireWithAuthorization(alice, retirement, NOW - 60, NOW + 1 hours, bytes32(nonce), signature);
            vm.snapshotGasLastCall(
                GROUP,
                nonce == 1 ? "retireWithAuthorization, new nonce word" : "retireWithAuthorization, warm nonce word"
            );
        }
    }

    function test_CancelBufferReverse() public {
        vm.prank(alice);
        token.transfer(admin, 100e18);
        vm.startPrank(admin);
        token.cancelCredits("alice's", 1.234e18, "measured wrongly");
        vm.snapshotGasLastCall(GROUP, "cancelCredits");
        token.bufferCredits("alice's", 12.34e18);
        vm.snapshotGasLastCall(GROUP, "bufferCredits");
        token.recordReversal("alice's", 1.234e18, "fire");
        vm.snapshotGasLastCall(GROUP, "recordReversal");
        vm.stopPrank();
    }

    function test_Permit() public {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        (uint8 v, bytes32 r, bytes32 s) =
            _split(_sign(aliceKey, _digest(keccak256(abi.encode(typeHash, alice, bob, 1.234e18, 0, NOW)))));
        vm.prank(relayer);
        token.permit(alice, bob, 1.234e18, NOW, v, r, s);
        vm.snapshotGasLastCall(GROUP, "permit, first of owner and spender");
    }

    function test_Single() public {
        _execute(_signed(_fromAlice(bob, 1.234e18, bytes32(uint256(1))), aliceKey));
        vm.snapshotGasLastCall(GROUP, "transferWithAuthorization, new nonce word");
        _execute(_signed(_fromAlice(bob, 1.234e18, bytes32(uint256(2))), aliceKey));
        vm.snapshotGasLastCall(GROUP, "transferWithAuthorization, warm nonce word");

        ITransferAuthorizations.TransferAuthorization memory item =
            _signed(_fromAlice(bob, 1e18, bytes32(uint256(3))), aliceKey);
        (uint8 v, bytes32 r, bytes32 s) = _split(item.signature);
        vm.prank(relayer);
        token.transferWithAuthorization(alice, bob, item.value, item.validAfter, item.validBefore, item.nonce, v, r, s);
        vm.snapshotGasLastCall(GROUP, "transferWithAuthorization (v, r, s), warm nonce word");

        vm.prank(relayer);
        token.cancelAuthorization(
            alice, bytes32(uint256(4)), _sign(aliceKey, _cancelDigest(alice, bytes32(uint256(4))))
        );
        vm.snapshotGasLastCall(GROUP, "cancelAuthorization, warm nonce word");
    }

    function test_BatchDense() public {
        ITransferAuthorizations.TransferAuthorization[] memory first = _batch(BATCH, 0, false, false);
        ITransferAuthorizations.TransferAuthorization[] memory second = _batch(BATCH, 1, false, false);
        _run(first, BATCH, "batch of 50, new nonce words");
        assertLe(_run(second, BATCH, "batch of 50, warm nonce words"), 30_000);
        assertLe(_run(second, 0, "batch of 50, all taken"), 8_500);
    }

    function test_BatchRandomNonces() public {
        ITransferAuthorizations.TransferAuthorization[] memory items = _batch(BATCH, 0, true, false);
        _run(items, BATCH, "batch of 50, random nonces");
        _run(items, 0, "batch of 50, random nonces, all taken");
    }

    function test_BatchFreshRecipients() public {
        _run(_batch(BATCH, 0, false, true), BATCH, "batch of 50, new nonce words, new recipients");
    }

    function test_BatchStale() public {
        ITransferAuthorizations.TransferAuthorization[] memory items = _batch(BATCH, 0, false, false);
        vm.warp(NOW + 1 hours);
        assertLe(_run(items, 0, "batch of 50, all expired"), 8_500);
    }

    function test_BatchOf200() public {
        _run(_batch(200, 0, false, false), 200, "batch of 200, new nonce words");
        _run(_batch(200, 1, false, false), 200, "batch of 200, warm nonce words");
    }

    function test_BatchOneSigner() public {
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](BATCH);
        for (uint256 i = 0; i < BATCH; ++i) {
            items[i] = _signed(_fromAlice(bob, 1.234e18, bytes32(i)), aliceKey);
        }
        _run(items, BATCH, "batch of 50, one signer, one recipient, one new nonce word");
    }

    function _retireDigest(ICreditRetirement.Retirement memory retirement, bytes32 nonce)
        private
        view
        returns (bytes32)
    {
        return _digest(
            keccak256(
                bytes.concat(
                    abi.encode(RETIRE_TYPEHASH, alice, keccak256(bytes(retirement.creditId)), retirement.amount),
                    abi.encode(keccak256(bytes(retirement.beneficiary)), keccak256(bytes(retirement.purpose))),
                    abi.encode(retirement.country, retirement.periodStart, retirement.periodEnd),
                    abi.encode(NOW - 60, NOW + 1 hours, nonce)
                )
            )
        );
    }

    /// @dev Every item has its own signer, who holds tokens, and its own recipient.
    function _batch(uint256 size, uint256 round, bool randomNonces, bool freshRecipients)
        private
        returns (ITransferAuthorizations.TransferAuthorization[] memory items)
    {
        items = new ITransferAuthorizations.TransferAuthorization[](size);
        for (uint256 i = 0; i < size; ++i) {
            uint256 key = uint256(keccak256(abi.encode("signer", i)));
            address to = vm.addr(uint256(keccak256(abi.encode("recipient", i))));
            if (round == 0) {
                deal(address(token), vm.addr(key), HOLDING);
                if (!freshRecipients) deal(address(token), to, HOLDING);
            }
            bytes32 nonce = randomNonces ? keccak256(abi.encode("nonce", i, round)) : bytes32(round);
            items[i] = _signed(
                ITransferAuthorizations.TransferAuthorization(
                    vm.addr(key), to, 1.234e18, NOW - 60, NOW + 1 hours, nonce, ""
                ),
                key
            );
        }
    }

    function _run(ITransferAuthorizations.TransferAuthorization[] memory items, uint256 expected, string memory name)
        private
        returns (uint256 gasPerItem)
    {
        vm.prank(relayer);
        uint256 executed = token.transferWithAuthorizationBatch(items);
        gasPerItem = vm.snapshotGasLastCall(GROUP, name) / items.length;
        vm.snapshotValue(GROUP, string.concat(name, ", each"), gasPerItem);
        assertEq(executed, expected == 0 ? 0 : type(uint256).max >> (256 - expected));
    }
}
