//! What is signed for `FleetRegistry` beyond what [`super::battery`] holds for both registries.

use alloy::sol;

sol! {
    /// Registers a fleet: `count` passports behind one Merkle root.
    #[derive(Debug, PartialEq, Eq)]
    struct RegisterRootAuthorization {
        address registrant;
        bytes32 root;
        uint256 count;
        bytes32 cidDigest;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Anchors a batch of updates of a fleet as entry `sequence` of its chain.
    #[derive(Debug, PartialEq, Eq)]
    struct AnchorBatchAuthorization {
        address registrant;
        bytes32 fleetRoot;
        uint256 sequence;
        bytes32 batchRoot;
        uint256 count;
        bytes32 cidDigest;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}
