// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {ApprovalRound, ApprovalRounds} from "./base/ApprovalRound.sol";
import {Authorizations} from "./base/Authorizations.sol";
import {IConsentAnchor} from "./interfaces/IConsentAnchor.sol";

/// @title WIA Consent Anchor
/// @notice See {IConsentAnchor}; requirements E-004, E-091…E-093, X-39, X-57, S-09, S-12.
contract ConsentAnchor is IConsentAnchor, Authorizations {
    /// @inheritdoc IConsentAnchor
    bytes32 public constant ANCHOR_AUTHORIZATION_TYPEHASH = keccak256(
        "AnchorAuthorization(address anchorer,bytes32 commitment,uint8 level,uint40 expiry,bytes32 approversHash,uint8 threshold,address guardian,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IConsentAnchor
    bytes32 public constant REVOKE_AUTHORIZATION_TYPEHASH = keccak256(
        "RevokeAuthorization(address anchorer,bytes32 commitment,uint40 effectiveAt,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IConsentAnchor
    bytes32 public constant EMERGENCY_REVOKE_AUTHORIZATION_TYPEHASH = keccak256(
        "EmergencyRevokeAuthorization(address guardian,bytes32 consentKey,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IConsentAnchor
    bytes32 public constant OPEN_AUTHORIZATION_TYPEHASH = keccak256(
        "OpenAuthorization(address anchorer,bytes32 commitment,bytes32 operationHash,uint40 deadline,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @inheritdoc IConsentAnchor
    bytes32 public constant VOTE_TYPEHASH =
        keccak256("Vote(address approver,bytes32 requestId,bytes32 operationHash,uint8 decision,uint40 deadline)");

    /// @inheritdoc IConsentAnchor
    bytes32 public constant REVOKE_CONSENT_TYPEHASH = keccak256("RevokeConsent(bytes32 consentKey,uint40 effectiveAt)");

    /// @inheritdoc IConsentAnchor
    bytes32 public constant CHANGE_APPROVERS_TYPEHASH =
        keccak256("ChangeApprovers(bytes32 consentKey,bytes32 approversHash,uint8 threshold)");

    /// @dev What lies in memory while a vote's digest is made. The votes of a batch differ in their approver alone, so the
    /// rest is written once and hashed where it lies.
    struct VoteMessage {
        bytes32 typeHash;
        address approver;
        bytes32 requestId;
        bytes32 operationHash;
        bool granting;
        uint256 deadline;
        uint256 prefix;
        bytes32 domainSeparator;
        bytes32 structHash;
    }

    /// @dev Two words. What every vote reads fills the first: 26 bytes of the set's hash leave room for the end of the
    /// consent and the threshold, and two sets that share them take 2**104 hashes to find.
    mapping(bytes32 consentKey => Consent) private _consents;

    mapping(bytes32 requestId => ApprovalRound) private _rounds;

    constructor() EIP712("WIA Consent Anchor", "1") {}

    /// @inheritdoc IConsentAnchor
    function anchor(ConsentTerms calldata terms) external returns (bytes32) {
        return _anchor(msg.sender, terms);
    }

    /// @inheritdoc IConsentAnchor
    function anchorWithAuthorization(
        address anchorer,
        ConsentTerms calldata terms,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(ANCHOR_AUTHORIZATION_TYPEHASH, anchorer, terms, validAfter, validBefore, nonce)
        );
        _useAuthorization(anchorer, validAfter, validBefore, nonce, _hashTypedDataV4(structHash), signature);
        return _anchor(anchorer, terms);
    }

    /// @inheritdoc IConsentAnchor
    function revoke(bytes32 commitment, uint40 effectiveAt) external {
        _revoke(consentKeyOf(msg.sender, commitment), msg.sender, effectiveAt);
    }

    /// @inheritdoc IConsentAnchor
    function revokeWithAuthorization(
        address anchorer,
        bytes32 commitment,
        uint40 effectiveAt,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        bytes32 structHash = keccak256(
            abi.encode(REVOKE_AUTHORIZATION_TYPEHASH, anchorer, commitment, effectiveAt, validAfter, validBefore, nonce)
        );
        _useAuthorization(anchorer, validAfter, validBefore, nonce, _hashTypedDataV4(structHash), signature);
        _revoke(consentKeyOf(anchorer, commitment), anchorer, effectiveAt);
    }

    /// @inheritdoc IConsentAnchor
    function emergencyRevoke(bytes32 consentKey) external {
        _emergencyRevoke(consentKey, msg.sender);
    }

    /// @inheritdoc IConsentAnchor
    function emergencyRevokeWithAuthorization(
        address guardian,
        bytes32 consentKey,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        bytes32 structHash = keccak256(
            abi.encode(EMERGENCY_REVOKE_AUTHORIZATION_TYPEHASH, guardian, consentKey, validAfter, validBefore, nonce)
        );
        _useAuthorization(guardian, validAfter, validBefore, nonce, _hashTypedDataV4(structHash), signature);
        _emergencyRevoke(consentKey, guardian);
    }

    /// @inheritdoc IConsentAnchor
    function open(bytes32 commitment, bytes32 operationHash, uint40 deadline, address[] calldata members)
        external
        returns (bytes32)
    {
        return _open(consentKeyOf(msg.sender, commitment), operationHash, deadline, members);
    }

    /// @inheritdoc IConsentAnchor
    function openWithAuthorization(
        address anchorer,
        bytes32 commitment,
        bytes32 operationHash,
        uint40 deadline,
        address[] calldata members,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(
                OPEN_AUTHORIZATION_TYPEHASH,
                anchorer,
                commitment,
                operationHash,
                deadline,
                validAfter,
                validBefore,
                nonce
            )
        );
        _useAuthorization(anchorer, validAfter, validBefore, nonce, _hashTypedDataV4(structHash), signature);
        return _open(consentKeyOf(anchorer, commitment), operationHash, deadline, members);
    }

    /// @inheritdoc IConsentAnchor
    function vote(ApprovalRequest calldata request, address[] calldata members, Decision decision) external {
        (bytes32 requestId, ApprovalRound round) = _roundOf(request, members);
        _voteOnce(request, requestId, round, _memberIndex(members, msg.sender), msg.sender, decision);
    }

    /// @inheritdoc IConsentAnchor
    function voteWithSignature(
        ApprovalRequest calldata request,
        address[] calldata members,
        Decision decision,
        address approver,
        bytes calldata signature
    ) external {
        (bytes32 requestId, ApprovalRound round) = _roundOf(request, members);
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(VOTE_TYPEHASH, approver, requestId, request.operationHash, decision, request.deadline))
        );
        if (_signatureFault(approver, digest, signature) != NO_FAULT) revert InvalidAuthorizationSignature(approver);
        _voteOnce(request, requestId, round, _memberIndex(members, approver), approver, decision);
    }

    /// @inheritdoc IConsentAnchor
    function castSignedVotes(
        ApprovalRequest calldata request,
        address[] calldata members,
        Decision decision,
        uint256 voters,
        CompactSignature[] calldata signatures
    ) external returns (uint256 executed) {
        ApprovalRequest memory asked = request;
        (bytes32 requestId, ApprovalRound before) = _roundOf(asked, members);
        if (voters >> members.length != 0) {
            revert VotersInvalid(voters, members.length, signatures.length);
        }
        VoteMessage memory message = VoteMessage({
            typeHash: VOTE_TYPEHASH,
            approver: address(0),
            requestId: requestId,
            operationHash: asked.operationHash,
            granting: decision == Decision.Grant,
            deadline: asked.deadline,
            prefix: 0x1901,
            domainSeparator: _domainSeparatorV4(),
            structHash: 0
        });
        ApprovalRound round = _castSigned(before, message, members, voters, signatures);
        executed = round.votesSince(before);
        if (executed != 0) _store(requestId, asked, round);
        else if (_isUnopened(requestId)) revert RequestNotOpened(requestId);
    }

    /// @inheritdoc IConsentAnchor
    function revokeByApproval(bytes32 consentKey, uint40 effectiveAt, uint40 deadline) external {
        _execute(consentKey, revocationOperation(consentKey, effectiveAt), deadline);
        _revoke(consentKey, address(0), effectiveAt);
    }

    /// @inheritdoc IConsentAnchor
    function changeApproversByApproval(bytes32 consentKey, address[] calldata members, uint8 threshold, uint40 deadline)
        external
    {
        bytes32 newApproversHash = approversHash(members);
        _requireThreshold(threshold, members.length);
        _execute(consentKey, approversChangeOperation(consentKey, newApproversHash, threshold), deadline);

        Consent storage consent = _consents[consentKey];
        uint32 epoch = consent.epoch + 1;
        consent.approvers = _commitmentTo(newApproversHash, epoch);
        consent.threshold = threshold;
        consent.epoch = epoch;
        emit ApproversChanged(consentKey, epoch, threshold, members);
    }

    /// @inheritdoc IConsentAnchor
    function consentOf(bytes32 consentKey) external view returns (Consent memory) {
        return _consents[consentKey];
    }

    /// @inheritdoc IConsentAnchor
    function statusOf(bytes32 consentKey) external view returns (ConsentStatus) {
        Consent storage consent = _consents[consentKey];
        if (consent.anchoredAt == 0) return ConsentStatus.Unknown;
        if (block.timestamp < consent.validUntil) {
            return consent.revoked ? ConsentStatus.RevocationPending : ConsentStatus.Active;
        }
        return consent.revoked ? ConsentStatus.Revoked : ConsentStatus.Expired;
    }

    /// @inheritdoc IConsentAnchor
    function isValid(bytes32 consentKey, ConsentLevel level, uint256 at) external view returns (bool) {
        Consent storage consent = _consents[consentKey];
        if (level == ConsentLevel.None || level > consent.level) return false;
        return consent.anchoredAt <= at && at < consent.validUntil;
    }

    /// @inheritdoc IConsentAnchor
    function requestOf(bytes32 requestId) external view returns (RequestRecord memory) {
        ApprovalRound round = _rounds[requestId];
        return RequestRecord({
            state: round.stateAt(block.timestamp),
            deadline: round.deadline(),
            threshold: round.threshold(),
            memberCount: round.memberCount(),
            granted: round.granted(),
            declined: round.declined()
        });
    }

    /// @inheritdoc IConsentAnchor
    function isGranted(bytes32 requestId) external view returns (bool) {
        RequestState state = _rounds[requestId].state();
        return state == RequestState.Granted || state == RequestState.Executed;
    }

    /// @inheritdoc IConsentAnchor
    function isActionable(ApprovalRequest calldata request) external view returns (bool) {
        Consent storage consent = _consents[request.consentKey];
        return request.epoch == consent.epoch && block.timestamp < consent.validUntil
            && _rounds[_requestId(request)].state() == RequestState.Granted;
    }

    /// @inheritdoc IConsentAnchor
    function requestIdOf(ApprovalRequest calldata request) external pure returns (bytes32) {
        return _requestId(request);
    }

    /// @inheritdoc IConsentAnchor
    function consentKeyOf(address anchorer, bytes32 commitment) public pure returns (bytes32) {
        return keccak256(abi.encode(anchorer, commitment));
    }

    /// @inheritdoc IConsentAnchor
    function approversHash(address[] calldata members) public pure returns (bytes32 hash) {
        uint256 count = members.length;
        if (count == 0 || count > ApprovalRounds.MAX_MEMBERS) revert ApproverCountInvalid(count);
        uint256 previous = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 member;
            assembly ("memory-safe") {
                member := calldataload(add(members.offset, shl(5, i)))
            }
            if (member <= previous) revert ApproversNotAscending(i);
            previous = member;
        }
        // The last is the greatest, so all are addresses if it is one.
        if (previous > type(uint160).max) revert ApproversNotAscending(count - 1);
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, members.offset, shl(5, count))
            hash := keccak256(free, shl(5, count))
        }
    }

    /// @inheritdoc IConsentAnchor
    function revocationOperation(bytes32 consentKey, uint40 effectiveAt) public pure returns (bytes32) {
        return keccak256(abi.encode(REVOKE_CONSENT_TYPEHASH, consentKey, effectiveAt));
    }

    /// @inheritdoc IConsentAnchor
    function approversChangeOperation(bytes32 consentKey, bytes32 newApproversHash, uint8 threshold)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(CHANGE_APPROVERS_TYPEHASH, consentKey, newApproversHash, threshold));
    }

    function _anchor(address anchorer, ConsentTerms calldata terms) private returns (bytes32 consentKey) {
        if (terms.commitment == 0 || terms.approversHash == 0) revert EmptyHash();
        if (terms.expiry <= block.timestamp) revert ExpiryPassed(terms.expiry);
        _requireThreshold(terms.threshold, ApprovalRounds.MAX_MEMBERS);
        consentKey = consentKeyOf(anchorer, terms.commitment);
        if (_consents[consentKey].anchoredAt != 0) revert ConsentAlreadyAnchored(consentKey);

        _consents[consentKey] = Consent({
            approvers: _commitmentTo(terms.approversHash, 0),
            validUntil: terms.expiry,
            threshold: terms.threshold,
            guardian: terms.guardian,
            anchoredAt: uint40(block.timestamp),
            epoch: 0,
            level: terms.level,
            revoked: false
        });
        emit ConsentAnchored(
            consentKey,
            anchorer,
            terms.guardian,
            terms.commitment,
            terms.level,
            terms.expiry,
            terms.approversHash,
            terms.threshold
        );
    }

    /// @dev Where no guardian is, the zero address is none either, whoever claims to call as it.
    function _emergencyRevoke(bytes32 consentKey, address guardian) private {
        if (guardian == address(0) || _consents[consentKey].guardian != guardian) {
            revert NotTheGuardian(consentKey, guardian);
        }
        _revoke(consentKey, guardian, 0);
    }

    /// @dev The end of a consent only ever moves forward in time to now at the earliest, so what was permitted stays on
    /// record; and only ever earlier, so no revocation is undone by another.
    function _revoke(bytes32 consentKey, address revoker, uint40 effectiveAt) private {
        Consent storage consent = _consents[consentKey];
        if (effectiveAt < block.timestamp) effectiveAt = uint40(block.timestamp);
        if (effectiveAt >= consent.validUntil) revert RevocationWithoutEffect(effectiveAt, consent.validUntil);
        consent.validUntil = effectiveAt;
        consent.revoked = true;
        emit ConsentRevoked(consentKey, revoker, effectiveAt);
    }

    function _open(bytes32 consentKey, bytes32 operationHash, uint40 deadline, address[] calldata members)
        private
        returns (bytes32)
    {
        ApprovalRequest memory request =
            ApprovalRequest(consentKey, _consents[consentKey].epoch, operationHash, deadline);
        (bytes32 requestId, ApprovalRound round) = _roundOf(request, members);
        if (!_isUnopened(requestId)) revert RequestAlreadyOpened(requestId);
        if (block.timestamp >= deadline) revert RequestExpired(requestId, deadline);
        _store(requestId, request, round);
        return requestId;
    }

    /// @dev The round of a request to the present approvers of a consent in force. If nobody opened it yet, a fresh one
    /// that is not stored: the caller decides whether somebody does who may.
    function _roundOf(ApprovalRequest memory request, address[] calldata members)
        private
        view
        returns (bytes32 requestId, ApprovalRound round)
    {
        Consent storage consent = _consents[request.consentKey];
        (bytes26 approvers, uint40 validUntil, uint8 threshold) =
            (consent.approvers, consent.validUntil, consent.threshold);
        if (block.timestamp >= validUntil) revert ConsentNotInForce(request.consentKey, validUntil);
        if (_commitmentTo(approversHash(members), request.epoch) != approvers) {
            revert ApproversNotCurrent(request.consentKey, request.epoch);
        }

        requestId = _requestId(request);
        round = _rounds[requestId];
        if (ApprovalRound.unwrap(round) == 0) {
            if (threshold > members.length) revert ThresholdInvalid(threshold, members.length);
            round = ApprovalRounds.open(threshold, members.length, request.deadline);
        }
    }

    function _isUnopened(bytes32 requestId) private view returns (bool) {
        return ApprovalRound.unwrap(_rounds[requestId]) == 0;
    }

    function _store(bytes32 requestId, ApprovalRequest memory request, ApprovalRound round) private {
        _rounds[requestId] = round;
        emit RequestChanged(requestId, request.consentKey, request.operationHash, ApprovalRound.unwrap(round));
    }

    /// @dev Takes a grant of the present approvers once. A request to former ones has another id.
    function _execute(bytes32 consentKey, bytes32 operationHash, uint40 deadline) private {
        Consent storage consent = _consents[consentKey];
        if (block.timestamp >= consent.validUntil) revert ConsentNotInForce(consentKey, consent.validUntil);
        bytes32 requestId = _requestId(ApprovalRequest(consentKey, consent.epoch, operationHash, deadline));
        ApprovalRound round = _rounds[requestId];
        if (round.state() != RequestState.Granted) {
            revert RequestNotGranted(requestId, round.stateAt(block.timestamp));
        }
        _rounds[requestId] = round.execute();
        emit RequestExecuted(requestId, consentKey);
    }

    /// @dev Casts one vote whose author is known, or reverts with the error, operands included, whose selector
    /// {ApprovalRounds.vote} names.
    function _voteOnce(
        ApprovalRequest memory request,
        bytes32 requestId,
        ApprovalRound round,
        uint256 member,
        address approver,
        Decision decision
    ) private {
        (ApprovalRound next, bytes4 fault) = round.vote(member, decision == Decision.Grant, block.timestamp);
        if (fault == RequestClosed.selector) revert RequestClosed(requestId, round.state());
        if (fault == RequestExpired.selector) revert RequestExpired(requestId, round.deadline());
        if (fault == VoteAlreadyCast.selector) revert VoteAlreadyCast(requestId, approver);
        _store(requestId, request, next);
    }

    /// @dev The round after those of the signed votes that can be cast. Every member is an address and stands before the
    /// end of its list, that was checked before; that there was a signature for every voter is checked at the end.
    function _castSigned(
        ApprovalRound round,
        VoteMessage memory message,
        address[] calldata members,
        uint256 voters,
        CompactSignature[] calldata signatures
    ) private returns (ApprovalRound) {
        uint256 index = 0;
        unchecked {
            for (uint256 member = 0; voters >> member != 0; ++member) {
                if (voters >> member & 1 == 0) continue;
                assembly ("memory-safe") {
                    mstore(add(message, 0x20), calldataload(add(members.offset, shl(5, member))))
                }
                (ApprovalRound next, bytes4 fault) = round.vote(member, message.granting, block.timestamp);
                if (fault == NO_FAULT) fault = _compactSignatureFault(message, _at(signatures, index));
                if (fault == NO_FAULT) round = next;
                else emit AuthorizationSkipped(index, _digestOf(message), fault);
                ++index;
            }
        }
        if (index != signatures.length) revert VotersInvalid(voters, members.length, signatures.length);
        return round;
    }

    /// @dev Without a check of the index.
    function _at(CompactSignature[] calldata signatures, uint256 index)
        private
        pure
        returns (CompactSignature calldata signature)
    {
        assembly ("memory-safe") {
            signature := add(signatures.offset, shl(6, index))
        }
    }

    /// @dev {_signatureFault} of 64 bytes. A key that signed is found without copying them; everything else is left to the
    /// function that all signatures go through.
    function _compactSignatureFault(VoteMessage memory message, CompactSignature calldata signature)
        private
        view
        returns (bytes4)
    {
        bytes32 digest = _digestOf(message);
        (address recovered,,) = ECDSA.tryRecover(digest, signature.r, signature.vs);
        if (recovered == message.approver) return NO_FAULT;
        return _signatureFault(message.approver, digest, abi.encode(signature));
    }

    /// @dev EIP-712 digest: hashes the first six words into the ninth, and the last two bytes of the seventh with all
    /// that follows.
    function _digestOf(VoteMessage memory message) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            mstore(add(message, 0x100), keccak256(message, 0xc0))
            digest := keccak256(add(message, 0xde), 0x42)
        }
    }

    function _memberIndex(address[] calldata members, address account) private pure returns (uint256 index) {
        while (index < members.length && members[index] != account) ++index;
        if (index == members.length) revert NotAnApprover(account);
    }

    /// @dev A request lies in memory as abi.encode would write it.
    function _requestId(ApprovalRequest memory request) private pure returns (bytes32 requestId) {
        assembly ("memory-safe") {
            requestId := keccak256(request, 0x80)
        }
    }

    function _commitmentTo(bytes32 hash, uint32 epoch) private pure returns (bytes26) {
        return bytes26(Hashes.efficientKeccak256(hash, bytes32(uint256(epoch))));
    }

    function _requireThreshold(uint256 threshold, uint256 memberCount) private pure {
        if (threshold == 0 || threshold > memberCount) revert ThresholdInvalid(threshold, memberCount);
    }
}
