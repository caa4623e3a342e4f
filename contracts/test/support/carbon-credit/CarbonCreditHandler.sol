// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {CarbonCredit} from "../../../src/CarbonCredit.sol";
import {ITransferAuthorizations} from "../../../src/interfaces/ITransferAuthorizations.sol";

/// @notice Drives a CarbonCredit at random for the invariants and keeps a model beside it: balances, and how often each
/// nonce took effect. Five holders and a few nonces only, so that collisions are the rule. What makes and burns tokens
/// stands in CarbonCreditIssuanceHandler.sol.
abstract contract CarbonCreditHandler is CommonBase, StdUtils {
    uint256 private constant HOLDERS = 5;
    uint256 private constant NONCES = 12;

    CarbonCredit public immutable TOKEN;
    address internal immutable ADMIN;

    mapping(address holder => uint256) public balanceModel;
    mapping(address holder => mapping(bytes32 nonce => uint256)) public effects;
    uint256 public executedItems;
    uint256 public skippedItems;
    uint256 public cancellations;

    constructor(CarbonCredit token, address admin) {
        TOKEN = token;
        ADMIN = admin;
    }

    function holders() public pure returns (address[] memory all) {
        all = new address[](HOLDERS);
        for (uint256 i = 0; i < HOLDERS; ++i) {
            all[i] = vm.addr(_key(i));
        }
    }

    function nonces() public pure returns (bytes32[] memory all) {
        all = new bytes32[](NONCES);
        for (uint256 i = 0; i < NONCES; ++i) {
            all[i] = _nonce(i);
        }
    }

    function transfer(uint256 from, uint256 to, uint256 value) external {
        address sender = vm.addr(_key(from));
        value = bound(value, 0, balanceModel[sender]);
        vm.prank(sender);
        TOKEN.transfer(vm.addr(_key(to)), value);
        _move(sender, vm.addr(_key(to)), value);
    }

    function transferWithAuthorization(uint256 seed) external {
        ITransferAuthorizations.TransferAuthorization memory item = _item(seed);
        try TOKEN.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        ) {
            _tookEffect(item);
        } catch {
            ++skippedItems;
        }
    }

    function transferWithAuthorizationBatch(uint256 seed, uint256 size) external {
        if (TOKEN.paused()) return;
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](bound(size, 1, 12));
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = _item(uint256(keccak256(abi.encode(seed, i))));
        }
        uint256 executed = TOKEN.transferWithAuthorizationBatch(items);
        for (uint256 i = 0; i < items.length; ++i) {
            if (executed >> i & 1 == 1) _tookEffect(items[i]);
            else ++skippedItems;
        }
    }

    function cancelAuthorization(uint256 holder, uint256 nonce) external {
        address authorizer = vm.addr(_key(holder));
        bytes32 structHash = keccak256(abi.encode(TOKEN.CANCEL_AUTHORIZATION_TYPEHASH(), authorizer, _nonce(nonce)));
        try TOKEN.cancelAuthorization(authorizer, _nonce(nonce), _sign(holder, structHash)) {
            ++effects[authorizer][_nonce(nonce)];
            ++cancellations;
        } catch {}
    }

    /// @dev Paused a fifth of the time.
    function pause(uint256 seed) external {
        bool wanted = seed % 5 == 0;
        if (wanted == TOKEN.paused()) return;
        vm.prank(ADMIN);
        if (wanted) TOKEN.pause();
        else TOKEN.unpause();
    }

    /// @dev An item that is mostly good and sometimes stale, overdrawn, to nobody or signed by another.
    function _item(uint256 seed) private view returns (ITransferAuthorizations.TransferAuthorization memory item) {
        item.from = vm.addr(_key(seed));
        item.to = seed >> 16 & 15 == 0 ? address(0) : vm.addr(_key(seed >> 24));
        item.value = (seed >> 32) % (balanceModel[item.from] + balanceModel[item.from] / 4 + 2);
        item.validAfter = block.timestamp - (seed >> 160 & 15 == 0 ? 0 : 1);
        item.validBefore = block.timestamp + (seed >> 168 & 15 == 0 ? 0 : 1);
        item.nonce = _nonce(seed >> 176);
        bytes32 structHash = keccak256(
            abi.encode(
                TOKEN.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(),
                item.from,
                item.to,
                item.value,
                item.validAfter,
                item.validBefore,
                item.nonce
            )
        );
        item.signature = _sign(seed >> 184 & 15 == 0 ? seed + 1 : seed, structHash);
    }

    function _tookEffect(ITransferAuthorizations.TransferAuthorization memory item) private {
        ++effects[item.from][item.nonce];
        ++executedItems;
        _move(item.from, item.to, item.value);
    }

    function _move(address from, address to, uint256 value) private {
        balanceModel[from] -= value;
        balanceModel[to] += value;
    }

    function _sign(uint256 holder, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(_key(holder), keccak256(abi.encodePacked(hex"1901", TOKEN.DOMAIN_SEPARATOR(), structHash)));
        return abi.encodePacked(r, s, v);
    }

    function _key(uint256 holder) internal pure returns (uint256) {
        return 0xa11ce + holder % HOLDERS;
    }

    /// @dev Half of them share a word.
    function _nonce(uint256 index) internal pure returns (bytes32) {
        index %= NONCES;
        return index % 2 == 0 ? bytes32(index) : keccak256(abi.encode(index));
    }
}
