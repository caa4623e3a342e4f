// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {CarbonCredit} from "../../../src/CarbonCredit.sol";
import {ITransferAuthorizations} from "../../../src/interfaces/ITransferAuthorizations.sol";

/// @notice Drives a CarbonCredit at random for the invariants and keeps a model beside it: balances, allowances, and how
/// often each nonce took effect. Before every call the model says whether it may succeed; that it does, or does not, is
/// compared in both directions. Five holders and a few nonces only, so that collisions are the rule. What makes and
/// burns tokens stands in CarbonCreditIssuanceHandler.sol.
abstract contract CarbonCreditHandler is CommonBase, StdUtils {
    /// @dev An authorization, and what is wrong with it beyond what its members say.
    struct Case {
        ITransferAuthorizations.TransferAuthorization item;
        bool forged;
    }

    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    uint256 private constant HOLDERS = 5;
    uint256 private constant NONCES = 12;

    CarbonCredit public immutable TOKEN;
    address internal immutable ADMIN;

    mapping(address holder => uint256) public balanceModel;
    mapping(address holder => mapping(address spender => uint256)) public allowanceModel;
    mapping(address holder => mapping(bytes32 nonce => uint256)) public effects;
    uint256 public executedItems;
    uint256 public skippedItems;
    uint256 public refusedItems;
    uint256 public receipts;
    uint256 public cancellations;
    uint256 public refusedCancellations;
    uint256 public permits;
    uint256 public refusedPermits;
    uint256 public spendings;
    uint256 public refusedSpendings;

    /// @dev Calls that succeeded although the model forbids them, or failed although it does not.
    uint256 public wrong;

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

    function transferFrom(uint256 from, uint256 by, uint256 value) external {
        (address owner, address spender) = (vm.addr(_key(from)), vm.addr(_key(by)));
        uint256 allowed = allowanceModel[owner][spender];
        value = bound(value, 0, allowed + allowed / 4 + 1);
        bool good = value <= allowed && value <= balanceModel[owner];
        vm.prank(spender);
        try TOKEN.transferFrom(owner, spender, value) {
            _expect(good);
            ++spendings;
            allowanceModel[owner][spender] -= value;
            _move(owner, spender, value);
        } catch {
            _expect(!good);
            ++refusedSpendings;
        }
    }

    /// @dev Now and then too late, with another nonce, or signed by another. A pause does not stop it.
    function permit(uint256 from, uint256 by, uint256 value, uint256 seed) external {
        (address owner, address spender) = (vm.addr(_key(from)), vm.addr(_key(by)));
        value = bound(value, 0, balanceModel[owner] + 1);
        uint256 deadline = block.timestamp - (seed % 8 == 0 ? 1 : 0);
        bytes32 structHash = keccak256(
            abi.encode(PERMIT_TYPEHASH, owner, spender, value, TOKEN.nonces(owner) + (seed % 8 == 1 ? 1 : 0), deadline)
        );
        bytes memory call = abi.encodePacked(
            abi.encodeWithSelector(TOKEN.permit.selector, owner, spender, value, deadline),
            _signInWords(seed % 8 == 2 ? from % HOLDERS + 1 : from, structHash)
        );
        (bool done,) = address(TOKEN).call(call);
        _expect(done == (seed % 8 > 2));
        if (!done) {
            ++refusedPermits;
            return;
        }
        ++permits;
        allowanceModel[owner][spender] = value;
    }

    function transferWithAuthorization(uint256 seed) external {
        Case memory made = _case(TOKEN.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), seed);
        ITransferAuthorizations.TransferAuthorization memory item = made.item;
        bool good = !TOKEN.paused() && _isGood(made);
        try TOKEN.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        ) {
            _expect(good);
            _tookEffect(item);
        } catch {
            _expect(!good);
            ++refusedItems;
        }
    }

    /// @dev Now and then not called by the payee, or with a signature for the other kind of transfer.
    function receiveWithAuthorization(uint256 seed, uint256 slip) external {
        bool otherKind = slip % 8 == 0;
        Case memory made = _case(
            otherKind ? TOKEN.TRANSFER_WITH_AUTHORIZATION_TYPEHASH() : TOKEN.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), seed
        );
        ITransferAuthorizations.TransferAuthorization memory item = made.item;
        bool good = !TOKEN.paused() && _isGood(made) && !otherKind && slip % 8 != 1;
        vm.prank(slip % 8 == 1 ? address(this) : item.to);
        try TOKEN.receiveWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        ) {
            _expect(good);
            ++receipts;
            _tookEffect(item);
        } catch {
            _expect(!good);
            ++refusedItems;
        }
    }

    /// @dev Items are judged one after the other, by what those before them left.
    function transferWithAuthorizationBatch(uint256 seed, uint256 size) external {
        Case[] memory made = new Case[](bound(size, 1, 12));
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](made.length);
        for (uint256 i = 0; i < items.length; ++i) {
            made[i] = _case(TOKEN.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), uint256(keccak256(abi.encode(seed, i))));
            items[i] = made[i].item;
        }
        try TOKEN.transferWithAuthorizationBatch(items) returns (uint256 executed) {
            _expect(!TOKEN.paused() && executed >> items.length == 0);
            for (uint256 i = 0; i < items.length; ++i) {
                bool done = executed >> i & 1 == 1;
                _expect(done == _isGood(made[i]));
                if (done) _tookEffect(items[i]);
                else ++skippedItems;
            }
        } catch {
            _expect(TOKEN.paused());
        }
    }

    /// @dev Now and then signed by another. A pause does not stop it.
    function cancelAuthorization(uint256 holder, uint256 nonce, uint256 seed) external {
        address authorizer = vm.addr(_key(holder));
        bool forged = seed % 4 == 0;
        bool good = !forged && effects[authorizer][_nonce(nonce)] == 0;
        bytes32 structHash = keccak256(abi.encode(TOKEN.CANCEL_AUTHORIZATION_TYPEHASH(), authorizer, _nonce(nonce)));
        bytes memory signature = _sign(forged ? holder % HOLDERS + 1 : holder, structHash);
        try TOKEN.cancelAuthorization(authorizer, _nonce(nonce), signature) {
            _expect(good);
            ++effects[authorizer][_nonce(nonce)];
            ++cancellations;
        } catch {
            _expect(!good);
            ++refusedCancellations;
        }
    }

    function passTime(uint256 secondsPassed) external {
        vm.warp(block.timestamp + secondsPassed % 1_000);
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
    function _case(bytes32 typeHash, uint256 seed) private view returns (Case memory made) {
        ITransferAuthorizations.TransferAuthorization memory item = made.item;
        item.from = vm.addr(_key(seed));
        item.to = seed >> 16 & 15 == 0 ? address(0) : vm.addr(_key(seed >> 24));
        item.value = (seed >> 32) % (balanceModel[item.from] + balanceModel[item.from] / 4 + 2);
        item.validAfter = block.timestamp - (seed >> 160 & 15 == 0 ? 0 : 1);
        item.validBefore = block.timestamp + (seed >> 168 & 15 == 0 ? 0 : 1);
        item.nonce = _nonce(seed >> 176);
        bytes32 structHash = keccak256(
            abi.encode(typeHash, item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce)
        );
        made.forged = seed >> 184 & 15 == 0;
        item.signature = _sign(made.forged ? seed % HOLDERS + 1 : seed, structHash);
    }

    /// @dev Whether an item may take effect now, pauses aside, as one would say it on paper.
    function _isGood(Case memory made) private view returns (bool) {
        ITransferAuthorizations.TransferAuthorization memory item = made.item;
        bool inTime = item.validAfter < block.timestamp && block.timestamp < item.validBefore;
        bool unused = effects[item.from][item.nonce] == 0;
        return inTime && unused && !made.forged && item.to != address(0) && item.value <= balanceModel[item.from];
    }

    function _expect(bool right) internal {
        if (!right) ++wrong;
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
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(holder), _digest(structHash));
        return abi.encodePacked(r, s, v);
    }

    /// @dev v, r and s as three arguments.
    function _signInWords(uint256 holder, bytes32 structHash) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(holder), _digest(structHash));
        return abi.encode(v, r, s);
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", TOKEN.DOMAIN_SEPARATOR(), structHash));
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
