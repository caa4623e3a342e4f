// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BatteryPassport} from "../../../src/BatteryPassport.sol";
import {IBatterySupplyChain} from "../../../src/interfaces/IBatterySupplyChain.sol";
import {Artifacts} from "../Artifacts.sol";
import {SigningTest} from "../SigningTest.sol";

/// @notice A deployed BatteryPassport, alice with a string record and a lean one, and what signs for her. Keys, type
/// strings and domain stand in the tests as literals, so that a slip in the contract cannot repeat itself there.
abstract contract BatteryPassportTest is SigningTest {
    string internal constant ID = "BAT-2025-LI-001234";
    bytes32 internal constant FIRST = keccak256("first data");
    bytes32 internal constant SECOND = keccak256("second data");
    bytes32 internal constant THIRD = keccak256("third data");
    bytes32 internal constant DOCUMENTS = keccak256("salted documents");
    bytes32 internal constant SALTED_ID = keccak256("salt and serial");
    uint256 internal constant AFTER = NOW - 1;
    uint256 internal constant BEFORE = NOW + 1 hours;
    uint256 internal constant EXPIRY = NOW + 1 days;
    bytes32 internal constant NONCE = keccak256("a nonce");

    uint256 internal constant SCOPE_UPDATE = 1;
    uint256 internal constant SCOPE_STATUS = 1 << 12;

    BatteryPassport internal passport;
    address internal carol;
    uint256 internal carolKey;
    bytes32 internal namedKey;
    bytes32 internal leanKey;

    function setUp() public virtual override {
        super.setUp();
        (carol, carolKey) = makeAddrAndKey("carol");
        passport = _deploy(admin, false);
        namedKey = _namedKey(ID);
        leanKey = _leanKey(alice, SALTED_ID);
        vm.startPrank(alice);
        passport.registerBattery(ID, FIRST);
        passport.register(SALTED_ID, FIRST);
        vm.stopPrank();
    }

    /// @dev The shipping build.
    function _deploy(address firstAdmin, bool gated) internal returns (BatteryPassport) {
        return BatteryPassport(Artifacts.deploy("BatteryPassport", abi.encode(firstAdmin, ADMIN_DELAY_S, gated)));
    }

    /// @dev From here on the passport is a gated one, and `leanKey` alice's record in it, who has no role there.
    function _useGated() internal {
        passport = _deploy(admin, true);
        vm.startPrank(admin);
        leanKey = passport.register(SALTED_ID, FIRST);
        passport.offer(leanKey, alice, EXPIRY, DOCUMENTS);
        vm.startPrank(alice);
        passport.accept(leanKey, EXPIRY, DOCUMENTS);
        vm.stopPrank();
    }

    function _namedKey(string memory id) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("wia.battery.named"), keccak256(bytes(id))));
    }

    function _leanKey(address registrant, bytes32 saltedId) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("wia.battery.lean"), registrant, saltedId));
    }

    function _link(bytes32 previous, bytes32 dataHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(previous, dataHash));
    }

    function _ownerOf(bytes32 key) internal view returns (address owner) {
        (owner,,,,,) = passport.recordOf(key);
    }

    function _sequenceOf(bytes32 key) internal view returns (uint256 sequence) {
        (,, sequence,,,) = passport.recordOf(key);
    }

    function _tenureOf(bytes32 key) internal view returns (uint256 tenure) {
        (,,, tenure,,) = passport.recordOf(key);
    }

    function _statusOf(bytes32 key) internal view returns (IBatterySupplyChain.Status status) {
        (,,,, status,) = passport.recordOf(key);
    }

    function _chainOf(bytes32 key) internal view returns (bytes32 chain) {
        (,,,,, chain) = passport.recordOf(key);
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return _digest(structHash, block.chainid, address(passport));
    }

    function _digest(bytes32 structHash, uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return _digest("WIA Battery Passport", structHash, chainId, verifyingContract);
    }

    /// @dev A message of static members: type hash and members, each a word.
    function _signed(uint256 key, bytes memory message) internal view returns (bytes memory) {
        return _sign(key, _digest(keccak256(message)));
    }

    /// @dev Takes the record's head to any state, for limits that no test can reach by acting.
    function _setHead(bytes32 key, uint256 word) internal {
        vm.store(address(passport), _headSlot(key), bytes32(word));
    }

    function _head(bytes32 key) internal view returns (uint256) {
        return uint256(vm.load(address(passport), _headSlot(key)));
    }

    /// @dev Found by its content rather than assumed: the slot of `_heads` is the one whose entry holds the owner.
    function _headSlot(bytes32 key) private view returns (bytes32 slot) {
        for (uint256 base = 0; base < 32; ++base) {
            slot = keccak256(abi.encode(key, base));
            uint256 word = uint256(vm.load(address(passport), slot));
            if (word != 0 && address(uint160(word)) == _ownerOf(key)) return slot;
        }
        revert("no head");
    }
}
