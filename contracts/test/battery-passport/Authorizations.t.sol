// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "../../src/interfaces/IAuthorizations.sol";
import {IBatteryRecords} from "../../src/interfaces/IBatteryRecords.sol";
import {IBatterySupplyChain} from "../../src/interfaces/IBatterySupplyChain.sol";
import {BatteryPassportTest} from "../support/battery-passport/BatteryPassportTest.sol";
import {OwnerWallet} from "../support/Wallets.sol";

/// @notice Every signed action of the contract, one after the other, each from the same state: signed by a key and by
/// a contract wallet, replayed, tampered with, signed for another chain and another contract, stale.
contract AuthorizationsTest is BatteryPassportTest {
    uint256 private constant ACTIONS = 12;
    string private constant HELD = "BAT-2025-LI-000001";
    string private constant OFFERED = "BAT-2025-LI-000002";
    bytes32 private constant OFFERED_SALTED_ID = keccak256("another salt and serial");

    bytes32 private constant REGISTER_BATTERY_TYPEHASH = keccak256(
        "RegisterBatteryAuthorization(address manufacturer,string batteryId,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant TRANSFER_OWNERSHIP_TYPEHASH = keccak256(
        "TransferOwnershipAuthorization(address owner,string batteryId,uint256 tenure,address newOwner,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant UPDATE_DATA_TYPEHASH = keccak256(
        "UpdateDataAuthorization(address updater,string batteryId,uint256 sequence,bytes32 newDataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant ACCEPT_BATTERY_TYPEHASH = keccak256(
        "AcceptBatteryAuthorization(address newOwner,string batteryId,uint256 tenure,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant REGISTER_TYPEHASH = keccak256(
        "RegisterAuthorization(address registrant,bytes32 saltedId,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant UPDATE_TYPEHASH = keccak256(
        "UpdateAuthorization(address updater,bytes32 key,uint256 sequence,bytes32 dataHash,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant OFFER_TYPEHASH = keccak256(
        "OfferAuthorization(address owner,bytes32 key,uint256 tenure,address to,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant ACCEPT_TYPEHASH = keccak256(
        "AcceptAuthorization(address newOwner,bytes32 key,uint256 tenure,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant DELEGATE_TYPEHASH = keccak256(
        "DelegateAuthorization(address owner,bytes32 key,uint256 tenure,address updater,uint256 scope,uint256 expiry,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CHANGE_STATUS_TYPEHASH = keccak256(
        "ChangeStatusAuthorization(address actor,bytes32 key,uint8 from,uint8 status,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant RECORD_EVENT_TYPEHASH = keccak256(
        "RecordEventAuthorization(address actor,bytes32 key,uint8 kind,bytes32 first,bytes32 second,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant SECOND_LIFE_TYPEHASH = keccak256(
        "SecondLifeAuthorization(address signer,address operator,address owner,bytes32 saltedId,bytes32 dataHash,bytes32[] derivedFrom,bytes32 application,bytes32 modifications,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    OwnerWallet private wallet;

    function setUp() public override {
        super.setUp();
        wallet = new OwnerWallet(carol);
        _prepare(carol);
        _prepare(address(wallet));
    }

    function test_TypeHashes() public view {
        assertEq(passport.REGISTER_BATTERY_AUTHORIZATION_TYPEHASH(), REGISTER_BATTERY_TYPEHASH);
        assertEq(passport.TRANSFER_OWNERSHIP_AUTHORIZATION_TYPEHASH(), TRANSFER_OWNERSHIP_TYPEHASH);
        assertEq(passport.UPDATE_DATA_AUTHORIZATION_TYPEHASH(), UPDATE_DATA_TYPEHASH);
        assertEq(passport.ACCEPT_BATTERY_AUTHORIZATION_TYPEHASH(), ACCEPT_BATTERY_TYPEHASH);
        assertEq(passport.REGISTER_AUTHORIZATION_TYPEHASH(), REGISTER_TYPEHASH);
        assertEq(passport.UPDATE_AUTHORIZATION_TYPEHASH(), UPDATE_TYPEHASH);
        assertEq(passport.OFFER_AUTHORIZATION_TYPEHASH(), OFFER_TYPEHASH);
        assertEq(passport.ACCEPT_AUTHORIZATION_TYPEHASH(), ACCEPT_TYPEHASH);
        assertEq(passport.DELEGATE_AUTHORIZATION_TYPEHASH(), DELEGATE_TYPEHASH);
        assertEq(passport.CHANGE_STATUS_AUTHORIZATION_TYPEHASH(), CHANGE_STATUS_TYPEHASH);
        assertEq(passport.RECORD_EVENT_AUTHORIZATION_TYPEHASH(), RECORD_EVENT_TYPEHASH);
        assertEq(passport.SECOND_LIFE_AUTHORIZATION_TYPEHASH(), SECOND_LIFE_TYPEHASH);
    }

    function test_TakesEffectOnce() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            _takesEffectOnce(i, carol);
        }
    }

    /// @dev The owner signs the plain EIP-712 digest, as eth_signTypedData_v4 does.
    function test_TakesEffectOnceForAWallet() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            _takesEffectOnce(i, address(wallet));
        }
    }

    function test_RefusesTheSignatureOfAnother() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            bytes32 digest = _digest(_structHash(i, carol));
            _expectBadSignature(i, carol, _sign(bobKey, digest));
            _expectBadSignature(i, address(wallet), _sign(bobKey, _digest(_structHash(i, address(wallet)))));
            // What the owner signed for his own account moves nothing of his wallet's, and the other way round.
            _expectBadSignature(i, address(wallet), _sign(carolKey, digest));
            _expectBadSignature(i, carol, _sign(carolKey, _digest(_structHash(i, address(wallet)))));
        }
    }

    function test_RefusesTheSignatureOfAnotherAction() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            _expectBadSignature(i, carol, _sign(carolKey, _digest(_structHash((i + 1) % ACTIONS, carol))));
        }
    }

    function test_RefusesAnotherChainAndAnotherContract() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            bytes32 structHash = _structHash(i, carol);
            _expectBadSignature(i, carol, _sign(carolKey, _digest(structHash, block.chainid + 1, address(passport))));
            _expectBadSignature(i, carol, _sign(carolKey, _digest(structHash, block.chainid, address(this))));
        }
    }

    function test_RefusesOutsideItsWindow() public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            bytes memory signature = _sign(carolKey, _digest(_structHash(i, carol)));
            vm.warp(AFTER);
            _expectRevert(
                i, carol, signature, abi.encodeWithSelector(IAuthorizations.AuthorizationNotYetValid.selector, AFTER)
            );
            vm.warp(BEFORE);
            _expectRevert(
                i, carol, signature, abi.encodeWithSelector(IAuthorizations.AuthorizationExpired.selector, BEFORE)
            );
        }
    }

    /// @dev One nonce space for all: a used nonce is gone for each of them.
    function test_RefusesACancelledNonce() public {
        bytes32 typeHash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        passport.cancelAuthorization(carol, NONCE, _signed(carolKey, abi.encode(typeHash, carol, NONCE)));
        for (uint256 i = 0; i < ACTIONS; ++i) {
            _expectRevert(
                i,
                carol,
                _sign(carolKey, _digest(_structHash(i, carol))),
                abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, carol, NONCE)
            );
        }
    }

    function _takesEffectOnce(uint256 action, address signer) private {
        uint256 state = vm.snapshotState();
        bytes memory signature = _sign(carolKey, _digest(_structHash(action, signer)));
        vm.expectEmit(address(passport));
        emit IAuthorizations.AuthorizationUsed(signer, NONCE);
        vm.prank(relayer);
        (bool success,) = address(passport).call(_call(action, signer, signature));
        assertTrue(success, vm.toString(action));
        assertTrue(_tookEffect(action, signer), vm.toString(action));
        _expectRevert(
            action,
            signer,
            signature,
            abi.encodeWithSelector(IAuthorizations.AuthorizationAlreadyUsed.selector, signer, NONCE)
        );
        vm.revertToState(state);
    }

    function _expectBadSignature(uint256 action, address signer, bytes memory signature) private {
        _expectRevert(
            action,
            signer,
            signature,
            abi.encodeWithSelector(IAuthorizations.InvalidAuthorizationSignature.selector, signer)
        );
    }

    function _expectRevert(uint256 action, address signer, bytes memory signature, bytes memory expected) private {
        bytes memory call_ = _call(action, signer, signature);
        vm.prank(relayer);
        (bool success, bytes memory reason) = address(passport).call(call_);
        assertFalse(success, vm.toString(action));
        assertEq(reason, expected, vm.toString(action));
    }

    /// @dev `signer` owns a string record and a lean one in use, and is offered one of each by bob.
    function _prepare(address signer) private {
        vm.startPrank(signer);
        passport.registerBattery(_own(HELD, signer), FIRST);
        bytes32 key = passport.register(SALTED_ID, FIRST);
        passport.changeStatus(key, IBatterySupplyChain.Status.InUse);
        vm.startPrank(bob);
        passport.registerBattery(_own(OFFERED, signer), FIRST);
        passport.register(_offeredSaltedId(signer), FIRST);
        passport.offer(_namedKey(_own(OFFERED, signer)), signer, EXPIRY, DOCUMENTS);
        passport.offer(_leanKey(bob, _offeredSaltedId(signer)), signer, EXPIRY, DOCUMENTS);
        vm.stopPrank();
    }

    function _own(string memory id, address signer) private pure returns (string memory) {
        return string.concat(id, vm.toString(signer));
    }

    function _offeredSaltedId(address signer) private pure returns (bytes32) {
        return keccak256(abi.encode(OFFERED_SALTED_ID, signer));
    }

    function _life(address signer) private pure returns (IBatteryRecords.SecondLife memory life) {
        life.operator = signer;
        life.owner = signer;
        life.saltedId = SECOND;
        life.dataHash = SECOND;
        life.derivedFrom = new bytes32[](1);
        life.derivedFrom[0] = _leanKey(signer, SALTED_ID);
        life.application = FIRST;
        life.modifications = SECOND;
    }

    function _structHash(uint256 action, address signer) private view returns (bytes32) {
        bytes32 held = keccak256(bytes(_own(HELD, signer)));
        bytes32 key = _leanKey(signer, SALTED_ID);
        bytes memory message;
        if (action == 0) {
            message = abi.encode(REGISTER_BATTERY_TYPEHASH, signer, keccak256("new"), FIRST);
        } else if (action == 1) {
            message = abi.encode(TRANSFER_OWNERSHIP_TYPEHASH, signer, held, 0, bob);
        } else if (action == 2) {
            message = abi.encode(UPDATE_DATA_TYPEHASH, signer, held, 2, SECOND);
        } else if (action == 3) {
            message = abi.encode(
                ACCEPT_BATTERY_TYPEHASH, signer, keccak256(bytes(_own(OFFERED, signer))), 0, EXPIRY, DOCUMENTS
            );
        } else if (action == 4) {
            message = abi.encode(REGISTER_TYPEHASH, signer, SECOND, FIRST);
        } else if (action == 5) {
            message = abi.encode(UPDATE_TYPEHASH, signer, key, 2, SECOND);
        } else if (action == 6) {
            message = abi.encode(OFFER_TYPEHASH, signer, key, 0, bob, EXPIRY, DOCUMENTS);
        } else if (action == 7) {
            message = abi.encode(ACCEPT_TYPEHASH, signer, _leanKey(bob, _offeredSaltedId(signer)), 0, EXPIRY, DOCUMENTS);
        } else if (action == 8) {
            message = abi.encode(DELEGATE_TYPEHASH, signer, key, 0, bob, SCOPE_UPDATE, EXPIRY);
        } else if (action == 9) {
            message = abi.encode(
                CHANGE_STATUS_TYPEHASH,
                signer,
                key,
                IBatterySupplyChain.Status.InUse,
                IBatterySupplyChain.Status.Maintenance
            );
        } else if (action == 10) {
            message =
                abi.encode(RECORD_EVENT_TYPEHASH, signer, key, IBatterySupplyChain.EventKind.EndOfLife, FIRST, SECOND);
        } else {
            IBatteryRecords.SecondLife memory life = _life(signer);
            bytes32 derivedFrom = keccak256(abi.encodePacked(life.derivedFrom));
            message =
                abi.encode(SECOND_LIFE_TYPEHASH, signer, signer, signer, SECOND, SECOND, derivedFrom, FIRST, SECOND);
        }
        return keccak256(bytes.concat(message, abi.encode(AFTER, BEFORE, NONCE)));
    }

    function _call(uint256 action, address signer, bytes memory s) private view returns (bytes memory) {
        string memory held = _own(HELD, signer);
        string memory offered = _own(OFFERED, signer);
        bytes32 key = _leanKey(signer, SALTED_ID);
        if (action == 0) {
            return
                abi.encodeCall(
                    passport.registerBatteryWithAuthorization, (signer, "new", FIRST, AFTER, BEFORE, NONCE, s)
                );
        }
        if (action == 1) {
            return abi.encodeCall(
                passport.transferOwnershipWithAuthorization, (signer, held, 0, bob, AFTER, BEFORE, NONCE, s)
            );
        }
        if (action == 2) {
            return
                abi.encodeCall(passport.updateDataWithAuthorization, (signer, held, 2, SECOND, AFTER, BEFORE, NONCE, s));
        }
        if (action == 3) {
            return abi.encodeCall(
                passport.acceptBatteryWithAuthorization,
                (signer, offered, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, s)
            );
        }
        if (action == 4) {
            return abi.encodeCall(passport.registerWithAuthorization, (signer, SECOND, FIRST, AFTER, BEFORE, NONCE, s));
        }
        if (action == 5) {
            return abi.encodeCall(passport.updateWithAuthorization, (signer, key, 2, SECOND, AFTER, BEFORE, NONCE, s));
        }
        if (action == 6) {
            return abi.encodeCall(
                passport.offerWithAuthorization, (signer, key, 0, bob, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, s)
            );
        }
        if (action == 7) {
            key = _leanKey(bob, _offeredSaltedId(signer));
            return abi.encodeCall(
                passport.acceptWithAuthorization, (signer, key, 0, EXPIRY, DOCUMENTS, AFTER, BEFORE, NONCE, s)
            );
        }
        if (action == 8) {
            return abi.encodeCall(
                passport.delegateWithAuthorization, (signer, key, 0, bob, SCOPE_UPDATE, EXPIRY, AFTER, BEFORE, NONCE, s)
            );
        }
        if (action == 9) {
            return abi.encodeCall(
                passport.changeStatusWithAuthorization,
                (
                    signer,
                    key,
                    IBatterySupplyChain.Status.InUse,
                    IBatterySupplyChain.Status.Maintenance,
                    AFTER,
                    BEFORE,
                    NONCE,
                    s
                )
            );
        }
        if (action == 10) {
            return abi.encodeCall(
                passport.recordEventWithAuthorization,
                (signer, key, IBatterySupplyChain.EventKind.EndOfLife, FIRST, SECOND, AFTER, BEFORE, NONCE, s)
            );
        }
        IBatteryRecords.Signed memory none;
        return abi.encodeCall(
            passport.beginSecondLife, (_life(signer), IBatteryRecords.Signed(AFTER, BEFORE, NONCE, s), none)
        );
    }

    function _tookEffect(uint256 action, address signer) private view returns (bool) {
        bytes32 held = _namedKey(_own(HELD, signer));
        bytes32 key = _leanKey(signer, SALTED_ID);
        if (action == 0) return _ownerOf(_namedKey("new")) == signer;
        if (action == 1) return _ownerOf(held) == bob;
        if (action == 2) return passport.verifyData(_own(HELD, signer), SECOND);
        if (action == 3) return _ownerOf(_namedKey(_own(OFFERED, signer))) == signer;
        if (action == 4) return _ownerOf(_leanKey(signer, SECOND)) == signer;
        if (action == 5) return passport.verifyChain(key, _link(key, FIRST), SECOND);
        if (action == 6) return passport.offerOf(key) == keccak256(abi.encode(bob, EXPIRY, DOCUMENTS, 0));
        if (action == 7) return _ownerOf(_leanKey(bob, _offeredSaltedId(signer))) == signer;
        if (action == 8) return passport.mayAct(key, bob, SCOPE_UPDATE);
        if (action == 9) return _statusOf(key) == IBatterySupplyChain.Status.Maintenance;
        if (action == 10) return _statusOf(key) == IBatterySupplyChain.Status.EndOfLife;
        return _statusOf(key) == IBatterySupplyChain.Status.SecondLife && _ownerOf(_leanKey(signer, SECOND)) == signer;
    }
}
