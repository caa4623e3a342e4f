// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBatteryOwnership} from "../../interfaces/IBatteryOwnership.sol";
import {IBatterySupplyChain} from "../../interfaces/IBatterySupplyChain.sol";
import {Authorizations} from "../Authorizations.sol";
import {BatteryHead, Head} from "./BatteryHead.sol";
import {BatteryRoles} from "./BatteryRoles.sol";

/// @title Heads of battery records, and who may act on them
/// @notice See {IBatteryOwnership}. Each action is one internal function with the actor as parameter, which both of its
/// forms call, and an inheriting contract's own forms too.
///
/// No call leaves these contracts but the static ERC-1271 question of {Authorizations}, asked before any state of a
/// record is read; so nothing can be re-entered with effect, and nothing read is stale.
abstract contract BatteryOwnership is IBatteryOwnership, Authorizations, BatteryRoles {
    /// @dev The two words of a record. Those of the string ABI leave the chain empty.
    struct Entry {
        Head head;
        bytes32 chain;
    }

    /// @dev What an updater may do, until when, and in which tenure.
    struct Delegation {
        uint16 scope;
        uint48 expiry;
        uint16 tenure;
    }

    /// @inheritdoc IBatteryOwnership
    bytes32 public constant OFFER_AUTHORIZATION_TYPEHASH = keccak256(
        "OfferAuthorization(address owner,bytes32 key,uint256 tenure,address to,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatteryOwnership
    bytes32 public constant ACCEPT_AUTHORIZATION_TYPEHASH = keccak256(
        "AcceptAuthorization(address newOwner,bytes32 key,uint256 tenure,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IBatteryOwnership
    bytes32 public constant DELEGATE_AUTHORIZATION_TYPEHASH = keccak256(
        "DelegateAuthorization(address owner,bytes32 key,uint256 tenure,address updater,uint256 scope,uint256 expiry,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @dev Bits 1 to 11 of a scope are the event kinds.
    uint256 internal constant SCOPE_UPDATE = 1 << 0;
    uint256 internal constant SCOPE_STATUS = 1 << 12;

    /// @dev Ownership and second life are the owner's own.
    uint256 private constant SCOPES = 0x1fff & ~(1 << uint256(IBatterySupplyChain.EventKind.OwnershipTransfer))
        & ~(1 << uint256(IBatterySupplyChain.EventKind.SecondLifeConversion));

    mapping(bytes32 key => Entry) internal _entries;

    /// @dev A hash, so that all terms fit one word; the tenure in it makes an offer lapse with its owner.
    mapping(bytes32 key => bytes32 offerHash) private _offers;

    mapping(bytes32 key => mapping(address updater => Delegation)) private _delegations;

    /// @inheritdoc IBatteryOwnership
    function offerOf(bytes32 key) external view returns (bytes32) {
        return _offers[key];
    }

    /// @inheritdoc IBatteryOwnership
    function mayAct(bytes32 key, address account, uint256 scope) external view returns (bool) {
        return _mayAct(_entries[key].head, key, account, scope);
    }

    /// @inheritdoc IBatteryOwnership
    function offer(bytes32 key, address to, uint256 expiry, bytes32 documents) external {
        _offer(_msgSender(), key, to, expiry, documents);
    }

    /// @inheritdoc IBatteryOwnership
    function offerWithAuthorization(
        address owner,
        bytes32 key,
        uint256 tenure,
        address to,
        uint256 expiry,
        bytes32 documents,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(_hashOfArguments(OFFER_AUTHORIZATION_TYPEHASH, 9), owner, validAfter, validBefore, nonce, signature);
        _requireTenure(key, tenure);
        _offer(owner, key, to, expiry, documents);
    }

    /// @inheritdoc IBatteryOwnership
    function accept(bytes32 key, uint256 expiry, bytes32 documents) external {
        _requireNotNamed(key, _entries[key].head);
        _accept(_msgSender(), key, expiry, documents);
    }

    /// @inheritdoc IBatteryOwnership
    function acceptWithAuthorization(
        address newOwner,
        bytes32 key,
        uint256 tenure,
        uint256 expiry,
        bytes32 documents,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfArguments(ACCEPT_AUTHORIZATION_TYPEHASH, 8), newOwner, validAfter, validBefore, nonce, signature
        );
        _requireNotNamed(key, _entries[key].head);
        _requireTenure(key, tenure);
        _accept(newOwner, key, expiry, documents);
    }

    /// @inheritdoc IBatteryOwnership
    function delegate(bytes32 key, address updater, uint256 scope, uint256 expiry) external {
        _delegate(_msgSender(), key, updater, scope, expiry);
    }

    /// @inheritdoc IBatteryOwnership
    function delegateWithAuthorization(
        address owner,
        bytes32 key,
        uint256 tenure,
        address updater,
        uint256 scope,
        uint256 expiry,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _useSigned(
            _hashOfArguments(DELEGATE_AUTHORIZATION_TYPEHASH, 9), owner, validAfter, validBefore, nonce, signature
        );
        _requireTenure(key, tenure);
        _delegate(owner, key, updater, scope, expiry);
    }

    function _offer(address actor, bytes32 key, address to, uint256 expiry, bytes32 documents) internal {
        Head head = _liveHead(key);
        _requireOwner(key, head, actor);
        if (to == address(0)) {
            delete _offers[key];
        } else {
            if (documents == 0) revert ZeroHash();
            _requireFuture(expiry);
            _offers[key] = _offerHash(to, expiry, documents, head);
        }
        emit OwnershipOffered(key, actor, to, expiry, documents);
    }

    /// @return from who owned it before
    function _accept(address actor, bytes32 key, uint256 expiry, bytes32 documents) internal returns (address from) {
        Head head = _liveHead(key);
        if (_offers[key] != _offerHash(actor, expiry, documents, head)) {
            revert NoSuchOffer(key, actor, expiry, documents);
        }
        if (block.timestamp >= expiry) revert OfferExpired(key, expiry);

        from = head.owner();
        delete _offers[key];
        _hand(_entries[key], key, head, actor);
        emit OwnershipTransfer(key, from, actor, documents);
    }

    function _delegate(address actor, bytes32 key, address updater, uint256 scope, uint256 expiry) internal {
        Head head = _liveHead(key);
        _requireOwner(key, head, actor);
        if (updater == address(0)) revert ZeroAddress();
        if (scope & ~SCOPES != 0) revert InvalidScope(scope);

        if (scope == 0) {
            delete _delegations[key][updater];
        } else {
            _requireFuture(expiry);
            // Cut to sizes that the checks above and the head guarantee.
            // forge-lint: disable-next-line(unsafe-typecast)
            _delegations[key][updater] = Delegation(uint16(scope), uint48(expiry), uint16(head.tenure()));
        }
        emit UpdaterDelegated(key, actor, updater, scope, expiry);
    }

    /// @dev The next tenure begins: offers and delegations of this one are void.
    function _hand(Entry storage entry, bytes32 key, Head head, address newOwner) internal {
        if (head.tenure() == BatteryHead.MAX_TENURE) revert TenureExhausted(key);
        entry.head = head.handedTo(newOwner, block.timestamp);
    }

    /// @dev The head of a record that can still change.
    function _liveHead(bytes32 key) internal view returns (Head head) {
        head = _entries[key].head;
        if (!head.exists()) revert UnknownRecord(key);
        if (head.isRecycled()) revert RecordRecycled(key);
    }

    /// @dev The same, and it is none of the string ABI, whose life is not recorded here: its id stands in clear.
    function _leanHead(bytes32 key) internal view returns (Head head) {
        head = _liveHead(key);
        _requireNotNamed(key, head);
    }

    /// @dev The same, and `account` may do what `scope` says.
    function _leanHeadFor(bytes32 key, address account, uint256 scope) internal view returns (Head head) {
        head = _leanHead(key);
        if (!_mayAct(head, key, account, scope)) revert NotAuthorizedFor(key, account, scope);
    }

    function _requireOwner(bytes32 key, Head head, address account) internal pure {
        if (head.owner() != account) revert NotOwner(key, account);
    }

    /// @dev What was signed in one tenure is void in every other.
    function _requireTenure(bytes32 key, uint256 tenure) internal view {
        uint256 current = _entries[key].head.tenure();
        if (tenure != current) revert TenureMismatch(key, current, tenure);
    }

    /// @dev Nobody owns an unknown record, and the zero address, which nobody acts as, is never delegated to.
    function _mayAct(Head head, bytes32 key, address account, uint256 scope) internal view returns (bool) {
        if (!head.exists()) return false;
        if (head.owner() == account) return true;
        Delegation storage delegation = _delegations[key][account];
        return scope != 0 && delegation.scope & scope == scope && block.timestamp < delegation.expiry
            && delegation.tenure == head.tenure();
    }

    /// @dev {_useAuthorization} with the hash of the message's struct. All forms share this one piece of code, because it
    /// is never called with a constant, for which the compiler would make a copy.
    function _useSigned(
        bytes32 structHash,
        address signer,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) internal {
        _useAuthorization(signer, validAfter, validBefore, nonce, _hashTypedDataV4(structHash), signature);
    }

    /// @dev hashStruct of the message that this call's arguments are: they begin with its members in order, one word
    /// each, as hashStruct wants them. Decoding has checked them before.
    /// @param members how many there are
    function _hashOfArguments(bytes32 typeHash, uint256 members) internal pure returns (bytes32 structHash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := mul(members, 0x20)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), 4, size)
            structHash := keccak256(free, add(size, 0x20))
        }
    }

    function _requireNotNamed(bytes32 key, Head head) private pure {
        if (head.isNamed()) revert NamedRecord(key);
    }

    function _requireFuture(uint256 expiry) private view {
        if (expiry <= block.timestamp || expiry > type(uint48).max) revert InvalidExpiry(expiry);
    }

    function _offerHash(address to, uint256 expiry, bytes32 documents, Head head) private pure returns (bytes32) {
        return keccak256(abi.encode(to, expiry, documents, head.tenure()));
    }
}
