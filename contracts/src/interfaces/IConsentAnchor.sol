// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAuthorizations} from "./IAuthorizations.sol";

/// @title WIA Consent Anchor: consents as commitments, and what a quorum of their approvers agrees to
/// @notice Serves requirements E-004 (governance by several parties), E-091…E-093 (request, votes, threshold and
/// deadline), X-39 (denial, expiry), X-57 (revocation with effective date, emergency path), S-09 (consent levels), S-12
/// (who may revoke). There is no administrator, no role, no upgrade and no pause.
///
/// Consents. Whoever anchors a consent is its anchorer: the data subject, or who acts for it. A consent is a salted
/// commitment; its key is keccak256(abi.encode(anchorer, commitment)), so nobody can take another's key by copying the
/// commitment. Level, end, guardian, approvers and threshold are fixed then. Nobody appoints himself later: the approvers
/// and their threshold are changed by a quorum of the present approvers, the end is brought forward by a revocation,
/// everything else stays for good.
/// WARNING: a commitment MUST be keccak256(abi.encode(bytes32 salt, bytes32 documentHash)) or alike, with 32 random
/// bytes of salt per consent and never a person's identifier in clear. Erasing the salt is what makes an anchored
/// consent meaningless later; the chain forgets nothing.
///
/// Approvers. The chain keeps a commitment to them; who votes presents them: 1 to 32 addresses in strictly ascending
/// order, which makes them distinct and not zero. Member i is bit i of a bitmap. Every change of the approvers raises
/// their epoch, and a request is put to those of one epoch: after a change no earlier request can be voted on or
/// executed, even if the same people return.
/// WARNING: that goes for a granted revocation too. When a granted change of approvers is executed first, the revocation
/// dies with the former set, and the new one must be asked anew. Execute a revocation as soon as it is granted.
/// WARNING: only a hash of the members and the threshold are known at anchoring. A hash of no proper set, or a
/// threshold above the number of members, makes a consent under which nothing is ever granted.
///
/// Requests. `requestId` = keccak256(abi.encode(consentKey, epoch, operationHash, deadline)) is used once: to ask again,
/// choose another deadline. A request is opened by the anchorer, or with the first vote of a member; nobody else can.
/// Requests are independent of each other, so opening many hinders nothing.
///
/// Votes. A member grants or denies. A denial is final. By a member that granted before, it withdraws that grant,
/// which never counts again; that works until the quorum is reached, also for a grant that was signed but not yet
/// submitted. A signed vote has no nonce: the request's word remembers every vote, so none takes effect twice. It binds
/// chain and contract (EIP-712 domain), approver, request, operation, decision and deadline.
///
/// Outcome. Granted with the threshold's last vote, denied as soon as the threshold cannot be reached any more, expired at
/// the deadline otherwise (no transaction is needed for that). Granted, denied and expired are final.
/// WARNING: a member can call after it has seen another's vote pending. Whoever wants to withdraw races with whoever
/// completes the quorum.
/// WARNING: a grant is a fact of the past. What relies on it MUST ask {isActionable} in the transaction in which it
/// acts, and see to it that it acts once: the consent may have been revoked, or the set changed, since.
interface IConsentAnchor is IAuthorizations {
    /// @notice What a consent permits; each level includes those before it (S-09). None permits nothing.
    enum ConsentLevel {
        None,
        MemorialOnly,
        FamilyInteraction,
        Educational,
        CommercialLimited,
        FullCommercial
    }

    /// @notice Where a consent stands. RevocationPending is in force, with that restriction (X-57).
    enum ConsentStatus {
        Unknown,
        Active,
        RevocationPending,
        Expired,
        Revoked
    }

    /// @notice A vote. To deny after having granted is to withdraw the grant.
    enum Decision {
        Deny,
        Grant
    }

    /// @notice Where a request stands. Executed is a granted one whose operation this contract carried out.
    enum RequestState {
        Unknown,
        Open,
        Granted,
        Denied,
        Expired,
        Executed
    }

    /// @notice What is fixed at anchoring.
    /// @param commitment salted hash of the consent document, not zero
    /// @param level what is permitted
    /// @param expiry unix time in seconds; in force before it. 2**40 - 1 for a consent without end
    /// @param approversHash keccak256 of the members' addresses, 32 bytes each, in ascending order: {approversHash}
    /// @param threshold grants that make a quorum, 1 to 32
    /// @param guardian may revoke at once; zero for none
    struct ConsentTerms {
        bytes32 commitment;
        ConsentLevel level;
        uint40 expiry;
        bytes32 approversHash;
        uint8 threshold;
        address guardian;
    }

