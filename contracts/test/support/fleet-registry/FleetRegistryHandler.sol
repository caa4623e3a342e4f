// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {FleetRegistry} from "../../../src/FleetRegistry.sol";
import {IBatteryRecords} from "../../../src/interfaces/IBatteryRecords.sol";
import {IFleetRegistry} from "../../../src/interfaces/IFleetRegistry.sol";
import {FleetRegistryTest} from "./FleetRegistryTest.sol";
import {MerkleTree} from "../MerkleTree.sol";

/// @notice Registers, materialises and anchors at random, rightly and wrongly, with a model beside it: which passports
/// of which fleet are records, and each fleet's chain of batches. Two registrants and few small fleets, so that
/// repetitions and mix-ups are the rule.
contract FleetRegistryHandler is FleetRegistryTest {
    struct Fleet {
        uint256 registrant;
        uint256 list;
        uint256 count;
        bytes32 root;
        uint256 sequence;
        bytes32 chain;
        uint256 materialised;
    }

    uint256 private constant MAX_FLEETS = 3;
    uint256 private constant FAULTS = 8;

    Fleet[] private _fleets;
    mapping(uint256 fleet => mapping(uint256 index => uint256)) public records;
    uint256 public nonces;
    uint256 public wrongAnswers;
    uint256 public signedRoots;
    uint256 public signedBatches;
    uint256 public updates;

    /// @dev How often each answer was given: the selector of an error, zero when it was done.
    mapping(bytes4 answer => uint256) public materialisations;
    mapping(bytes4 answer => uint256) public anchorings;

    constructor(FleetRegistry registry_) {
        registry = registry_;
    }

    function fleets() external view returns (Fleet[] memory) {
        return _fleets;
    }

    function registrant(uint256 index) public pure returns (address) {
        return vm.addr(_key(index));
    }

    function keyOf(uint256 fleet, uint256 index) public view returns (bytes32) {
        Fleet storage chosen = _fleets[fleet];
        return _leanKey(registrant(chosen.registrant), _saltedId(chosen.list, index));
    }

    /// @dev Called or signed. Each list is another one, so no root comes twice.
    function registerRoot(uint256 seed, uint256 count, bool signed) external {
        if (_fleets.length == MAX_FLEETS) return;
        uint256 who = seed % 2;
        count = bound(count, 1, 8);
        bytes32 root = MerkleTree.root(_passports(registrant(who), _fleets.length, count));
        if (signed) {
            Root memory item = _rootOf(registrant(who), root, bytes32(nonces++));
            item.count = count;
            _execute(_signed(item, _key(who)));
            ++signedRoots;
        } else {
            vm.prank(registrant(who));
            registry.registerRoot(root, count, CID);
        }
        _fleets.push(Fleet(who, _fleets.length, count, root, 0, _genesis(registrant(who), root), 0));
    }

    /// @dev Every other time with one of the faults that must not go through.
    function materialise(uint256 seed) external {
        if (_fleets.length == 0) return;
        uint256 number = seed % _fleets.length;
        Fleet storage fleet = _fleets[number];
        uint256 index = (seed >> 8) % fleet.count;
        uint256 fault = (seed >> 16) % FAULTS;
        bytes4 answer = _tryMaterialise(fleet, index, fault);
        bytes4 expected = _expected(number, index, fault);
        if (answer != expected) ++wrongAnswers;
        ++materialisations[answer];
        if (answer != 0) return;
        ++records[number][index];
        ++fleet.materialised;
    }

    /// @dev By its registrant for this or a wrong place, or by the other one, who has no such fleet.
    function anchorBatch(uint256 seed, uint256 count, bool signed) external {
        if (_fleets.length == 0) return;
        Fleet storage fleet = _fleets[seed % _fleets.length];
        bool isOwn = seed >> 8 & 3 != 0;
        address actor = registrant(isOwn ? fleet.registrant : fleet.registrant + 1);
        Batch memory item = _batchOf(actor, fleet.root, bytes32(nonces++));
        item.batchRoot = keccak256(abi.encode("batch", seed));
        item.count = bound(count, 1, MAX_COUNT);
        // Zero: whichever is next.
        item.sequence = signed && seed >> 16 & 1 == 1 ? fleet.sequence + (seed >> 17 & 3) : 0;
        bool isNext = item.sequence == 0 || item.sequence == fleet.sequence + 1;

        bytes4 answer = signed
            ? _trySigned(_signed(item, _key(isOwn ? fleet.registrant : fleet.registrant + 1)))
            : _tryCalled(item);
        bytes4 expected = !isOwn
            ? IFleetRegistry.UnknownFleet.selector
            : isNext ? bytes4(0) : IFleetRegistry.BatchSequenceMismatch.selector;
        if (answer != expected) ++wrongAnswers;
        ++anchorings[answer];
        if (answer != 0) return;
        if (signed) ++signedBatches;
        ++fleet.sequence;
        fleet.chain = _link(fleet.chain, fleet.sequence, item.batchRoot, item.count, item.cidDigest);
    }

    /// @dev What becomes of a record later does not let it be materialised again.
    function update(uint256 seed) external {
        if (_fleets.length == 0) return;
        uint256 number = seed % _fleets.length;
        uint256 index = (seed >> 8) % _fleets[number].count;
        if (records[number][index] == 0) return;
        vm.prank(registrant(_fleets[number].registrant));
        registry.update(keyOf(number, index), keccak256(abi.encode("data", seed)));
        ++updates;
    }

    /// @dev Faults 4 and above are none.
    function _tryMaterialise(Fleet storage fleet, uint256 index, uint256 fault) private returns (bytes4) {
        address of_ = registrant(fault == 0 ? fleet.registrant + 1 : fleet.registrant);
        bytes32[] memory entries = _passports(registrant(fleet.registrant), fleet.list, fleet.count);
        bytes32[] memory proof = MerkleTree.proof(entries, index);
        bytes32 dataHash = _dataHash(fleet.list, fault == 1 ? index + 1 : index);
        uint256 at = fault == 2 ? fleet.count + index : index;
        if (fault == 3) (at, proof) = (0, new bytes32[](proof.length + 1));
        bytes memory call =
            abi.encodeCall(registry.materialise, (of_, fleet.root, at, _saltedId(fleet.list, index), dataHash, proof));
        (bool success, bytes memory answer) = address(registry).call(call);
        return success ? bytes4(0) : bytes4(answer);
    }

    function _expected(uint256 fleet, uint256 index, uint256 fault) private view returns (bytes4) {
        if (fault == 0) return IFleetRegistry.UnknownFleet.selector;
        if (fault == 1 || fault == 3) return IFleetRegistry.InvalidProof.selector;
        if (fault == 2) return IFleetRegistry.IndexOutOfBounds.selector;
        return records[fleet][index] == 0 ? bytes4(0) : IBatteryRecords.RecordAlreadyRegistered.selector;
    }

    function _trySigned(Batch memory item) private returns (bytes4) {
        try registry.anchorBatchWithAuthorization(
            item.registrant,
            item.fleetRoot,
            item.sequence,
            item.batchRoot,
            item.count,
            item.cidDigest,
            item.validAfter,
            item.validBefore,
            item.nonce,
            item.signature
        ) {
            return 0;
        } catch (bytes memory revertData) {
            return bytes4(revertData);
        }
    }

    function _tryCalled(Batch memory item) private returns (bytes4) {
        vm.prank(item.registrant);
        try registry.anchorBatch(item.fleetRoot, item.batchRoot, item.count, item.cidDigest) {
            return 0;
        } catch (bytes memory revertData) {
            return bytes4(revertData);
        }
    }

    function _key(uint256 index) private pure returns (uint256) {
        return 0xf1ee7 + index % 2;
    }
}
