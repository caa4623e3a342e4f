//! What is signed for `ConsentAnchor`: consents, requests, votes (E-091…E-093). The signer is the first member.

use alloy::sol;

sol! {
    /// Anchors a consent as a salted commitment, with its approver set and threshold fixed (E-091).
    #[derive(Debug, PartialEq, Eq)]
    struct AnchorAuthorization {
        address anchorer;
        bytes32 commitment;
        uint8 level;
        uint40 expiry;
        bytes32 approversHash;
        uint8 threshold;
        address guardian;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Ends a consent from `effectiveAt` on.
    #[derive(Debug, PartialEq, Eq)]
    struct RevokeAuthorization {
        address anchorer;
        bytes32 commitment;
        uint40 effectiveAt;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// The guardian who was named at anchoring ends a consent at once.
    #[derive(Debug, PartialEq, Eq)]
    struct EmergencyRevokeAuthorization {
        address guardian;
        bytes32 consentKey;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Asks the approvers of a consent for one operation, until `deadline`.
    #[derive(Debug, PartialEq, Eq)]
    struct OpenAuthorization {
        address anchorer;
        bytes32 commitment;
        bytes32 operationHash;
        uint40 deadline;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// One approver's word on one request. Denying after having granted withdraws the grant.
    #[derive(Debug, PartialEq, Eq)]
    struct Vote {
        address approver;
        bytes32 requestId;
        bytes32 operationHash;
        uint8 decision;
        uint40 deadline;
    }

    /// Never signed by itself: its hash is the `operationHash` of a vote on ending a consent.
    #[derive(Debug, PartialEq, Eq)]
    struct RevokeConsent {
        bytes32 consentKey;
        uint40 effectiveAt;
    }

    /// Never signed by itself: its hash is the `operationHash` of a vote on a new approver set.
    #[derive(Debug, PartialEq, Eq)]
    struct ChangeApprovers {
        bytes32 consentKey;
        bytes32 approversHash;
        uint8 threshold;
    }
}
