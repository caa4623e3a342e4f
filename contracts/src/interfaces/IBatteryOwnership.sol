// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title Owners of battery records, offers to new ones, and delegated updaters
/// @notice Every action exists twice: called by whoever it belongs to, and with `…WithAuthorization` by anyone who holds
/// that account's EIP-712 signature (see {IAuthorizations}): the `owner` offers and delegates, the `newOwner` accepts. All
/// keys are those of {IBatteryRecords}. `tenure` is the record's when the authorization is executed.
///
/// Tenure. A record counts its changes of owner, a change to the same owner included. Offers and delegations hold for
/// the tenure in which they were made, and so does every signature under an offer, an acceptance, a delegation or a
/// transfer, which names its `tenure`: with the owner they lapse, and they do not come back when he does. Handing a
/// record to oneself voids them all.
/// WARNING: within its tenure and window, what was signed and not submitted can be executed by whoever has it. Cancel
/// its nonce ({IAuthorizations-cancelAuthorization}) to take it back.
interface IBatteryOwnership {
    /// @notice The owner of `key` offers it to `to`, who may accept until `expiry`; to zero: no offer is open any more.
    event OwnershipOffered(
        bytes32 indexed key, address indexed owner, address indexed to, uint256 expiry, bytes32 documents
    );

    /// @notice B-083 `ownership_transfer`: `to` accepted `key` from `from`.
    /// @param documents what the two agreed on, as committed to in the offer
    event OwnershipTransfer(bytes32 indexed key, address indexed from, address indexed to, bytes32 documents);

    /// @notice `updater` may act on `key` within `scope` until `expiry`; scope zero: no more.
    event UpdaterDelegated(
        bytes32 indexed key, address indexed owner, address indexed updater, uint256 scope, uint256 expiry
    );

    /// @notice Nothing is registered under `key`.
    error UnknownRecord(bytes32 key);

    /// @notice The battery of `key` was recycled: its record is closed for good.
    error RecordRecycled(bytes32 key);

    /// @notice The record is one of the document's string ABI, whose data and owner change by the functions that take
    /// the battery id.
    error NamedRecord(bytes32 key);

    /// @notice `account` does not own `key`.
    error NotOwner(bytes32 key, address account);

    /// @notice `account` neither owns `key` nor was it delegated every bit of `scope`.
    error NotAuthorizedFor(bytes32 key, address account, uint256 scope);

    /// @notice A record, an offer and a delegation need somebody.
    error ZeroAddress();

    /// @notice A commitment or hash that must be there is zero.
    error ZeroHash();

    /// @notice `expiry` is past, or later than 48 bits can say.
    error InvalidExpiry(uint256 expiry);

    /// @notice `account` was not offered `key` on these terms, or no longer.
    error NoSuchOffer(bytes32 key, address account, uint256 expiry, bytes32 documents);

    /// @notice The offer of `key` held until the second before `expiry`.
    error OfferExpired(bytes32 key, uint256 expiry);

    /// @notice `scope` has a bit that stands for no action, or for one that cannot be delegated.
    error InvalidScope(uint256 scope);

    /// @notice `key` is in tenure `current`; what was signed is for tenure `given`.
    error TenureMismatch(bytes32 key, uint256 current, uint256 given);

    /// @notice `key` has changed hands 65,535 times, the most that is counted. Whoever owns it can bring this about, at
    /// the price of some 350 million gas; the record then stays with its last owner.
    error TenureExhausted(bytes32 key);

    /// @notice keccak256("OfferAuthorization(address owner,bytes32 key,uint256 tenure,address to,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function OFFER_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("AcceptAuthorization(address newOwner,bytes32 key,uint256 tenure,uint256 expiry,bytes32 documents,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function ACCEPT_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256("DelegateAuthorization(address owner,bytes32 key,uint256 tenure,address updater,uint256 scope,uint256 expiry,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
    function DELEGATE_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Hash of the latest offer of `key`: keccak256(abi.encode(to, expiry, documents, tenure)); zero when it was
    /// accepted or withdrawn, or there never was one. An offer that expired or whose tenure is over stays here, and is
    /// void.
    function offerOf(bytes32 key) external view returns (bytes32);

    /// @notice Whether `account` owns `key` or was delegated every bit of `scope`. Roles are not asked.
    function mayAct(bytes32 key, address account, uint256 scope) external view returns (bool);

    /// @notice Offers `key` to `to`. The owner calls; a new offer replaces the open one, and one to the zero address
    /// withdraws it, whatever its expiry and documents.
    /// @param expiry unix time in seconds; `to` may accept while block.timestamp is less
    /// @param documents salted commitment to the documents of the sale (B-083); never a plain hash, they name parties
    /// WARNING: withdrawing races with accepting. Whoever sees it pending can accept first.
    /// WARNING: the offer binds documents, not the record: until it is accepted its owner can still append data and
    /// record events. An offer to the owner himself is not refused; accepted, it begins a tenure.
    function offer(bytes32 key, address to, uint256 expiry, bytes32 documents) external;

    /// @notice {offer} with the owner's signature.
    function offerWithAuthorization(
        address owner,
        bytes32 key,
        uint256 tenure,
        address to,
        uint256 expiry,
        bytes32 documents,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Accepts the offer of `key` on exactly these terms and becomes its owner. Whom it was offered to calls.
    /// Not for records of the string ABI.
    /// WARNING: a signed acceptance does not bind the record's data and status, which the seller can change before it
    /// is executed. A buyer to whom they matter calls himself, or has them checked by who submits.
    function accept(bytes32 key, uint256 expiry, bytes32 documents) external;

    /// @notice {accept} with the new owner's signature.
    function acceptWithAuthorization(
        address newOwner,
        bytes32 key,
        uint256 tenure,
        uint256 expiry,
        bytes32 documents,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Lets `updater` act on `key`. The owner calls; what was delegated to this updater before is replaced.
    /// @param scope bit set of what it may do: bit 0 appends data, bit n (1 to 11, without 3 and 8) records the event of
    /// kind n ({IBatterySupplyChain-EventKind}), bit 12 changes the status. Zero takes everything back. Ownership,
    /// offers, delegation and second life cannot be delegated.
    /// @param expiry unix time in seconds; holds while block.timestamp is less. Not looked at when scope is zero.
    /// WARNING: of a record of the string ABI only bit 0 opens anything: it has no status and no events.
    /// WARNING: an updater with bit 11 can close the record for good (`materials_recovered`).
    function delegate(bytes32 key, address updater, uint256 scope, uint256 expiry) external;

    /// @notice {delegate} with the owner's signature.
    function delegateWithAuthorization(
        address owner,
        bytes32 key,
        uint256 tenure,
        address updater,
        uint256 scope,
        uint256 expiry,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}