    /// @notice A consent as it stands.
    /// @param approvers first 26 bytes of keccak256(abi.encode(approversHash, epoch))
    /// @param validUntil in force before it: the expiry, or when a revocation takes effect
    /// @param anchoredAt in force from then on; zero for an unknown consent
    /// @param epoch how often the approvers were changed
    /// @param revoked whether `validUntil` comes from a revocation
    struct Consent {
        bytes26 approvers;
        uint40 validUntil;
        uint8 threshold;
        address guardian;
        uint40 anchoredAt;
        uint32 epoch;
        ConsentLevel level;
        bool revoked;
    }

    /// @notice What is asked of the approvers.
    /// @param epoch which approvers are asked: those after so many changes
    /// @param operationHash what they approve: {revocationOperation}, {approversChangeOperation}, or any hash that the
    /// one who acts on it checks
    /// @param deadline unix time in seconds; votes count before it
    struct ApprovalRequest {
        bytes32 consentKey;
        uint32 epoch;
        bytes32 operationHash;
        uint40 deadline;
    }

    /// @notice A signature of 64 bytes (EIP-2098): s with the parity of the curve point in its highest bit.
    /// @param r the x coordinate of the curve point
    /// @param vs parity and s
    struct CompactSignature {
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A request as it stands. A grant counts when its bit is set in `granted` and not in `declined`.
    /// @param state with Expired, when its time ran out undecided
    /// @param memberCount how many are asked; `threshold` of them grant it before `deadline`
    struct RequestRecord {
        RequestState state;
        uint40 deadline;
        uint8 threshold;
        uint8 memberCount;
        uint32 granted;
        uint32 declined;
    }

    /// @notice A consent was anchored, on the terms of {ConsentTerms}.
    /// @param consentKey keccak256(abi.encode(anchorer, commitment))
    /// @param anchorer who anchored it, and may revoke it
    event ConsentAnchored(
        bytes32 indexed consentKey,
        address indexed anchorer,
        address indexed guardian,
        bytes32 commitment,
        ConsentLevel level,
        uint40 expiry,
        bytes32 approversHash,
        uint8 threshold
    );

    /// @notice The consent ends at `effectiveAt`, until then with the restriction "revocation pending" (E-068, X-57).
    /// @param revoker anchorer or guardian; zero when a quorum of the approvers did, beside {RequestExecuted}
    event ConsentRevoked(bytes32 indexed consentKey, address indexed revoker, uint40 effectiveAt);

    /// @notice A quorum of the approvers changed them.
    /// @param members the new ones, in strictly ascending order
    event ApproversChanged(bytes32 indexed consentKey, uint32 epoch, uint8 threshold, address[] members);

    /// @notice A request was opened (state Open, no bits), or votes were cast. State and bitmaps are those after it (E-091,
    /// E-092). Beside the latest of these events there are only {RequestExecuted}, and the clock: time that runs out
    /// leaves no event.
    /// @param requestId keccak256(abi.encode(consentKey, epoch, operationHash, deadline))
    /// @param round from the lowest bit: granted (32), declined (32), threshold (8), number of members (8), deadline (40),
    /// {RequestState} (8)
    event RequestChanged(bytes32 indexed requestId, bytes32 indexed consentKey, bytes32 operationHash, uint256 round);

    /// @notice The operation of a granted request was carried out by this contract.
    event RequestExecuted(bytes32 indexed requestId, bytes32 indexed consentKey);

    /// @notice A consent needs a commitment, and a hash of its approvers.
    error EmptyHash();

    /// @notice The anchorer anchored this commitment before; a key is used once, also after its consent ended.
    error ConsentAlreadyAnchored(bytes32 consentKey);

    /// @notice The consent would end before it begins.
    error ExpiryPassed(uint40 expiry);

    /// @notice The consent ended at `validUntil`, or was never anchored (zero).
    error ConsentNotInForce(bytes32 consentKey, uint40 validUntil);

    /// @notice A revocation at `effectiveAt` would end nothing: the consent ends at `validUntil`, or was never anchored
    /// (zero).
    error RevocationWithoutEffect(uint256 effectiveAt, uint40 validUntil);

    /// @notice `account` is not the guardian named at anchoring.
    error NotTheGuardian(bytes32 consentKey, address account);

    /// @notice A set has 1 to 32 members.
    error ApproverCountInvalid(uint256 memberCount);

    /// @notice Member `index` is not above the one before it, is zero, or is no address.
    error ApproversNotAscending(uint256 index);

