// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ITestToken} from "../../../src/interfaces/ITestToken.sol";
import {ITransferAuthorizations} from "../../../src/interfaces/ITransferAuthorizations.sol";
import {TestToken} from "../../../src/base/TestToken.sol";
import {Artifacts} from "../Artifacts.sol";
import {SigningTest} from "../SigningTest.sol";

/// @notice Both test tokens. Most tests drive the dollar; Domain.t.sol shows that the two share code and nothing else.
/// Type strings, names and limits stand here as literals.
abstract contract TestTokenTest is SigningTest {
    bytes32 internal constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    uint256 internal constant CALL_LIMIT = 10_000e6;
    uint256 internal constant DAY_LIMIT = 50_000e6;

    TestToken internal dollar;
    TestToken internal euro;

    function setUp() public virtual override {
        super.setUp();
        dollar = TestToken(Artifacts.deploy("TestUSD", ""));
        euro = TestToken(Artifacts.deploy("TestEUR", ""));
    }

    /// @dev Draws `amount` of the dollar's faucet for `to`, as anyone.
    function _draw(address to, uint256 amount) internal {
        vm.prank(relayer);
        dollar.faucet(to, amount);
    }

    /// @dev Uses up the allowance of `to` for today.
    function _drawAll(address to) internal {
        for (uint256 drawn = 0; drawn < DAY_LIMIT; drawn += CALL_LIMIT) {
            _draw(to, CALL_LIMIT);
        }
    }

    function _expectAllowanceExceeded(address to, uint256 amount, uint256 remaining) internal {
        vm.expectRevert(abi.encodeWithSelector(ITestToken.FaucetAllowanceExceeded.selector, to, amount, remaining));
        _draw(to, amount);
    }

    /// @dev An authorization by `from` to bob that holds now and for an hour; not signed yet.
    function _toBob(address from, uint256 value, bytes32 nonce)
        internal
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        return ITransferAuthorizations.TransferAuthorization(from, bob, value, NOW - 1, NOW + 1 hours, nonce, "");
    }

    function _dollarDigest(bytes32 typeHash, ITransferAuthorizations.TransferAuthorization memory item)
        internal
        view
        returns (bytes32)
    {
        return _digest("WIA Test Dollar", _structHash(typeHash, item), block.chainid, address(dollar));
    }

    function _structHash(bytes32 typeHash, ITransferAuthorizations.TransferAuthorization memory item)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(typeHash, item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce)
        );
    }

    /// @dev The bytes form, as anyone.
    function _execute(TestToken token, ITransferAuthorizations.TransferAuthorization memory item) internal {
        vm.prank(relayer);
        token.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        );
    }
}
