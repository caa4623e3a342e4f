// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentAnchor} from "../../../src/ConsentAnchor.sol";
import {IConsentAnchor} from "../../../src/interfaces/IConsentAnchor.sol";
import {Artifacts} from "../Artifacts.sol";
import {SigningTest} from "../SigningTest.sol";

/// @notice A deployed ConsentAnchor, and alice's consent that three of five approvers govern and a guardian guards. Type
/// strings, hashes and ids stand here as literals, so that a slip in the contract cannot repeat itself in its tests.
abstract contract ConsentAnchorTest is SigningTest {
    bytes32 internal constant ANCHOR_TYPEHASH = keccak256(
        "AnchorAuthorization(address anchorer,bytes32 commitment,uint8 level,uint40 expiry,bytes32 approversHash,uint8 threshold,address guardian,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant REVOKE_TYPEHASH = keccak256(
        "RevokeAuthorization(address anchorer,bytes32 commitment,uint40 effectiveAt,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant EMERGENCY_TYPEHASH = keccak256(
        "EmergencyRevokeAuthorization(address guardian,bytes32 consentKey,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant OPEN_TYPEHASH = keccak256(
        "OpenAuthorization(address anchorer,bytes32 commitment,bytes32 operationHash,uint40 deadline,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant VOTE_TYPEHASH =
        keccak256("Vote(address approver,bytes32 requestId,bytes32 operationHash,uint8 decision,uint40 deadline)");
    bytes32 internal constant REVOKE_CONSENT_TYPEHASH =
        keccak256("RevokeConsent(bytes32 consentKey,uint40 effectiveAt)");
    bytes32 internal constant CHANGE_APPROVERS_TYPEHASH =
        keccak256("ChangeApprovers(bytes32 consentKey,bytes32 approversHash,uint8 threshold)");

    bytes32 internal constant COMMITMENT = keccak256("salt and document");
    bytes32 internal constant OPERATION = keccak256("an operation");
    uint40 internal constant EXPIRY = uint40(NOW + 365 days);
    uint40 internal constant DEADLINE = uint40(NOW + 7 days);
    uint256 internal constant VALID_AFTER = NOW - 1;
    uint256 internal constant VALID_BEFORE = NOW + 1 hours;
    bytes32 internal constant NONCE = keccak256("a nonce");
    uint8 internal constant THRESHOLD = 3;
    uint256 internal constant MEMBERS = 5;
    IConsentAnchor.Decision internal constant DENY = IConsentAnchor.Decision.Deny;
    IConsentAnchor.Decision internal constant GRANT = IConsentAnchor.Decision.Grant;

    ConsentAnchor internal consents;
    address internal guardian;
    uint256 internal guardianKey;

    /// @dev Of alice's consent.
    bytes32 internal consentKey;

    /// @dev The keys of the members, in the order of their addresses.
    uint256[] internal memberKeys;

    function setUp() public virtual override {
        super.setUp();
        (guardian, guardianKey) = makeAddrAndKey("guardian");
        memberKeys = _ascendingKeys("member", MEMBERS);
        consents = ConsentAnchor(Artifacts.deploy("ConsentAnchor", ""));
        consentKey = keccak256(abi.encode(alice, COMMITMENT));
        vm.prank(alice);
        consents.anchor(_terms());
    }

    function _terms() internal view returns (IConsentAnchor.ConsentTerms memory) {
        return IConsentAnchor.ConsentTerms({
            commitment: COMMITMENT,
            level: IConsentAnchor.ConsentLevel.Educational,
            expiry: EXPIRY,
            approversHash: _approversHash(_members()),
            threshold: THRESHOLD,
            guardian: guardian
        });
    }

    function _members() internal view returns (address[] memory members) {
        members = new address[](memberKeys.length);
        for (uint256 i = 0; i < members.length; ++i) {
            members[i] = vm.addr(memberKeys[i]);
        }
    }

    function _member(uint256 index) internal view returns (address) {
        return vm.addr(memberKeys[index]);
    }

    /// @dev To the approvers of alice's consent as anchored.
    function _request(bytes32 operation) internal view returns (IConsentAnchor.ApprovalRequest memory) {
        return IConsentAnchor.ApprovalRequest({
            consentKey: consentKey, epoch: 0, operationHash: operation, deadline: DEADLINE
        });
    }

    function _requestId(IConsentAnchor.ApprovalRequest memory request) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                request.consentKey, uint256(request.epoch), request.operationHash, uint256(request.deadline)
            )
        );
    }

    function _approversHash(address[] memory members) internal pure returns (bytes32) {
        bytes memory packed;
        for (uint256 i = 0; i < members.length; ++i) {
            packed = bytes.concat(packed, bytes32(uint256(uint160(members[i]))));
        }
        return keccak256(packed);
    }

    function _voteDigest(
        address approver,
        IConsentAnchor.ApprovalRequest memory request,
        IConsentAnchor.Decision decision
    ) internal view returns (bytes32) {
        return _digest(_voteStructHash(approver, request, decision));
    }

    function _voteStructHash(
        address approver,
        IConsentAnchor.ApprovalRequest memory request,
        IConsentAnchor.Decision decision
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(VOTE_TYPEHASH, approver, _requestId(request), request.operationHash, decision, request.deadline)
        );
    }

    /// @dev The vote of a member of alice's consent as anchored, 65 bytes.
    function _signedVote(
        uint256 member,
        IConsentAnchor.ApprovalRequest memory request,
        IConsentAnchor.Decision decision
    ) internal view returns (bytes memory) {
        return _sign(memberKeys[member], _voteDigest(_member(member), request, decision));
    }

    function _signedVotes(
        uint256 voters,
        IConsentAnchor.ApprovalRequest memory request,
        IConsentAnchor.Decision decision
    ) internal view returns (IConsentAnchor.CompactSignature[] memory signatures) {
        signatures = new IConsentAnchor.CompactSignature[](_count(voters));
        uint256 index = 0;
        for (uint256 member = 0; member < memberKeys.length; ++member) {
            if (voters >> member & 1 == 0) continue;
            signatures[index++] = _compactSignature(_signedVote(member, request, decision));
        }
    }

    function _compactSignature(bytes memory signature) internal pure returns (IConsentAnchor.CompactSignature memory) {
        (bytes32 r, bytes32 vs) = abi.decode(_compact(signature), (bytes32, bytes32));
        return IConsentAnchor.CompactSignature(r, vs);
    }

    /// @dev Members `voters` of alice's consent vote by signature.
    function _cast(uint256 voters, IConsentAnchor.ApprovalRequest memory request, IConsentAnchor.Decision decision)
        internal
        returns (uint256)
    {
        IConsentAnchor.CompactSignature[] memory signatures = _signedVotes(voters, request, decision);
        vm.prank(relayer);
        return consents.castSignedVotes(request, _members(), decision, voters, signatures);
    }

    /// @dev A member of alice's consent votes itself.
    function _vote(uint256 member, IConsentAnchor.ApprovalRequest memory request, IConsentAnchor.Decision decision)
        internal
    {
        vm.prank(_member(member));
        consents.vote(request, _members(), decision);
    }

    /// @dev Anchors a consent that says COMMITMENT's terms with other approvers.
    function _anchorFor(address anchorer, address[] memory members, uint8 threshold, bytes32 commitment)
        internal
        returns (bytes32)
    {
        IConsentAnchor.ConsentTerms memory terms = _terms();
        terms.commitment = commitment;
        terms.approversHash = _approversHash(members);
        terms.threshold = threshold;
        vm.prank(anchorer);
        return consents.anchor(terms);
    }

    /// @dev The event of a request to the approvers of alice's consent as anchored.
    function _expectChanged(
        IConsentAnchor.ApprovalRequest memory request,
        IConsentAnchor.RequestState state,
        uint256 granted,
        uint256 declined
    ) internal {
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentAnchor.RequestChanged(
            _requestId(request),
            request.consentKey,
            request.operationHash,
            granted | declined << 32 | uint256(THRESHOLD) << 64 | MEMBERS << 72 | uint256(request.deadline) << 80
                | uint256(state) << 120
        );
    }

    function _commitmentTo(address[] memory members, uint256 epoch) internal pure returns (bytes26) {
        return bytes26(keccak256(abi.encode(_approversHash(members), epoch)));
    }

    function _assertRequest(bytes32 requestId, IConsentAnchor.RequestState state, uint256 granted, uint256 declined)
        internal
        view
    {
        IConsentAnchor.RequestRecord memory record = consents.requestOf(requestId);
        assertEq(uint8(record.state), uint8(state), "state");
        assertEq(record.granted, granted, "granted");
        assertEq(record.declined, declined, "declined");
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return _digest(structHash, block.chainid, address(consents));
    }

    function _digest(bytes32 structHash, uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return _digest("WIA Consent Anchor", structHash, chainId, verifyingContract);
    }

    /// @dev `count` keys in the order of their addresses.
    function _ascendingKeys(string memory name, uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 key = uint256(keccak256(abi.encode(name, i)));
            uint256 place = i;
            for (; place > 0 && vm.addr(keys[place - 1]) > vm.addr(key); --place) {
                keys[place] = keys[place - 1];
            }
            keys[place] = key;
        }
    }

    /// @dev Set bits, one by one.
    function _count(uint256 bitmap) internal pure returns (uint256 set) {
        for (; bitmap != 0; bitmap >>= 1) {
            set += bitmap & 1;
        }
    }
}
