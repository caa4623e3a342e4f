// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";

/// @notice The EIP-712 domain, and calldata that no encoder writes: what is signed is hashed as it lies in calldata.
contract DomainTest is BatteryPassportTest {
    bytes32 private constant OFFER_TYPEHASH = keccak256(
        "OfferAuthorization(address owner,bytes32 key,uint256 tenure,address to,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant TRANSFER_OWNERSHIP_TYPEHASH = keccak256(
        "TransferOwnershipAuthorization(address owner,string batteryId,uint256 tenure,address newOwner,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    function test_Domain() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = passport.eip712Domain();
        assertEq(fields, hex"0f");
        assertEq(name, "WIA Battery Passport");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(passport));
        assertEq(salt, 0);
        assertEq(extensions.length, 0);
    }

    /// @dev An address with dirt above its 160 bits is refused when decoded, before anything is hashed.
    function test_RefusesDirtyAddresses() public {
        uint256 dirt = uint256(1) << 160;
        bytes memory message = abi.encode(alice, leanKey, 0, bob, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE);
        bytes memory signature = _signed(aliceKey, bytes.concat(OFFER_TYPEHASH, message));
        bytes memory clean = abi.encodeCall(
            passport.offerWithAuthorization,
            (alice, leanKey, 0, bob, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, signature)
        );
        _expectRefused(_with(clean, 4, bytes32(uint256(uint160(alice)) | dirt)));
        _expectRefused(_with(clean, 100, bytes32(uint256(uint160(bob)) | dirt)));
        (bool success,) = address(passport).call(clean);
        assertTrue(success);
    }

    /// @dev The id may lie anywhere in calldata: what is hashed is the id that is used, not where it lies.
    function test_OddOffsetOfTheIdChangesNothing() public {
        bytes32 structHash = keccak256(
            abi.encode(TRANSFER_OWNERSHIP_TYPEHASH, alice, keccak256(bytes(ID)), 0, bob, AFTER, BEFORE, NONCE)
        );
        bytes memory call_ = abi.encodeCall(
            passport.transferOwnershipWithAuthorization,
            (alice, ID, 0, bob, AFTER, BEFORE, NONCE, _sign(aliceKey, _digest(structHash)))
        );
        // Another id behind the call, and the offset pointing there: signed was the first one.
        bytes memory other = bytes.concat(call_, abi.encode(uint256(3)), "BAT");
        _expectRefused(_with(other, 36, bytes32(call_.length - 4)));
        // The same id behind the call: the very message that was signed.
        bytes memory same = bytes.concat(call_, abi.encode(bytes(ID).length), bytes(ID));
        (bool success,) = address(passport).call(_with(same, 36, bytes32(call_.length - 4)));
        assertTrue(success);
        assertEq(_ownerOf(namedKey), bob);
    }

    function _expectRefused(bytes memory call_) private {
        (bool success,) = address(passport).call(call_);
        assertFalse(success);
    }

    function _with(bytes memory call_, uint256 offset, bytes32 word) private pure returns (bytes memory changed) {
        changed = bytes.concat(call_);
        assembly ("memory-safe") {
            mstore(add(add(changed, 0x20), offset), word)
        }
    }
}
