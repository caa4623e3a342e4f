// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice `transferWithAuthorizationBatch` and words that are no values of their types, which somebody may well sign.
contract DirtyWordsTest is CarbonCreditTest {
    /// @dev A payee that is no address: the submitter's to leave out when it is signed as it stands, as the interface
    /// warns; a bad signature like any other when it is not.
    function test_ADirtyPayeeSignedAsItStandsRevertsTheWhole() public {
        ITransferAuthorizations.TransferAuthorization[] memory items = _one();
        (bool success, bytes memory answer) = address(token).call(_withDirtyPayee(items));
        assertTrue(success);
        assertEq(abi.decode(answer, (uint256)), 0);

        bytes32[6] memory members = [
            bytes32(uint256(uint160(alice))),
            _dirty(bob),
            bytes32(items[0].value),
            bytes32(items[0].validAfter),
            bytes32(items[0].validBefore),
            items[0].nonce
        ];
        items[0].signature = _sign(aliceKey, _digest(keccak256(abi.encode(TRANSFER_TYPEHASH, members))));
        (success,) = address(token).call(_withDirtyPayee(items));
        assertFalse(success);
        assertFalse(token.authorizationState(alice, items[0].nonce));
    }

    function _one() private view returns (ITransferAuthorizations.TransferAuthorization[] memory items) {
        items = new ITransferAuthorizations.TransferAuthorization[](1);
        items[0] = _signed(_fromAlice(bob, 1e15, 0), aliceKey);
    }

    function _withDirtyPayee(ITransferAuthorizations.TransferAuthorization[] memory items)
        private
        pure
        returns (bytes memory message)
    {
        message = abi.encodeCall(ITransferAuthorizations.transferWithAuthorizationBatch, (items));
        // Behind the selector: the list's offset and length, the item's offset, its `from`, its `to`.
        message[4 + 4 * 0x20] |= 0x80;
    }

    function _dirty(address payee) private pure returns (bytes32) {
        return bytes32(uint256(uint160(payee)) | 1 << 255);
    }
}
