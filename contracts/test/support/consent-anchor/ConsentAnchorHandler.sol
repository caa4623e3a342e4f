// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {ConsentAnchor} from "../../../src/ConsentAnchor.sol";
import {IConsentAnchor} from "../../../src/interfaces/IConsentAnchor.sol";

/// @notice Drives one consent of a ConsentAnchor at random for the invariants and keeps a model beside it: who said what
/// to which request, when a request was decided, who the approvers are. Few requests, so that collisions are the rule.
contract ConsentAnchorHandler is CommonBase, StdUtils {
    /// @dev What was said to a request, and what came of it first; Unknown while undecided.
    struct Model {
        bytes32 requestId;
        uint8 threshold;
        IConsentAnchor.RequestState decided;
        bool[5] granted;
        bool[5] declined;
    }

    uint256 private constant MEMBERS = 5;
    uint256 private constant OPERATIONS = 4;
    bytes32 private constant COMMITMENT = keccak256("the handler's consent");
    uint40 private constant LASTING = type(uint40).max;

    ConsentAnchor public immutable CONSENTS;
    bytes32 public immutable CONSENT_KEY;

    uint32 public epoch;
    uint8 public threshold = 3;
    uint40 public validUntil = LASTING;
    uint256 public granted;
    uint256 public denied;
    uint256 public withdrawn;
    uint256 public setChanges;

    Model[] private _models;
    mapping(bytes32 requestId => uint256 place) private _placeOf;

    uint256[] private _keys;
    address[] private _members;

    constructor(ConsentAnchor consents, uint256[] memory keys) {
        CONSENTS = consents;
        _keys = keys;
        for (uint256 i = 0; i < keys.length; ++i) {
            _members.push(vm.addr(keys[i]));
        }
        CONSENT_KEY = consents.anchor(
            IConsentAnchor.ConsentTerms({
                commitment: COMMITMENT,
                level: IConsentAnchor.ConsentLevel.Educational,
                expiry: LASTING,
                approversHash: consents.approversHash(_members),
                threshold: threshold,
                guardian: address(this)
            })
        );
    }

    function models() external view returns (Model[] memory) {
        return _models;
    }

    function open(uint256 operation, uint256 time) external {
        IConsentAnchor.ApprovalRequest memory request = _request(operation, time);
        try CONSENTS.open(COMMITMENT, request.operationHash, request.deadline, _members) {
            _model(CONSENTS.requestIdOf(request));
        } catch {}
    }

    function vote(uint256 member, uint256 operation, uint256 time, bool granting) external {
        member %= MEMBERS;
        IConsentAnchor.ApprovalRequest memory request = _request(operation, time);
        vm.prank(_members[member]);
        try CONSENTS.vote(request, _members, _decision(granting)) {
            _voted(CONSENTS.requestIdOf(request), 1 << member, granting);
        } catch {}
    }

    /// @dev Now and then a member's signature is another's.
    function castSignedVotes(uint256 voters, uint256 operation, uint256 time, bool granting, uint256 forged) external {
        voters &= 31;
        IConsentAnchor.ApprovalRequest memory request = _request(operation, time);
        bytes32 requestId = CONSENTS.requestIdOf(request);
        IConsentAnchor.CompactSignature[] memory signatures = new IConsentAnchor.CompactSignature[](_count(voters));
        uint256 index = 0;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (voters >> i & 1 == 0) continue;
            uint256 signer = forged % 16 == i ? (i + 1) % MEMBERS : i;
            signatures[index++] = _signed(signer, i, request, requestId, granting);
        }
        try CONSENTS.castSignedVotes(request, _members, _decision(granting), voters, signatures) returns (
            uint256 executed
        ) {
            _voted(requestId, executed, granting);
        } catch {}
    }

    /// @dev The same five people, with another threshold.
    function changeApprovers(uint256 newThreshold, uint256 votes, uint256 time) external {
        newThreshold = bound(newThreshold, 1, MEMBERS);
        bytes32 hash = CONSENTS.approversHash(_members);
        IConsentAnchor.ApprovalRequest memory request = _request(0, time);
        request.operationHash = CONSENTS.approversChangeOperation(CONSENT_KEY, hash, uint8(newThreshold));
        bytes32 requestId = CONSENTS.requestIdOf(request);
        for (uint256 i = 0; i < votes % (MEMBERS + 1); ++i) {
            vm.prank(_members[i]);
            try CONSENTS.vote(request, _members, IConsentAnchor.Decision.Grant) {
                _voted(requestId, 1 << i, true);
            } catch {}
        }
        try CONSENTS.changeApproversByApproval(CONSENT_KEY, _members, uint8(newThreshold), request.deadline) {
            ++setChanges;
            ++epoch;
            threshold = uint8(newThreshold);
            _model(requestId).decided = IConsentAnchor.RequestState.Executed;
        } catch {}
    }

    /// @dev The far future mostly, so that most runs vote to their end.
    function revoke(uint40 effectiveAt, bool soon) external {
        effectiveAt = soon && effectiveAt % 16 == 0 ? uint40(block.timestamp + 2 days) : LASTING - effectiveAt % 1_000;
        try CONSENTS.revoke(COMMITMENT, effectiveAt) {
            validUntil = effectiveAt;
        } catch {}
    }

    function passTime(uint256 hoursPassed) external {
        vm.warp(block.timestamp + (hoursPassed % 12) * 1 hours);
    }

    /// @dev Deadlines at full days ahead, so that requests are met again and run out.
    function _request(uint256 operation, uint256 time) private view returns (IConsentAnchor.ApprovalRequest memory) {
        uint256 deadline = (block.timestamp / 1 days + 1 + time % 2) * 1 days;
        return IConsentAnchor.ApprovalRequest(CONSENT_KEY, epoch, bytes32(1 + operation % OPERATIONS), uint40(deadline));
    }

    function _signed(
        uint256 signer,
        uint256 member,
        IConsentAnchor.ApprovalRequest memory request,
        bytes32 requestId,
        bool granting
    ) private view returns (IConsentAnchor.CompactSignature memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                CONSENTS.VOTE_TYPEHASH(),
                _members[member],
                requestId,
                request.operationHash,
                _decision(granting),
                request.deadline
            )
        );
        (bytes32 r, bytes32 vs) = vm.signCompact(_keys[signer], _digest(structHash));
        return IConsentAnchor.CompactSignature(r, vs);
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("WIA Consent Anchor"),
                keccak256("1"),
                block.chainid,
                address(CONSENTS)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// @dev Votes that the contract says were cast.
    function _voted(bytes32 requestId, uint256 voters, bool granting) private {
        if (voters == 0) return;
        Model storage model = _model(requestId);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (voters >> i & 1 == 0) continue;
            if (!granting && model.granted[i]) ++withdrawn;
            if (granting) model.granted[i] = true;
            else model.declined[i] = true;
        }
        if (model.decided == IConsentAnchor.RequestState.Unknown) _decide(model);
    }

    function _decide(Model storage model) private {
        uint256 supporters = 0;
        uint256 undeclined = 0;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (model.declined[i]) continue;
            ++undeclined;
            if (model.granted[i]) ++supporters;
        }
        if (supporters >= model.threshold) {
            model.decided = IConsentAnchor.RequestState.Granted;
            ++granted;
        } else if (undeclined < model.threshold) {
            model.decided = IConsentAnchor.RequestState.Denied;
            ++denied;
        }
    }

    /// @dev Made when a request is first met, with the threshold of then.
    function _model(bytes32 requestId) private returns (Model storage model) {
        if (_placeOf[requestId] == 0) {
            model = _models.push();
            (model.requestId, model.threshold) = (requestId, threshold);
            _placeOf[requestId] = _models.length;
        }
        return _models[_placeOf[requestId] - 1];
    }

    function _decision(bool granting) private pure returns (IConsentAnchor.Decision) {
        return granting ? IConsentAnchor.Decision.Grant : IConsentAnchor.Decision.Deny;
    }

    function _count(uint256 bitmap) private pure returns (uint256 set) {
        for (; bitmap != 0; bitmap >>= 1) {
            set += bitmap & 1;
        }
    }
}