    /// @notice A threshold is at least 1 and at most the number of members (at anchoring: at most 32).
    error ThresholdInvalid(uint256 threshold, uint256 memberCount);

    /// @notice The members presented are not the present ones of this consent, or not at this epoch.
    error ApproversNotCurrent(bytes32 consentKey, uint32 epoch);

    /// @notice `account` is not a member of the set presented.
    error NotAnApprover(address account);

    /// @notice `voters` names somebody beyond the members, or not as many as there are signatures.
    error VotersInvalid(uint256 voters, uint256 memberCount, uint256 signatures);

    /// @notice The request is open already, or was.
    error RequestAlreadyOpened(bytes32 requestId);

    /// @notice Nobody who may open the request did: no vote of those presented counts.
    error RequestNotOpened(bytes32 requestId);

    /// @notice The request was decided before.
    error RequestClosed(bytes32 requestId, RequestState state);

    /// @notice Votes counted until the second before `deadline`.
    error RequestExpired(bytes32 requestId, uint40 deadline);

    /// @notice The member declined before, or granted before and does so again.
    error VoteAlreadyCast(bytes32 requestId, address approver);

    /// @notice Only what is granted, and not executed yet, can be executed.
    error RequestNotGranted(bytes32 requestId, RequestState state);

    /// @notice Type hash of AnchorAuthorization(address anchorer, the members of {ConsentTerms}, uint256 validAfter,
    /// uint256 validBefore,bytes32 nonce).
    function ANCHOR_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("RevokeAuthorization(address anchorer,bytes32 commitment,uint40 effectiveAt,
    /// uint256 validAfter,uint256 validBefore,bytes32 nonce)"), in one line.
    function REVOKE_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("EmergencyRevokeAuthorization(address guardian,bytes32 consentKey,uint256 validAfter,
    /// uint256 validBefore,bytes32 nonce)"), in one line.
    function EMERGENCY_REVOKE_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("OpenAuthorization(address anchorer,bytes32 commitment,bytes32 operationHash,uint40 deadline,
    /// uint256 validAfter,uint256 validBefore,bytes32 nonce)"), in one line.
    function OPEN_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("Vote(address approver,bytes32 requestId,bytes32 operationHash,uint8 decision,
    /// uint40 deadline)"), in one line. `decision` is 0 to deny, 1 to grant.
    function VOTE_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("RevokeConsent(bytes32 consentKey,uint40 effectiveAt)").
    function REVOKE_CONSENT_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("ChangeApprovers(bytes32 consentKey,bytes32 approversHash,uint8 threshold)").
    function CHANGE_APPROVERS_TYPEHASH() external view returns (bytes32);

    /// @notice Anchors a consent with the caller as anchorer.
    /// @param terms what is fixed from now on
    function anchor(ConsentTerms calldata terms) external returns (bytes32 consentKey);

    /// @notice The same for an anchorer who signed it. Anyone may submit it.
    /// @param validAfter unix time in seconds; executable when block.timestamp is greater
    /// @param validBefore unix time in seconds; executable when block.timestamp is less
    /// @param nonce any 32 bytes that the signer has not used with this contract
    function anchorWithAuthorization(
        address anchorer,
        ConsentTerms calldata terms,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external returns (bytes32 consentKey);

    /// @notice The anchorer ends its consent at `effectiveAt`, or at once when that has passed: a revocation that
    /// arrives late still works, and never backwards. A revocation can be brought forward, not put off or undone.
    /// WARNING: the anchorer can always do so alone. Where a family decides, the family's account must be the anchorer.
    /// @param effectiveAt unix time in seconds; zero for at once
    function revoke(bytes32 commitment, uint40 effectiveAt) external;

    /// @notice The same for an anchorer who signed it. Anyone may submit it.
    function revokeWithAuthorization(
        address anchorer,
        bytes32 commitment,
        uint40 effectiveAt,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice The guardian named at anchoring ends the consent at once (X-57).
    /// WARNING: the guardian alone does, nobody can undo it, and nobody can put another guardian in his place: a guardian
    /// whose key is lost or stolen stays the guardian of this consent.
    function emergencyRevoke(bytes32 consentKey) external;

    /// @notice The same for a guardian who signed it. Anyone may submit it.
    function emergencyRevokeWithAuthorization(
        address guardian,
        bytes32 consentKey,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice The anchorer asks the approvers without voting (E-091). A member asks by voting.
    function open(bytes32 commitment, bytes32 operationHash, uint40 deadline, address[] calldata members)
        external
        returns (bytes32 requestId);

    /// @notice The same for an anchorer who signed it. Anyone may submit it.
    /// WARNING: it opens the request under whatever set the consent has then.
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
    ) external returns (bytes32 requestId);

    /// @notice The caller, one of the approvers, votes; a request that is not open yet is opened.
    /// @param request what is asked
    /// @param members all approvers at the request's epoch, in strictly ascending order
    /// @param decision to grant, or to deny and so withdraw an earlier grant
    function vote(ApprovalRequest calldata request, address[] calldata members, Decision decision) external;

    /// @notice The same for a member who signed it. Anyone may submit it.
    /// @param approver the member who signed Vote, see {VOTE_TYPEHASH}
    /// @param signature as described in {IAuthorizations}
    function voteWithSignature(
        ApprovalRequest calldata request,
        address[] calldata members,
        Decision decision,
        address approver,
        bytes calldata signature
    ) external;

    /// @notice Casts signed votes of one decision, in the order of the members; a request that is not open yet is
    /// opened if one of them counts. Anyone may submit it. A vote that cannot be cast (cast before, decided or expired
    /// request, bad signature) is skipped with {AuthorizationSkipped}, `index` being that of its signature.
    ///
    /// Signatures have 64 bytes here, also those that a contract wallet is asked about; others take
    /// {voteWithSignature}. Whoever submits cannot choose which votes fail: they run in this call's own frame, and a
    /// contract wallet is asked with its full gas or not at all ({InsufficientSignatureGas}). It can choose order and
    /// time.
    /// @param voters bit i is set when a signature of member i is there
    /// @param signatures one per set bit, lowest first
    /// @return executed bit i (value 2**i) is set when member i's vote was cast
    function castSignedVotes(
        ApprovalRequest calldata request,
        address[] calldata members,
        Decision decision,
        uint256 voters,
        CompactSignature[] calldata signatures
    ) external returns (uint256 executed);

    /// @notice Revokes a consent as its approvers granted: a request for {revocationOperation}. Anyone may call it, also
    /// after the deadline, which is that of the votes.
    function revokeByApproval(bytes32 consentKey, uint40 effectiveAt, uint40 deadline) external;

    /// @notice Changes the approvers as the present ones granted: a request for {approversChangeOperation}. Anyone may
    /// call it, also after the deadline, which is that of the votes.
    function changeApproversByApproval(bytes32 consentKey, address[] calldata members, uint8 threshold, uint40 deadline)
        external;

    /// @notice The consent as it stands; all zero when unknown.
    function consentOf(bytes32 consentKey) external view returns (Consent memory);

    /// @notice Where the consent stands now.
    function statusOf(bytes32 consentKey) external view returns (ConsentStatus);

    /// @notice Whether a use that needs `level` was, is or will be permitted at `at`, as far as is known now. Never for
    /// level None.
    /// WARNING: for a time ahead a later revocation changes the answer.
    function isValid(bytes32 consentKey, ConsentLevel level, uint256 at) external view returns (bool);

    /// @notice The request as it stands now.
    function requestOf(bytes32 requestId) external view returns (RequestRecord memory);

    /// @notice Whether the approvers granted the request, whatever happened to consent and set since.
    function isGranted(bytes32 requestId) external view returns (bool);

    /// @notice Whether the present approvers granted the request, this contract has not executed it, and the consent is
    /// in force now. RevocationPending is in force: until the revocation takes effect, requests are voted on, granted and
    /// actionable as before. Whoever must refuse by then asks {statusOf} as well.
    function isActionable(ApprovalRequest calldata request) external view returns (bool);

    /// @notice keccak256(abi.encode(anchorer, commitment)).
    function consentKeyOf(address anchorer, bytes32 commitment) external pure returns (bytes32);

    /// @notice keccak256(abi.encode(request)).
    function requestIdOf(ApprovalRequest calldata request) external pure returns (bytes32);

    /// @notice EIP-712's hash of `members` as address[]; reverts unless they are 1 to 32 in strictly ascending order.
    function approversHash(address[] calldata members) external pure returns (bytes32);

    /// @notice Operation hash of a revocation: EIP-712's hashStruct of RevokeConsent.
    function revocationOperation(bytes32 consentKey, uint40 effectiveAt) external pure returns (bytes32);

    /// @notice Operation hash of a change of approvers: EIP-712's hashStruct of ChangeApprovers.
    /// @param newApproversHash {approversHash} of the new members
    function approversChangeOperation(bytes32 consentKey, bytes32 newApproversHash, uint8 threshold)
        external
        pure
        returns (bytes32);
}
