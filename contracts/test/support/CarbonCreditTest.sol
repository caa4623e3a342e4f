// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../src/CarbonCredit.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {Artifacts} from "./Artifacts.sol";
import {SigningTest} from "./SigningTest.sol";

/// @notice A deployed CarbonCredit and two holders. Type strings and domain stand here as literals, so that a slip in
/// the contract cannot repeat itself in its tests.
abstract contract CarbonCreditTest is SigningTest {
    bytes32 internal constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    uint256 internal constant HOLDING = 1_000e18;

    CarbonCredit internal token;

    function setUp() public virtual override {
        super.setUp();
        token = _deploy(admin);
        _mint(alice, HOLDING, "alice's");
    }

    /// @dev The shipping build; the zero address when the constructor reverts.
    function _deploy(address firstAdmin) internal returns (CarbonCredit) {
        return CarbonCredit(Artifacts.deploy("CarbonCredit", abi.encode(firstAdmin, ADMIN_DELAY_S)));
    }

    function _mint(address to, uint256 amount, string memory creditId) internal {
        vm.prank(admin);
        token.mint(to, amount, creditId);
    }

    /// @dev An authorization by alice's address that holds now and for an hour; not signed yet.
    function _fromAlice(address to, uint256 value, bytes32 nonce)
        internal
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        return ITransferAuthorizations.TransferAuthorization(alice, to, value, NOW - 1, NOW + 1 hours, nonce, "");
    }

    function _signed(ITransferAuthorizations.TransferAuthorization memory item, uint256 key)
        internal
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        item.signature = _sign(key, _transferDigest(item));
        return item;
    }

    function _transferDigest(ITransferAuthorizations.TransferAuthorization memory item)
        internal
        view
        returns (bytes32)
    {
        return _authorizationDigest(TRANSFER_TYPEHASH, item);
    }

    function _authorizationDigest(bytes32 typeHash, ITransferAuthorizations.TransferAuthorization memory item)
        internal
        view
        returns (bytes32)
    {
        return _digest(
            keccak256(
                abi.encode(typeHash, item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce)
            )
        );
    }

    function _cancelDigest(address authorizer, bytes32 nonce) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(CANCEL_TYPEHASH, authorizer, nonce)));
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return _digest(structHash, block.chainid, address(token));
    }

    function _digest(bytes32 structHash, uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return _digest("WIA Carbon Credit Micro", structHash, chainId, verifyingContract);
    }

    /// @dev The bytes form, as anyone.
    function _execute(ITransferAuthorizations.TransferAuthorization memory item) internal {
        vm.prank(relayer);
        token.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        );
    }
}
