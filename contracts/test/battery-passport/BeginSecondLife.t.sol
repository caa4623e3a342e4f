// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IBatteryOwnership} from "../../src/interfaces/IBatteryOwnership.sol";
import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice B-088 and EU 2023/1542 Art. 77(7): a new record, linked to those it comes from, to which owner and new
/// operator agree in one transaction. alice owns, bob repurposes.
contract BeginSecondLifeTest is BatteryPassportTest {
    bytes32 private constant SECOND_LIFE_TYPEHASH = keccak256(
        "SecondLifeAuthorization(address signer,address operator,address owner,bytes32 saltedId,bytes32 dataHash,bytes32[] derivedFrom,bytes32 application,bytes32 modifications,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant APPLICATION = keccak256("salted application");
    bytes32 private constant MODIFICATIONS = keccak256("salted modifications");

    IBatteryRecords.Signed private none;
    bytes32 private otherKey;

    function setUp() public override {
        super.setUp();
        vm.startPrank(alice);
        otherKey = passport.register(keccak256("another salt and serial"), FIRST);
        passport.changeStatus(otherKey, IBatterySupplyChain.Status.InUse);
        passport.changeStatus(leanKey, IBatterySupplyChain.Status.InUse);
        vm.stopPrank();
    }

    function test_OwnerCallsWithTheOperatorsSignature() public {
        IBatteryRecords.SecondLife memory life = _life();
        _expectBegun(life);
        vm.prank(alice);
        assertEq(passport.beginSecondLife(life, _by(bobKey, bob, life), none), _leanKey(bob, SALTED_ID));
        _assertBegun(life);
        assertTrue(passport.authorizationState(bob, NONCE));
        assertFalse(passport.authorizationState(alice, NONCE));
    }

    function test_OperatorCallsWithTheOwnersSignature() public {
        IBatteryRecords.SecondLife memory life = _life();
        _expectBegun(life);
        vm.prank(bob);
        passport.beginSecondLife(life, none, _by(aliceKey, alice, life));
        _assertBegun(life);
        assertFalse(passport.authorizationState(bob, NONCE));
        assertTrue(passport.authorizationState(alice, NONCE));
    }

    function test_AnyoneCallsWithBothSignatures() public {
        IBatteryRecords.SecondLife memory life = _life();
        _expectBegun(life);
        vm.prank(relayer);
        passport.beginSecondLife(life, _by(bobKey, bob, life), _by(aliceKey, alice, life));
        _assertBegun(life);
    }

    /// @dev The plain EIP-712 digest, of a wallet as owner and a wallet as operator.
    function test_WalletsOnBothSides() public {
        OwnerWallet owner = new OwnerWallet(alice);
        OwnerWallet operator = new OwnerWallet(bob);
        vm.startPrank(address(owner));
        bytes32 key = passport.register(SALTED_ID, FIRST);
        passport.changeStatus(key, IBatterySupplyChain.Status.InUse);
        vm.stopPrank();
        IBatteryRecords.SecondLife memory life = _life();
        (life.operator, life.owner) = (address(operator), address(owner));
        life.derivedFrom = new bytes32[](1);
        life.derivedFrom[0] = key;
        passport.beginSecondLife(life, _by(bobKey, address(operator), life), _by(aliceKey, address(owner), life));
        _assertBegun(life);
    }

    function test_OwnerWhoIsTheOperatorSignsNothing() public {
        IBatteryRecords.SecondLife memory life = _life();
        (life.operator, life.saltedId) = (alice, SECOND);
        vm.prank(alice);
        passport.beginSecondLife(life, none, none);
        _assertBegun(life);
    }

    /// @dev One battery taken apart into two: the second finds its source in SecondLife already.
    function test_OneBatteryBecomesTwo() public {
        IBatteryRecords.SecondLife memory life = _life();
        vm.prank(alice);
        passport.beginSecondLife(life, _by(bobKey, bob, life), none);
        life.saltedId = SECOND;
        IBatteryRecords.Signed memory signed = _by(bobKey, bob, life, keccak256("another nonce"));
        vm.prank(alice);
        passport.beginSecondLife(life, signed, none);
        _assertBegun(life);
    }

    /// @dev Neither side can be brought in by the other alone, nor by both for other terms.
    function test_RefusesWithoutEitherSide() public {
        IBatteryRecords.SecondLife memory life = _life();
        IBatteryRecords.Signed memory operators = _by(bobKey, bob, life);
        IBatteryRecords.Signed memory owners = _by(aliceKey, alice, life);

        _expectBadSignature(alice, life, owners, none, bob);
        _expectBadSignature(bob, life, none, operators, alice);
        _expectBadSignature(relayer, life, operators, operators, alice);
        _expectBadSignature(relayer, life, owners, owners, bob);
        _expectBadSignature(relayer, life, owners, operators, bob);
    }

    /// @dev Whoever operates and whoever calls.
    function testFuzz_RefusesWithoutTheOwner(uint256 operatorKey, address caller) public {
        operatorKey = bound(operatorKey, 1, CURVE_ORDER - 1);
        address operator = vm.addr(operatorKey);
        vm.assume(operator != alice && caller != alice);
        IBatteryRecords.SecondLife memory life = _life();
        life.operator = operator;
        _expectBadSignature(caller, life, _by(operatorKey, operator, life), none, alice);
    }

    function test_RefusesOtherTerms() public {
        IBatteryRecords.SecondLife memory life = _life();
        IBatteryRecords.Signed memory signed = _by(bobKey, bob, life);
        life.saltedId = SECOND;
        _expectBadSignature(alice, life, signed, none, bob);
        life = _life();
        life.dataHash = FIRST;
        _expectBadSignature(alice, life, signed, none, bob);
        life = _life();
        life.application = MODIFICATIONS;
        _expectBadSignature(alice, life, signed, none, bob);
        life = _life();
        life.modifications = APPLICATION;
        _expectBadSignature(alice, life, signed, none, bob);
        life = _life();
        life.derivedFrom = new bytes32[](1);
        life.derivedFrom[0] = leanKey;
        _expectBadSignature(alice, life, signed, none, bob);
        life = _life();
        life.owner = carol;
        _expectBadSignature(carol, life, signed, none, bob);
        life = _life();
        ++signed.validBefore;
        _expectBadSignature(alice, life, signed, none, bob);
        --signed.validBefore;
        --signed.validAfter;
        _expectBadSignature(alice, life, signed, none, bob);
    }

    function test_RefusesAReplay() public {
        IBatteryRecords.SecondLife memory life = _life();
        IBatteryRecords.Signed memory signed = _by(bobKey, bob, life);
        vm.startPrank(alice);
        passport.beginSecondLife(life, signed, none);
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, bob, NONCE));
        passport.beginSecondLife(life, signed, none);
    }

    function test_RefusesSourcesOfOthers() public {
        IBatteryRecords.SecondLife memory life = _life();
        (life.owner, life.operator) = (carol, carol);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, life.derivedFrom[0], carol));
        vm.prank(carol);
        passport.beginSecondLife(life, none, none);
    }

    /// @dev Every one is asked for, not the first alone.
    function test_RefusesASecondSourceOfAnother() public {
        vm.startPrank(bob);
        bytes32 his = passport.register(THIRD, FIRST);
        passport.changeStatus(his, IBatterySupplyChain.Status.InUse);
        vm.startPrank(alice);
        bytes32 hers;
        for (uint256 i = 0; hers == 0 || hers >= his; ++i) {
            hers = passport.register(bytes32(i), FIRST);
        }
        passport.changeStatus(hers, IBatterySupplyChain.Status.InUse);
        IBatteryRecords.SecondLife memory life = _life();
        (life.operator, life.saltedId) = (alice, SECOND);
        (life.derivedFrom[0], life.derivedFrom[1]) = (hers, his);
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NotOwner.selector, his, alice));
        passport.beginSecondLife(life, none, none);
    }

    function test_RefusesOddSources() public {
        IBatteryRecords.SecondLife memory life = _life();
        life.operator = alice;
        bytes32[] memory sources = life.derivedFrom;
        vm.startPrank(alice);
        life.derivedFrom = new bytes32[](0);
        vm.expectRevert(IBatteryRecords.NoSources.selector);
        passport.beginSecondLife(life, none, none);

        life.derivedFrom = new bytes32[](2);
        life.derivedFrom[0] = sources[1];
        life.derivedFrom[1] = sources[0];
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.SourcesOutOfOrder.selector, sources[0]));
        passport.beginSecondLife(life, none, none);
        life.derivedFrom[1] = sources[1];
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.SourcesOutOfOrder.selector, sources[1]));
        passport.beginSecondLife(life, none, none);

        life.derivedFrom = new bytes32[](1);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.SourcesOutOfOrder.selector, bytes32(0)));
        passport.beginSecondLife(life, none, none);
        life.derivedFrom[0] = keccak256("unknown");
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.UnknownRecord.selector, keccak256("unknown")));
        passport.beginSecondLife(life, none, none);
    }

    /// @dev Its id stands in clear; what became of it does not.
    function test_RefusesStringRecords() public {
        IBatteryRecords.SecondLife memory life = _life();
        (life.operator, life.saltedId) = (alice, SECOND);
        life.derivedFrom = new bytes32[](1);
        life.derivedFrom[0] = namedKey;
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.NamedRecord.selector, namedKey));
        vm.prank(alice);
        passport.beginSecondLife(life, none, none);
    }

    /// @dev A battery that was never in use has no second life, and a recycled one has no more life at all.
    function test_RefusesSourcesOfAnotherStatus() public {
        IBatteryRecords.SecondLife memory life = _life();
        (life.operator, life.saltedId) = (alice, SECOND);
        life.derivedFrom = new bytes32[](1);
        vm.startPrank(alice);
        bytes32 fresh = passport.register(THIRD, FIRST);
        life.derivedFrom[0] = fresh;
        vm.expectRevert(
            abi.encodeWithSelector(
                IBatterySupplyChain.InvalidTransition.selector,
                fresh,
                IBatterySupplyChain.Status.Manufactured,
                IBatterySupplyChain.Status.SecondLife
            )
        );
        passport.beginSecondLife(life, none, none);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.EndOfLife, FIRST, SECOND);
        passport.recordEvent(leanKey, IBatterySupplyChain.EventKind.MaterialsRecovered, FIRST, SECOND);
        life.derivedFrom[0] = leanKey;
        vm.expectRevert(abi.encodeWithSelector(IBatteryOwnership.RecordRecycled.selector, leanKey));
        passport.beginSecondLife(life, none, none);
    }

    function test_RefusesMissingDataAndAKnownKey() public {
        IBatteryRecords.SecondLife memory life = _life();
        life.operator = alice;
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IBatteryRecords.RecordAlreadyRegistered.selector, leanKey));
        passport.beginSecondLife(life, none, none);
        life.saltedId = SECOND;
        life.application = 0;
        vm.expectRevert(IBatteryOwnership.ZeroHash.selector);
        passport.beginSecondLife(life, none, none);
        (life.application, life.modifications) = (APPLICATION, 0);
        vm.expectRevert(IBatteryOwnership.ZeroHash.selector);
        passport.beginSecondLife(life, none, none);
        (life.modifications, life.dataHash) = (MODIFICATIONS, 0);
        vm.expectRevert(IBatteryOwnership.ZeroHash.selector);
        passport.beginSecondLife(life, none, none);
        // Nothing of it stayed behind.
        assertTrue(_statusOf(leanKey) == IBatterySupplyChain.Status.InUse);
    }

    function test_GatedNeedsTheRepurposer() public {
        passport = _deploy(admin, true);
        vm.startPrank(admin);
        bytes32 key = passport.register(SALTED_ID, FIRST);
        passport.changeStatus(key, IBatterySupplyChain.Status.InUse);
        IBatteryRecords.SecondLife memory life = _life();
        life.owner = admin;
        life.derivedFrom = new bytes32[](1);
        life.derivedFrom[0] = key;
        IBatteryRecords.Signed memory signed = _by(bobKey, bob, life);
        // The operator's role, not the caller's, who has it.
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, bob, keccak256("REPURPOSER_ROLE")
            )
        );
        passport.beginSecondLife(life, signed, none);
        passport.grantRole(keccak256("REPURPOSER_ROLE"), bob);
        passport.beginSecondLife(life, signed, none);
        _assertBegun(life);
    }

    /// @dev alice's two records, in ascending order.
    function _life() private view returns (IBatteryRecords.SecondLife memory life) {
        life.operator = bob;
        life.owner = alice;
        life.saltedId = SALTED_ID;
        life.dataHash = SECOND;
        life.derivedFrom = new bytes32[](2);
        (life.derivedFrom[0], life.derivedFrom[1]) = leanKey < otherKey ? (leanKey, otherKey) : (otherKey, leanKey);
        life.application = APPLICATION;
        life.modifications = MODIFICATIONS;
    }

    function _by(uint256 key, address signer, IBatteryRecords.SecondLife memory life)
        private
        view
        returns (IBatteryRecords.Signed memory)
    {
        return _by(key, signer, life, NONCE);
    }

    function _by(uint256 key, address signer, IBatteryRecords.SecondLife memory life, bytes32 nonce)
        private
        view
        returns (IBatteryRecords.Signed memory)
    {
        bytes memory terms = abi.encode(
            life.saltedId,
            life.dataHash,
            keccak256(abi.encodePacked(life.derivedFrom)),
            life.application,
            life.modifications
        );
        bytes memory message = bytes.concat(
            abi.encode(SECOND_LIFE_TYPEHASH, signer, life.operator, life.owner), terms, abi.encode(AFTER, BEFORE, nonce)
        );
        return IBatteryRecords.Signed(AFTER, BEFORE, nonce, _signed(key, message));
    }

    function _genesis(IBatteryRecords.SecondLife memory life) private pure returns (bytes32) {
        return keccak256(abi.encode(_leanKey(life.operator, life.saltedId), life.derivedFrom));
    }

    function _expectBegun(IBatteryRecords.SecondLife memory life) private {
        bytes32 key = _leanKey(life.operator, life.saltedId);
        for (uint256 i = 0; i < life.derivedFrom.length; ++i) {
            vm.expectEmit(address(passport));
            emit IBatterySupplyChain.StatusChanged(
                life.derivedFrom[i], life.owner, IBatterySupplyChain.Status.InUse, IBatterySupplyChain.Status.SecondLife
            );
        }
        vm.expectEmit(address(passport));
        emit IBatteryRecords.RecordRegistered(key, life.operator, life.operator, _genesis(life), life.dataHash);
        vm.expectEmit(address(passport));
        emit IBatteryRecords.SecondLifeConversion(
            key, life.operator, life.owner, life.derivedFrom, life.application, life.modifications
        );
    }

    function _assertBegun(IBatteryRecords.SecondLife memory life) private view {
        bytes32 key = _leanKey(life.operator, life.saltedId);
        assertEq(_ownerOf(key), life.operator);
        assertTrue(_statusOf(key) == IBatterySupplyChain.Status.Manufactured);
        assertEq(_chainOf(key), _link(_genesis(life), life.dataHash));
        for (uint256 i = 0; i < life.derivedFrom.length; ++i) {
            assertTrue(_statusOf(life.derivedFrom[i]) == IBatterySupplyChain.Status.SecondLife);
            assertEq(_ownerOf(life.derivedFrom[i]), life.owner);
        }
    }

    function _expectBadSignature(
        address caller,
        IBatteryRecords.SecondLife memory life,
        IBatteryRecords.Signed memory operators,
        IBatteryRecords.Signed memory owners,
        address signer
    ) private {
        // What is not signed at all has a window that holds.
        if (operators.validBefore == 0) operators.validBefore = BEFORE;
        if (owners.validBefore == 0) owners.validBefore = BEFORE;
        vm.expectRevert(abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, signer));
        vm.prank(caller);
        passport.beginSecondLife(life, operators, owners);
    }
}
