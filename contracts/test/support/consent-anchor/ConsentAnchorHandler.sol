// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CommonBase} from "forge-std/Base.sol";
import {StdUtils} from "forge-std/StdUtils.sol";

import {ConsentAnchor} from "../../../src/ConsentAnchor.sol";
import {IConsentAnchor} from "../../../src/interfaces/IConsentAnchor.sol";

/// @notice Drives one consent of a ConsentAnchor at random for the invariants and keeps a model beside it: who said what
/// to which request, when a request was decided, who the approvers are. Before every call the model says whether it may
/// succeed; that it does, or does not, is compared in both directions. Few requests, so that collisions are the rule.
/// Five of seven people are the approvers, and the others try to vote too.
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
    uint256 private constant PEOPLE = 7;
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
    uint256 public refusedSetChanges;
    uint256 public openings;
    uint256 public refusedOpenings;
    uint256 public refusedVotes;
    uint256 public skippedVotes;
    uint256 public refusedBatches;
    uint256 public revocations;
    uint256 public refusedRevocations;
    uint256 public revocationsByApproval;
    uint256 public refusedRevocationsByApproval;

    /// @dev Calls that succeeded although the model forbids them, or failed although it does not.
    uint256 public wrong;

    Model[] private _models;
    mapping(bytes32 requestId => uint256 place) private _placeOf;

    /// @dev Of all people, in the order of their addresses.
    uint256[] private _keys;

    /// @dev The present approvers, and their places among the people.
    address[] private _members;
    uint256[] private _places;

    constructor(ConsentAnchor consents, uint256[] memory keys) {
        CONSENTS = consents;
        _keys = keys;
        _setMembers(0, 0);
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

    function members() external view returns (address[] memory) {
        return _members;
    }

    function open(uint256 operation, uint256 time) external {
        IConsentAnchor.ApprovalRequest memory request = _request(operation, time);
        bytes32 requestId = CONSENTS.requestIdOf(request);
        bool good = _inForce() && !_isKnown(requestId) && block.timestamp < request.deadline;
        try CONSENTS.open(COMMITMENT, request.operationHash, request.deadline, _members) {
            _expect(good);
            ++openings;
            _model(requestId);
        } catch {
            _expect(!good);
            ++refusedOpenings;
        }
    }

    function vote(uint256 person, uint256 operation, uint256 time, bool granting) external {
        _vote(person, _request(operation, time), granting);
    }

    /// @dev Now and then a person's signature is another's.
    function voteWithSignature(uint256 person, uint256 operation, uint256 time, bool granting, uint256 forged)
        external
    {
        _voteSigned(
            person % PEOPLE, (person % PEOPLE + (forged % 8 == 0 ? 1 : 0)) % PEOPLE, _request(operation, time), granting
        );
    }

    /// @dev Now and then a member's signature is another's. Votes are judged one after the other, by what those before
    /// them decided; a batch of which none counts opens nothing and is refused.
    function castSignedVotes(uint256 voters, uint256 operation, uint256 time, bool granting, uint256 forged) external {
        voters &= 31;
        IConsentAnchor.ApprovalRequest memory request = _request(operation, time);
        IConsentAnchor.CompactSignature[] memory signatures = _signAll(voters, request, granting, forged % 16);
        bool known = _isKnown(CONSENTS.requestIdOf(request));
        uint256 expected = _castAll(voters & ~(1 << forged % 16), request, granting);
        bool good = _inForce() && (known || expected != 0);
        try CONSENTS.castSignedVotes(request, _members, _decision(granting), voters, signatures) returns (
            uint256 executed
        ) {
            _expect(good && executed == expected);
            skippedVotes += _count(voters ^ executed);
        } catch {
            _expect(!good);
            ++refusedBatches;
        }
    }

    /// @dev Other people, another threshold: some of the present members grant it, not always enough of them.
    function changeApprovers(uint256 leftOut, uint256 newThreshold, uint256 votes, uint256 time) external {
        newThreshold = bound(newThreshold, 1, MEMBERS);
        (address[] memory chosen,) = _choose(leftOut, leftOut >> 8);
        IConsentAnchor.ApprovalRequest memory request = _request(0, time);
        request.operationHash =
            CONSENTS.approversChangeOperation(CONSENT_KEY, CONSENTS.approversHash(chosen), uint8(newThreshold));
        for (uint256 i = 0; i < votes % (MEMBERS + 1); ++i) {
            _vote(_places[i], request, true);
        }
        bytes32 requestId = CONSENTS.requestIdOf(request);
        bool good = _isExecutable(requestId);
        try CONSENTS.changeApproversByApproval(CONSENT_KEY, chosen, uint8(newThreshold), request.deadline) {
            _expect(good);
            ++setChanges;
            ++epoch;
            threshold = uint8(newThreshold);
            _setMembers(leftOut, leftOut >> 8);
            _model(requestId).decided = IConsentAnchor.RequestState.Executed;
        } catch {
            _expect(!good);
            ++refusedSetChanges;
        }
    }

    /// @dev Far in the future, so that the run goes on.
    function revokeByApproval(uint256 effectiveAt, uint256 votes, uint256 time) external {
        uint40 end = uint40(LASTING - effectiveAt % 1_000);
        IConsentAnchor.ApprovalRequest memory request = _request(0, time);
        request.operationHash = CONSENTS.revocationOperation(CONSENT_KEY, end);
        for (uint256 i = 0; i < votes % (MEMBERS + 1); ++i) {
            _vote(_places[i], request, true);
        }
        bytes32 requestId = CONSENTS.requestIdOf(request);
        bool good = _isExecutable(requestId) && end < validUntil;
        try CONSENTS.revokeByApproval(CONSENT_KEY, end, request.deadline) {
            _expect(good);
            ++revocationsByApproval;
            validUntil = end;
            _model(requestId).decided = IConsentAnchor.RequestState.Executed;
        } catch {
            _expect(!good);
            ++refusedRevocationsByApproval;
        }
    }

    /// @dev The far future mostly, so that most runs vote to their end.
    function revoke(uint40 effectiveAt, bool soon) external {
        effectiveAt = soon && effectiveAt % 16 == 0 ? uint40(block.timestamp + 2 days) : LASTING - effectiveAt % 1_000;
        bool good = effectiveAt < validUntil;
        try CONSENTS.revoke(COMMITMENT, effectiveAt) {
            _expect(good);
            ++revocations;
            validUntil = effectiveAt;
        } catch {
            _expect(!good);
            ++refusedRevocations;
        }
    }

    /// @dev Neither anchorer nor guardian: a person ends no consent alone, also an approver.
    function revokeAsAnother(uint256 person) external {
        vm.startPrank(vm.addr(_keys[person % PEOPLE]));
        try CONSENTS.revoke(COMMITMENT, 0) {
            _expect(false);
        } catch {}
        try CONSENTS.emergencyRevoke(CONSENT_KEY) {
            _expect(false);
        } catch {}
        vm.stopPrank();
    }

    function passTime(uint256 hoursPassed) external {
        vm.warp(block.timestamp + (hoursPassed % 12) * 1 hours);
    }

    function _vote(uint256 person, IConsentAnchor.ApprovalRequest memory request, bool granting) private {
        person %= PEOPLE;
        bool good = _mayVote(request, person, granting);
        vm.prank(vm.addr(_keys[person]));
        try CONSENTS.vote(request, _members, _decision(granting)) {
            _expect(good);
            _voted(CONSENTS.requestIdOf(request), _memberOf(person), granting);
        } catch {
            _expect(!good);
            ++refusedVotes;
        }
    }

    function _voteSigned(uint256 person, uint256 signer, IConsentAnchor.ApprovalRequest memory request, bool granting)
        private
    {
        bool good = signer == person && _mayVote(request, person, granting);
        address approver = vm.addr(_keys[person]);
        bytes memory signature = abi.encode(_signed(signer, person, request, granting));
        try CONSENTS.voteWithSignature(request, _members, _decision(granting), approver, signature) {
            _expect(good);
            _voted(CONSENTS.requestIdOf(request), _memberOf(person), granting);
        } catch {
            _expect(!good);
            ++refusedVotes;
        }
    }

    /// @dev What each of the voters said, in the model: those who may.
    function _castAll(uint256 voters, IConsentAnchor.ApprovalRequest memory request, bool granting)
        private
        returns (uint256 cast)
    {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (voters >> i & 1 == 0 || !_mayVote(request, _places[i], granting)) continue;
            cast |= 1 << i;
            _voted(CONSENTS.requestIdOf(request), i, granting);
        }
    }

    /// @dev The signatures of the voters; the `forged`th member's, if there is one, by somebody else.
    function _signAll(uint256 voters, IConsentAnchor.ApprovalRequest memory request, bool granting, uint256 forged)
        private
        view
        returns (IConsentAnchor.CompactSignature[] memory signatures)
    {
        signatures = new IConsentAnchor.CompactSignature[](_count(voters));
        uint256 index = 0;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (voters >> i & 1 == 0) continue;
            uint256 signer = forged == i ? (_places[i] + 1) % PEOPLE : _places[i];
            signatures[index++] = _signed(signer, _places[i], request, granting);
        }
    }

    /// @dev Deadlines at full days, mostly ahead, so that requests are met again and run out.
    function _request(uint256 operation, uint256 time) private view returns (IConsentAnchor.ApprovalRequest memory) {
        uint256 deadline = (block.timestamp / 1 days + (time % 8 == 0 ? 0 : 1 + time % 2)) * 1 days;
        return IConsentAnchor.ApprovalRequest(CONSENT_KEY, epoch, bytes32(1 + operation % OPERATIONS), uint40(deadline));
    }

    function _signed(uint256 signer, uint256 person, IConsentAnchor.ApprovalRequest memory request, bool granting)
        private
        view
        returns (IConsentAnchor.CompactSignature memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(
                CONSENTS.VOTE_TYPEHASH(),
                vm.addr(_keys[person]),
                CONSENTS.requestIdOf(request),
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

    function _voted(bytes32 requestId, uint256 member, bool granting) private {
        Model storage model = _model(requestId);
        if (!granting && model.granted[member]) ++withdrawn;
        if (granting) model.granted[member] = true;
        else model.declined[member] = true;
        if (model.decided == IConsentAnchor.RequestState.Unknown) _decide(model);
    }

    /// @dev Whether a person may vote so now, as one would say it on paper.
    function _mayVote(IConsentAnchor.ApprovalRequest memory request, uint256 person, bool granting)
        private
        view
        returns (bool)
    {
        uint256 member = _memberOf(person);
        if (member == MEMBERS || !_inForce() || block.timestamp >= request.deadline) return false;
        bytes32 requestId = CONSENTS.requestIdOf(request);
        if (!_isKnown(requestId)) return true;
        Model storage model = _models[_placeOf[requestId] - 1];
        bool spent = model.declined[member] || (granting && model.granted[member]);
        return !spent && model.decided == IConsentAnchor.RequestState.Unknown;
    }

    function _isExecutable(bytes32 requestId) private view returns (bool) {
        if (!_inForce() || !_isKnown(requestId)) return false;
        return _models[_placeOf[requestId] - 1].decided == IConsentAnchor.RequestState.Granted;
    }

    function _inForce() private view returns (bool) {
        return block.timestamp < validUntil;
    }

    function _isKnown(bytes32 requestId) private view returns (bool) {
        return _placeOf[requestId] != 0;
    }

    /// @dev The place of a person among the members, MEMBERS if there is none.
    function _memberOf(uint256 person) private view returns (uint256 member) {
        while (member < MEMBERS && _places[member] != person) ++member;
    }

    function _setMembers(uint256 first, uint256 second) private {
        (_members, _places) = _choose(first, second);
    }

    /// @dev All people but two, in their order.
    function _choose(uint256 first, uint256 second)
        private
        view
        returns (address[] memory chosen, uint256[] memory places)
    {
        first %= PEOPLE;
        second = (first + 1 + second % (PEOPLE - 1)) % PEOPLE;
        (chosen, places) = (new address[](MEMBERS), new uint256[](MEMBERS));
        uint256 member = 0;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (i == first || i == second) continue;
            (chosen[member], places[member]) = (vm.addr(_keys[i]), i);
            ++member;
        }
    }

    function _expect(bool right) private {
        if (!right) ++wrong;
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
