// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";
import {OwnerWallet, RawAnswerWallet, ReentrantWallet, ThoughtfulWallet} from "../support/Wallets.sol";

/// @notice Signers that are contracts: ERC-1271, its binding to the wallet's address, its gas, and EIP-7702 accounts.
contract ContractWalletsTest is CarbonCreditTest {
    bytes32 private constant NONCE = keccak256("a nonce");
    uint256 private constant WALLET_GAS = 200_000;

    OwnerWallet private wallet;

    function setUp() public override {
        super.setUp();
        wallet = new OwnerWallet(alice);
        _mint(address(wallet), HOLDING, "the wallet's");
    }

    /// @dev The owner signs the plain EIP-712 digest, as eth_signTypedData_v4 does.
    function test_WalletTransfersReceivesAndCancels() public {
        _execute(_signed(_from(address(wallet), 1e18, NONCE), aliceKey));
        assertEq(token.balanceOf(bob), 1e18);

        ITransferAuthorizations.TransferAuthorization memory item = _from(address(wallet), 2e18, 0);
        (uint8 v, bytes32 r, bytes32 s) = _split(_sign(aliceKey, _authorizationDigest(RECEIVE_TYPEHASH, item)));
        vm.prank(bob);
        token.receiveWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, v, r, s
        );
        assertEq(token.balanceOf(bob), 3e18);

        bytes32 third = bytes32(uint256(3));
        token.cancelAuthorization(address(wallet), third, _sign(aliceKey, _cancelDigest(address(wallet), third)));
        assertTrue(token.authorizationState(address(wallet), third));
    }

    /// @dev A wallet may take signatures of any length.
    function testFuzz_SignatureReachesTheWalletAsItIs(bytes calldata signature) public {
        ITransferAuthorizations.TransferAuthorization memory item = _from(address(wallet), 1e18, NONCE);
        item.signature = signature;
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (_transferDigest(item), signature));
        vm.mockCall(address(wallet), question, abi.encode(IERC1271.isValidSignature.selector));
        vm.expectCall(address(wallet), question, 1);
        _execute(item);
        assertEq(token.balanceOf(bob), 1e18);
    }

    function test_RefusesWhatTheWalletRefuses() public {
        _expectBadSignature(_signed(_from(address(wallet), 1e18, NONCE), bobKey));
    }

    /// @dev Two wallets of one owner that check the bare digest: what was signed for one moves nothing of the other,
    /// because `from` (`authorizer`) is in the digest.
    function test_TwoWalletsOfOneOwnerShareNoDigest() public {
        OwnerWallet second = new OwnerWallet(alice);
        _mint(address(second), HOLDING, "the second wallet's");
        ITransferAuthorizations.TransferAuthorization memory item =
            _signed(_from(address(wallet), 1e18, NONCE), aliceKey);
        bytes32 digest = _transferDigest(item);
        item.from = address(second);
        assertTrue(digest != _transferDigest(item));
        _expectBadSignature(item);
        // Nor of the owner's own account.
        item.from = alice;
        _expectBadSignature(item);

        bytes memory cancel = _sign(aliceKey, _cancelDigest(address(wallet), NONCE));
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, address(second)));
        token.cancelAuthorization(address(second), NONCE, cancel);
    }

    function test_RefusesOddAnswers() public {
        bytes32 yes = bytes32(IERC1271.isValidSignature.selector);
        _expectAnswerRefused("", false);
        _expectAnswerRefused(abi.encodePacked(IERC1271.isValidSignature.selector), false); // 4 bytes
        _expectAnswerRefused(abi.encodePacked(bytes31(yes)), false); // 31 bytes
        _expectAnswerRefused(abi.encode(uint256(1)), false); // true
        _expectAnswerRefused(abi.encode(uint256(yes) | 1), false); // more than the selector
        _expectAnswerRefused(abi.encode(yes), true); // yes, by reverting
    }

    /// @dev Of a long answer the first 32 bytes count, the rest is not copied and costs the caller nothing.
    function test_ReadsThirtyTwoBytes() public {
        bytes memory answer = new bytes(20_000);
        assembly ("memory-safe") {
            mstore(add(answer, 0x20), 0x1626ba7e00000000000000000000000000000000000000000000000000000000)
        }
        ITransferAuthorizations.TransferAuthorization memory item = _from(address(wallet), 1e18, NONCE);
        vm.mockCall(address(wallet), abi.encodeWithSelector(IERC1271.isValidSignature.selector), answer);
        _execute(item);
        assertEq(token.balanceOf(bob), 1e18);
        assertLt(vm.lastCallGas().gasTotalUsed, 90_000);
    }

    function test_AStaticCallCannotReenter() public {
        ReentrantWallet thief = new ReentrantWallet(token, relayer);
        _mint(address(thief), HOLDING, "the thief's");
        _execute(_from(address(thief), 1e18, NONCE));
        assertEq(token.balanceOf(relayer), 0);
        assertEq(token.balanceOf(bob), 1e18);
    }

    /// @dev A wallet gets its 200,000 gas and no more.
    function test_GasOfAWalletIsCapped() public {
        address quick = address(new ThoughtfulWallet(WALLET_GAS - 2_000));
        address slow = address(new ThoughtfulWallet(WALLET_GAS + 1));
        _mint(quick, HOLDING, "the quick one's");
        _mint(slow, HOLDING, "the slow one's");
        _expectBadSignature(_from(slow, 1e18, NONCE));
        assertLt(vm.lastCallGas().gasTotalUsed, WALLET_GAS + 60_000);
        _execute(_from(quick, 1e18, NONCE));
        assertEq(token.balanceOf(bob), 1e18);
    }

    /// @dev The submitter cannot starve a wallet's item: with any gas limit the batch is executed whole or reverts. The
    /// wallet comes last, where the 1/64 of gas that its call leaves behind would do to skip it and end well.
    function testFuzz_ABatchCannotStarveAWallet(uint256 gasLimit) public {
        address thinker = address(new ThoughtfulWallet(190_000));
        _mint(thinker, HOLDING, "the thinker's");
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](3);
        items[0] = _signed(_from(alice, 1e18, NONCE), aliceKey);
        items[1] = _signed(_from(address(wallet), 1e18, NONCE), aliceKey);
        items[2] = _from(thinker, 1e18, NONCE);
        bytes memory call = abi.encodeCall(ITransferAuthorizations.transferWithAuthorizationBatch, (items));

        gasLimit = bound(gasLimit, 150_000, 500_000);
        (bool success, bytes memory answer) = address(token).call{gas: gasLimit}(call);
        if (success) assertEq(abi.decode(answer, (uint256)), 7);
        assertEq(token.balanceOf(bob), success ? 3e18 : 0);
        if (gasLimit > 450_000) assertTrue(success);
    }

    function test_SaysHowMuchGasAWalletNeeds() public {
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](1);
        items[0] = _signed(_from(address(wallet), 1e18, NONCE), aliceKey);
        bytes memory call = abi.encodeCall(ITransferAuthorizations.transferWithAuthorizationBatch, (items));
        (bool success, bytes memory answer) = address(token).call{gas: 150_000}(call);
        assertFalse(success);
        assertEq(bytes4(answer), IAuthorizations.InsufficientSignatureGas.selector);
        (uint256 available, uint256 required) = this.decodeGas(answer);
        assertLt(available, required);
        assertGe(required * 63 / 64, WALLET_GAS);
    }

    function decodeGas(bytes calldata revertData) external pure returns (uint256, uint256) {
        return abi.decode(revertData[4:], (uint256, uint256));
    }

    /// @dev EIP-7702: an ordinary account with delegated code signs with its key, whatever that code says.
    function test_DelegatedAccountSignsWithItsKey() public {
        RawAnswerWallet deaf = new RawAnswerWallet("", true);
        vm.signAndAttachDelegation(address(deaf), aliceKey);
        _execute(_signed(_from(alice, 1e18, NONCE), aliceKey));
        assertEq(alice.code, abi.encodePacked(hex"ef0100", address(deaf)));
        assertEq(token.balanceOf(bob), 1e18);
        _execute(_signed(_from(alice, 1e18, 0), aliceKey));
        assertEq(token.balanceOf(bob), 2e18);
        _expectBadSignature(_signed(_from(alice, 1e18, bytes32(uint256(1))), bobKey));
    }

    /// @dev And the code it delegated to may accept what the key did not sign, as for any contract wallet.
    function test_DelegatedAccountMaySignByItsCode() public {
        vm.signAndAttachDelegation(address(new OwnerWallet(bob)), aliceKey);
        _execute(_signed(_from(alice, 1e18, NONCE), bobKey));
        assertEq(token.balanceOf(bob), 1e18);
    }

    function _from(address from, uint256 value, bytes32 nonce)
        private
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        return ITransferAuthorizations.TransferAuthorization(from, bob, value, NOW - 1, NOW + 1 hours, nonce, "");
    }

    function _expectAnswerRefused(bytes memory answer, bool reverts) private {
        address odd = address(new RawAnswerWallet(answer, reverts));
        // Nonce 0 leaves zeros in the scratch space, which a short answer must not borrow.
        _expectBadSignature(_from(odd, 0, 0));
    }

    function _expectBadSignature(ITransferAuthorizations.TransferAuthorization memory item) private {
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, item.from));
        _execute(item);
        assertFalse(token.authorizationState(item.from, item.nonce));
    }
}
