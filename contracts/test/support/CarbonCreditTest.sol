// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../src/CarbonCredit.sol";
import {ICarbonCredit} from "../../src/interfaces/ICarbonCredit.sol";
import {Artifacts} from "./Artifacts.sol";
import {Test} from "./Test.sol";

/// @notice A deployed CarbonCredit, two holders, and a signer that shares no line with the contract: type strings and
/// domain stand here as literals, so that a slip in the contract cannot repeat itself in its tests.
abstract contract CarbonCreditTest is Test {
    bytes32 internal constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    /// @dev Order of secp256k1.
    uint256 internal constant CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    uint48 internal constant ADMIN_DELAY_S = 2 days;
    uint256 internal constant NOW = 1_800_000_000;
    uint256 internal constant HOLDING = 1_000e18;

    CarbonCredit internal token;
    address internal admin = makeAddr("admin");
    address internal relayer = makeAddr("relayer");
    address internal alice;
    uint256 internal aliceKey;
    address internal bob;
    uint256 internal bobKey;

    function setUp() public virtual {
        vm.warp(NOW);
        (alice, aliceKey) = makeAddrAndKey("alice");
        (bob, bobKey) = makeAddrAndKey("bob");
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
        returns (ICarbonCredit.TransferAuthorization memory)
    {
        return ICarbonCredit.TransferAuthorization(alice, to, value, NOW - 1, NOW + 1 hours, nonce, "");
    }

    function _signed(ICarbonCredit.TransferAuthorization memory item, uint256 key)
        internal
        view
        returns (ICarbonCredit.TransferAuthorization memory)
    {
        item.signature = _sign(key, _transferDigest(item));
        return item;
    }

    function _transferDigest(ICarbonCredit.TransferAuthorization memory item) internal view returns (bytes32) {
        return _authorizationDigest(TRANSFER_TYPEHASH, item);
    }

    function _authorizationDigest(bytes32 typeHash, ICarbonCredit.TransferAuthorization memory item)
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
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("WIA Carbon Credit Micro"),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _split(bytes memory signature) internal pure returns (uint8 v, bytes32 r, bytes32 s) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }

    /// @dev The other signature of the same key over the same digest: s' = n - s, the other parity.
    function _highS(bytes memory signature) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = _split(signature);
        return abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
    }

    /// @dev EIP-2098.
    function _compact(bytes memory signature) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = _split(signature);
        return abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255));
    }

    /// @dev The bytes form, as anyone.
    function _execute(ICarbonCredit.TransferAuthorization memory item) internal {
        vm.prank(relayer);
        token.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        );
    }
}
