// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {BatteryPassport} from "../../../src/BatteryPassport.sol";
import {IBatteryRecords} from "../../../src/interfaces/IBatteryRecords.sol";
import {IBatterySupplyChain} from "../../../src/interfaces/IBatterySupplyChain.sol";

/// @notice Drives a BatteryPassport at random for the invariants and keeps a model beside it that shares no line with
/// it. Before each call the model says whether it will succeed; a call that does otherwise reverts the handler. Four
/// people, three string records and three lean ones only, so that they meet often.
contract BatteryPassportHandler is CommonBase, StdUtils {
    /// @dev Statuses that may follow each, a bit for each: S-05 as numbers.
    uint16[9] private _followers = [0, 0x9c, 0xb8, 0xb4, 0xec, 0xdc, 0x1c0, 0x140, 0];

    bytes32 private constant TRANSFER_OWNERSHIP_TYPEHASH = keccak256(
        "TransferOwnershipAuthorization(address owner,string batteryId,uint256 tenure,address newOwner,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant UPDATE_TYPEHASH = keccak256(
        "UpdateAuthorization(address updater,bytes32 key,uint256 sequence,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CHANGE_STATUS_TYPEHASH = keccak256(
        "ChangeStatusAuthorization(address actor,bytes32 key,uint8 from,uint8 status,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    uint256 private constant BEFORE = type(uint256).max;

    uint256 private constant PEOPLE = 4;
    uint256 public constant RECORDS = 6;
    uint256 private constant NAMED = 3;

    struct Model {
        address owner;
        uint256 tenure;
        uint256 status;
        bytes32[] hashes;
        address offeredTo;
        uint256 offerExpiry;
        uint256 offerTenure;
    }

    struct DelegationModel {
        uint256 scope;
        uint256 expiry;
        uint256 tenure;
    }

    BatteryPassport public immutable PASSPORT;

    Model[RECORDS] private _models;
    mapping(uint256 record => mapping(address updater => DelegationModel)) private _delegations;
    mapping(uint256 record => uint256 person) private _latestUpdaters;
    mapping(uint256 record => address) public registrants;
    uint256 private _nonces;

    /// @dev How often each action got each answer: the selector of an error, zero when it was done.
    mapping(bytes4 action => mapping(bytes4 answer => uint256)) public answers;

    /// @dev How often an updater acted by this bit of its scope.
    mapping(uint256 bit => uint256) public delegatedActions;

    uint256 public expiredDelegations;
    uint256 public lapsedDelegations;
    uint256 public lapsedOffers;

    constructor(BatteryPassport passport) {
        PASSPORT = passport;
        for (uint256 i = 0; i < RECORDS; ++i) {
            _register(i, _person(i));
        }
    }

    function modelOf(uint256 record) external view returns (Model memory) {
        return _models[record];
    }

    function id(uint256 record) public pure returns (string memory) {
        return string.concat("BAT-", vm.toString(record));
    }

    function isNamed(uint256 record) public pure returns (bool) {
        return record < NAMED;
    }

    function keyOf(uint256 record) public view returns (bytes32) {
        if (isNamed(record)) {
            return keccak256(abi.encode(keccak256("wia.battery.named"), keccak256(bytes(id(record)))));
        }
        return keccak256(abi.encode(keccak256("wia.battery.lean"), registrants[record], bytes32(record)));
    }

    function registerAgain(uint256 person, uint256 record) external {
        record %= NAMED;
        vm.prank(_person(person));
        vm.expectRevert("Battery already registered");
        PASSPORT.registerBattery(id(record), keccak256("again"));
    }

    function update(uint256 person, uint256 record, bytes32 dataHash) external {
        record %= RECORDS;
        dataHash = _sometimesZero(dataHash);
        address actor = _person(_actor(person, record));
        bool expected = _alive(record) && dataHash != 0 && _mayAct(record, actor, 0);
        bytes memory call_ = isNamed(record)
            ? abi.encodeCall(PASSPORT.updateData, (id(record), dataHash))
            : abi.encodeCall(PASSPORT.update, (keyOf(record), dataHash));
        if (_as(actor, call_, expected)) _models[record].hashes.push(dataHash);
    }

    function transferOwnership(uint256 person, uint256 record, uint256 to) external {
        record %= NAMED;
        address actor = _person(_actor(person, record));
        bool expected = _alive(record) && _models[record].owner == actor;
        if (_as(actor, abi.encodeCall(PASSPORT.transferOwnership, (id(record), _person(to))), expected)) {
            _hand(record, _person(to));
        }
    }

    /// @dev Signed by one person and submitted by another, half the time for the tenure that it is.
    function transferOwnershipSigned(uint256 person, uint256 record, uint256 to, uint256 submitter) external {
        record %= NAMED;
        address actor = _person(person);
        uint256 tenure = _models[record].tenure + (submitter >> 8 & 1);
        bool expected = _models[record].owner == actor && tenure == _models[record].tenure;
        bytes32 nonce = bytes32(++_nonces);
        bytes memory signature = _sign(
            person, abi.encode(TRANSFER_OWNERSHIP_TYPEHASH, actor, keccak256(bytes(id(record))), tenure, _person(to))
        );
        bytes memory call_ = abi.encodeCall(
            PASSPORT.transferOwnershipWithAuthorization,
            (actor, id(record), tenure, _person(to), 0, BEFORE, nonce, signature)
        );
        if (_as(_person(submitter), call_, expected)) _hand(record, _person(to));
    }

    /// @dev For the next place, for the one after it, or for whichever comes.
    function updateSigned(uint256 person, uint256 record, bytes32 dataHash, uint256 submitter) external {
        record = bound(record, NAMED, RECORDS - 1);
        dataHash = _sometimesZero(dataHash);
        person = _actor(person, record);
        address actor = _person(person);
        uint256 next = _models[record].hashes.length + 1;
        uint256 sequence = [next, next + 1, 0][(submitter >> 8) % 3];
        bool expected = _alive(record) && dataHash != 0 && sequence != next + 1 && _mayAct(record, actor, 0);
        bytes32 nonce = bytes32(++_nonces);
        bytes memory signature = _sign(person, abi.encode(UPDATE_TYPEHASH, actor, keyOf(record), sequence, dataHash));
        bytes memory call_ = abi.encodeCall(
            PASSPORT.updateWithAuthorization, (actor, keyOf(record), sequence, dataHash, 0, BEFORE, nonce, signature)
        );
        if (_as(_person(submitter), call_, expected)) _models[record].hashes.push(dataHash);
    }

    /// @dev Now and then it expires at once, which no offer may.
    function offer(uint256 person, uint256 record, uint256 to, uint256 lifetime) external {
        record %= RECORDS;
        address actor = _person(_actor(person, record));
        Model storage model = _models[record];
        uint256 expiry = block.timestamp + (lifetime % 16 == 0 ? 0 : lifetime % 2000);
        bool expected = _alive(record) && model.owner == actor && expiry > block.timestamp;
        if (_as(actor, abi.encodeCall(PASSPORT.offer, (keyOf(record), _person(to), expiry, "documents")), expected)) {
            (model.offeredTo, model.offerExpiry, model.offerTenure) = (_person(to), expiry, model.tenure);
        }
    }

    /// @dev Half the time it is whom the offer was made to.
    function accept(uint256 person, uint256 record) external {
        record %= RECORDS;
        Model storage model = _models[record];
        address actor = person >> 8 & 1 == 0 || model.offeredTo == address(0) ? _person(person) : model.offeredTo;
        uint256 expiry = model.offerExpiry;
        bool expected = _alive(record) && model.offeredTo == actor && block.timestamp < expiry;
        if (expected && model.offerTenure != model.tenure) {
            ++lapsedOffers;
            expected = false;
        }
        bytes memory call_ = isNamed(record)
            ? abi.encodeCall(PASSPORT.acceptBattery, (id(record), expiry, "documents"))
            : abi.encodeCall(PASSPORT.accept, (keyOf(record), expiry, "documents"));
        if (_as(actor, call_, expected)) {
            _hand(record, actor);
            model.offeredTo = address(0);
        }
    }

    function delegate(uint256 person, uint256 record, uint256 to, uint256 scope, uint256 lifetime) external {
        record %= RECORDS;
        scope &= 0x1ef7;
        address actor = _person(_actor(person, record));
        uint256 expiry = block.timestamp + 1 + lifetime % 5000;
        bool expected = _alive(record) && _models[record].owner == actor;
        if (_as(actor, abi.encodeCall(PASSPORT.delegate, (keyOf(record), _person(to), scope, expiry)), expected)) {
            _delegations[record][_person(to)] = DelegationModel(scope, expiry, _models[record].tenure);
            _latestUpdaters[record] = to;
        }
    }

    function changeStatus(uint256 person, uint256 record, uint256 status) external {
        record %= RECORDS;
        status = bound(status, 2, 5);
        address actor = _person(_actor(person, record));
        Model storage model = _models[record];
        bool expected = _hasALife(record) && _followers[model.status] >> status & 1 == 1 && _mayAct(record, actor, 12);
        bytes memory call_ = abi.encodeCall(PASSPORT.changeStatus, (keyOf(record), IBatterySupplyChain.Status(status)));
        if (_as(actor, call_, expected)) model.status = status;
    }

    /// @dev From the status that it is, or from the one after it.
    function changeStatusSigned(uint256 person, uint256 record, uint256 status, uint256 submitter) external {
        record %= RECORDS;
        status = bound(status, 2, 5);
        person = _actor(person, record);
        address actor = _person(person);
        uint256 current = _models[record].status;
        uint256 from = (current + (submitter >> 8 & 1)) % 9;
        bool expected = _hasALife(record) && _followers[current] >> status & 1 == 1 && from == current
            && _mayAct(record, actor, 12);
        bytes32 nonce = bytes32(++_nonces);
        bytes memory signature = _sign(person, abi.encode(CHANGE_STATUS_TYPEHASH, actor, keyOf(record), from, status));
        bytes memory call_ = abi.encodeCall(
            PASSPORT.changeStatusWithAuthorization,
            (
                actor,
                keyOf(record),
                IBatterySupplyChain.Status(from),
                IBatterySupplyChain.Status(status),
                0,
                BEFORE,
                nonce,
                signature
            )
        );
        if (_as(_person(submitter), call_, expected)) _models[record].status = status;
    }

    /// @dev The new record is nobody's in the model: what counts is what becomes of the old one.
    function beginSecondLife(uint256 person, uint256 record) external {
        record %= RECORDS;
        address actor = _person(person);
        Model storage model = _models[record];
        bool expected = _hasALife(record) && model.owner == actor && _followers[model.status] >> 6 & 1 == 1;
        bytes32[] memory sources = new bytes32[](1);
        sources[0] = keyOf(record);
        bytes32 saltedId = keccak256(abi.encode(++_nonces));
        IBatteryRecords.Signed memory none;
        IBatteryRecords.SecondLife memory life =
            IBatteryRecords.SecondLife(actor, actor, saltedId, "data", sources, "application", "modifications");
        if (_as(actor, abi.encodeCall(PASSPORT.beginSecondLife, (life, none, none)), expected)) model.status = 6;
    }

    /// @dev Kinds 9 and 11, which lead to the end, are one in sixteen each.
    function recordEvent(uint256 person, uint256 record, uint256 seed) external {
        record %= RECORDS;
        uint256[16] memory kinds = [uint256(1), 2, 4, 5, 6, 7, 10, 1, 2, 4, 5, 6, 7, 10, 9, 11];
        uint256 kind = kinds[seed % 16];
        address actor = _person(_actor(person, record));
        Model storage model = _models[record];
        uint256 next = kind == 5 ? 4 : kind == 9 ? 7 : kind == 11 ? 8 : 0;
        bool expected = _hasALife(record) && (next == 0 || _followers[model.status] >> next & 1 == 1)
            && (kind != 1 || model.status == 1) && (kind != 10 || model.status == 6 || model.status == 7)
            && _mayAct(record, actor, kind);
        bytes memory call_ = abi.encodeCall(
            PASSPORT.recordEvent,
            (keyOf(record), IBatterySupplyChain.EventKind(kind), "first", kind == 7 ? bytes32(0) : bytes32("second"))
        );
        if (_as(actor, call_, expected) && next != 0) model.status = next;
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + time % 500);
    }

    function _register(uint256 record, address actor) private {
        registrants[record] = actor;
        vm.prank(actor);
        if (isNamed(record)) PASSPORT.registerBattery(id(record), keccak256("first"));
        else PASSPORT.register(bytes32(record), keccak256("first"));
        _models[record].owner = actor;
        _models[record].status = 1;
        _models[record].hashes.push(keccak256("first"));
    }

    function _as(address actor, bytes memory call_, bool expected) private returns (bool success) {
        vm.prank(actor);
        bytes memory answer;
        (success, answer) = address(PASSPORT).call(call_);
        require(success == expected, expected ? "refused what the model allows" : "allowed what the model refuses");
        ++answers[bytes4(call_)][success ? bytes4(0) : bytes4(answer)];
    }

    /// @dev A message without window and nonce, which are all time and the latest.
    function _sign(uint256 person, bytes memory message) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("WIA Battery Passport"),
                keccak256("1"),
                block.chainid,
                address(PASSPORT)
            )
        );
        bytes32 structHash = keccak256(bytes.concat(message, abi.encode(0, BEFORE, _nonces)));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(_key(person), keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function _hand(uint256 record, address to) private {
        _models[record].owner = to;
        ++_models[record].tenure;
    }

    function _alive(uint256 record) private view returns (bool) {
        return _models[record].status != 8;
    }

    /// @dev Status and events are none of a string record's.
    function _hasALife(uint256 record) private view returns (bool) {
        return !isNamed(record) && _alive(record);
    }

    /// @dev Asked last, so that what is counted here decides.
    function _mayAct(uint256 record, address actor, uint256 bit) private returns (bool) {
        if (_models[record].owner == actor) return true;
        DelegationModel memory delegation = _delegations[record][actor];
        if (delegation.scope >> bit & 1 == 0) return false;
        bool isCurrent = delegation.tenure == _models[record].tenure;
        bool inTime = block.timestamp < delegation.expiry;
        if (isCurrent && inTime) ++delegatedActions[bit];
        else if (isCurrent) ++expiredDelegations;
        else if (inTime) ++lapsedDelegations;
        return isCurrent && inTime;
    }

    /// @dev A quarter of the time the owner, a quarter of the time who was delegated to last, else anyone.
    function _actor(uint256 seed, uint256 record) private view returns (uint256 person) {
        uint256 who = seed >> 8 & 3;
        if (who > 1) return seed;
        if (who == 1) return _latestUpdaters[record];
        while (_person(person) != _models[record].owner) ++person;
    }

    /// @dev One in eight is zero, which is no data.
    function _sometimesZero(bytes32 dataHash) private pure returns (bytes32) {
        return uint256(dataHash) % 8 == 0 ? bytes32(0) : dataHash;
    }

    function _person(uint256 seed) private pure returns (address) {
        return vm.addr(_key(seed));
    }

    function _key(uint256 seed) private pure returns (uint256) {
        return 0xa11ce + seed % PEOPLE;
    }
}
