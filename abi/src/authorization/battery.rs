//! What is signed for `BatteryPassport` (B-111…B-116 and beside them). The signer is the first member.

use alloy::sol;

sol! {
    /// Offers a passport, with the documents that go with it, until `expiry`; void once its `tenure` is over.
    #[derive(Debug, PartialEq, Eq)]
    struct OfferAuthorization {
        address owner;
        bytes32 key;
        uint256 tenure;
        address to;
        uint256 expiry;
        bytes32 documents;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Takes an offered passport over; binds its expiry and documents, so that another offer is not accepted.
    #[derive(Debug, PartialEq, Eq)]
    struct AcceptAuthorization {
        address newOwner;
        bytes32 key;
        uint256 tenure;
        uint256 expiry;
        bytes32 documents;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Lets `updater` act within `scope` until `expiry`.
    #[derive(Debug, PartialEq, Eq)]
    struct DelegateAuthorization {
        address owner;
        bytes32 key;
        uint256 tenure;
        address updater;
        uint256 scope;
        uint256 expiry;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Puts `dataHash` behind entry `sequence` of a passport's chain.
    #[derive(Debug, PartialEq, Eq)]
    struct UpdateAuthorization {
        address updater;
        bytes32 key;
        uint256 sequence;
        bytes32 dataHash;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Begins a second life: signed by the operator and by the owner, for the same transaction.
    #[derive(Debug, PartialEq, Eq)]
    struct SecondLifeAuthorization {
        address signer;
        address operator;
        address owner;
        bytes32 saltedId;
        bytes32 dataHash;
        bytes32[] derivedFrom;
        bytes32 application;
        bytes32 modifications;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Changes the status in the life cycle, if it then is `from`.
    #[derive(Debug, PartialEq, Eq)]
    struct ChangeStatusAuthorization {
        address actor;
        bytes32 key;
        uint8 from;
        uint8 status;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Records a supply-chain event.
    #[derive(Debug, PartialEq, Eq)]
    struct RecordEventAuthorization {
        address actor;
        bytes32 key;
        uint8 kind;
        bytes32 first;
        bytes32 second;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Registers a battery under its id in clear (B-111).
    #[derive(Debug, PartialEq, Eq)]
    struct RegisterBatteryAuthorization {
        address manufacturer;
        string batteryId;
        bytes32 dataHash;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Hands a battery over in one step (B-113).
    #[derive(Debug, PartialEq, Eq)]
    struct TransferOwnershipAuthorization {
        address owner;
        string batteryId;
        uint256 tenure;
        address newOwner;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Puts `newDataHash` behind entry `sequence` of a battery's trail (B-112).
    #[derive(Debug, PartialEq, Eq)]
    struct UpdateDataAuthorization {
        address updater;
        string batteryId;
        uint256 sequence;
        bytes32 newDataHash;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Takes an offered battery over.
    #[derive(Debug, PartialEq, Eq)]
    struct AcceptBatteryAuthorization {
        address newOwner;
        string batteryId;
        uint256 tenure;
        uint256 expiry;
        bytes32 documents;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    /// Registers a passport under a salted id.
    #[derive(Debug, PartialEq, Eq)]
    struct RegisterAuthorization {
        address registrant;
        bytes32 saltedId;
        bytes32 dataHash;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}
