// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title How carbon credits come into being and leave without being retired
/// @notice Every token stands for a serial number of some issuance. Serves requirements C-093, C-094, X-19.
///
/// Serials. One serial is 0.001 t, which is 1e15 units; serials of a series start at 1. Tonne n of a registry that
/// counts whole tonnes is serials 1000 n − 999 … 1000 n. An issuance is one range of serials of one series.
///
/// Series. Ranges of a series never overlap, whoever issues them. An issuer's own series is bound to the issuer's
/// address and filled without gaps, by {mint} and by {issue} with an empty registry series; nobody else reaches it. A
/// registry's series is shared by the issuers that the default admin let in, by granting them the role
/// keccak256("SERIES:" ‖ name of the series); who has no such role can neither use nor squat a single serial of it.
/// WARNING: whoever was let into a registry's series can take any free range of it, so the same registry account should
/// not be handed to two issuers who do not trust each other. Names are compared byte by byte: "VCS" and "vcs" are two
/// series, and the admin decides that only one of them stands for the registry.
///
/// Quota. An issuer may issue what the default admin allowed, counted in serials over the issuer's whole life. What was
/// issued stays consumed: retiring, cancelling and buffering give nothing back, because the serials are not free again
/// either. So an issuer whose key is stolen can never put more than the rest of the quota into the world.
///
/// Conservation. At any time, over all issuances,
///
///     totalSupply = 1e15 × Σ (issued − retired − cancelled − buffered), each issuance's term being ≥ 0.
///
/// Tokens come into being in one place, which adds the same number of serials to `issued` of one issuance; and they
/// are burnt only for an issuance, as a whole number of serials, at most its open ones, which are added to one of the
/// three other counts in the same call. There is no other way into or out of the supply: transfers refuse the zero
/// address at both ends. A reversal moves serials from `buffered` to `cancelled` and touches no token. The supply is
/// therefore always whole serials, and as the open serials of all issuances are as many as all tokens, nobody's tokens
/// are ever left without an open issuance to retire.
/// Transfers take any amount. Dust below one serial can be moved and combined, but only whole serials can be burnt.
interface ICreditIssuance {
    /// @notice One credit id and what became of its serials; all counts in serials of 0.001 t (1e15 units).
    /// @param firstSerial the issuance is firstSerial … firstSerial + issued − 1 of its series
    /// @param issued serials minted; 0 for a credit id that was never minted
    /// @param retired serials retired, see {ICreditRetirement}
    /// @param cancelled serials cancelled, those that covered a reversal included
    /// @param buffered serials in the buffer
    /// @param issuer who minted them
    /// @param termsHash keccak256 of the ABI encoding of {IssuanceTerms}; 0 when it came from {mint}
    struct Issuance {
        uint64 firstSerial;
        uint48 issued;
        uint48 retired;
        uint48 cancelled;
        uint48 buffered;
        address issuer;
        bytes32 termsHash;
    }

    /// @notice What an issuer says of an issuance.
    /// @param creditId not empty, once per contract
    /// @param project the registry's id of the project
    /// @param methodology the registry's id of the methodology
    /// @param dataHash hash of the evidence: monitoring report, verification statement
    /// @param registrySeries name of the registry's series; empty for the issuer's own
    /// @param vintage calendar year of the reduction or removal
    /// @param firstSerial first serial, at least 1; in the issuer's own series exactly the next one
    /// @param lastSerial last serial; lastSerial − firstSerial + 1 serials of 1e15 units are minted
    struct IssuanceTerms {
        string creditId;
        string project;
        string methodology;
        bytes32 dataHash;
        string registrySeries;
        uint16 vintage;
        uint64 firstSerial;
        uint64 lastSerial;
    }

    /// @notice An issuer's quota and what is used of it, in serials.
    /// @param quota serials that the issuer may issue over time; 2**64 − 1, the greatest, is in effect no
    /// limit
    /// @param issued serials issued so far, in all series
    /// @param ownSerials how many serials of the issuer's own series are taken; the next one is ownSerials + 1
    struct Issuer {
        uint64 quota;
        uint64 issued;
        uint64 ownSerials;
    }

    /// @notice A range of a registry's series, kept under its first serial; the one kept under 0 is no range, its
    /// `next` is the first of all.
    /// @param last last serial of the range
    /// @param next first serial of the next range, 0 behind the last of all
    struct SerialRange {
        uint64 last;
        uint64 next;
    }

    /// @notice `amount` was minted to `recipient` for the credit `creditId` (C-093). The last event of {mint} and of
    /// {issue}.
    event CreditMinted(address indexed recipient, uint256 amount, string creditId);

    /// @notice The serials firstSerial…lastSerial of `series` became the issuance of a credit, by {mint} or {issue}.
    /// @param creditIdHash keccak256 of the credit id
    /// @param series the issuer's address for the issuer's own series, else keccak256("SERIES:" ‖ its name)
    event CreditIssued(
        bytes32 indexed creditIdHash,
        address indexed issuer,
        bytes32 indexed series,
        uint64 firstSerial,
        uint64 lastSerial
    );

    /// @notice What the issuer says of an issuance made by {issue}: the `terms` that
    /// {Issuance.termsHash} is the hash of.
    event CreditDescribed(bytes32 indexed creditIdHash, IssuanceTerms terms);

    /// @notice `canceller` burnt `amount` of their own tokens; the serials from `firstSerial` on are cancelled,
    /// and `reason` says why.
    event CreditCancelled(
        bytes32 indexed creditIdHash, address indexed canceller, uint256 amount, uint64 firstSerial, string reason
    );

    /// @notice `contributor` burnt `amount` of their own tokens; the serials from `firstSerial` on are in the buffer.
    event CreditBuffered(bytes32 indexed creditIdHash, address indexed contributor, uint256 amount, uint64 firstSerial);

    /// @notice `amount` of the credit's buffer was cancelled for a reversal; `reason` says which.
    event ReversalRecorded(bytes32 indexed creditIdHash, uint256 amount, string reason);

    /// @notice `issuer` may issue `serials` over its whole life, 2**64 − 1 being in effect no limit.
    event IssuerQuotaSet(address indexed issuer, uint64 serials);

    /// @notice `amount` is zero or not a multiple of `step` (X-19).
    error AmountNotInSteps(uint256 amount, uint256 step);

    /// @notice One issuance holds at most `maximum` (281 billion tonnes).
    error AmountTooLarge(uint256 amount, uint256 maximum);

    /// @notice A credit needs an id.
    error EmptyCreditId();

    /// @notice Tokens were minted for this credit before; minting again would count its tonnes twice.
    error CreditIdAlreadyMinted(string creditId);

    /// @notice The issuer asked for more serials than are left of the quota.
    error IssuerQuotaExceeded(address issuer, uint256 serials, uint256 left);

    /// @notice Serials start at 1, and a range ends where it begins or later.
    error SerialRangeInvalid(uint64 firstSerial, uint64 lastSerial);

    /// @notice An issuer's own series has no gaps: the range must begin at `next`.
    error SerialNotNext(uint64 firstSerial, uint64 next);

    /// @notice The range shares serials with one that was issued before.
    error SerialsOverlap(uint64 firstSerial, uint64 lastSerial, uint64 otherFirst, uint64 otherLast);

    /// @notice The hint names no range of the series.
    error NoRangeBeginsAt(uint64 predecessor);

    /// @notice The hint is wrong or went stale: the range that begins at `other` lies between, or is the hint itself and
    /// lies behind. Look on from `other`.
    error NotThePredecessor(uint64 firstSerial, uint64 other);

    /// @notice Of this credit only `open` is neither retired nor cancelled nor in the buffer; 0 for an unknown credit.
    error ExceedsOpenAmount(bytes32 creditIdHash, uint256 open, uint256 amount);

    /// @notice The credit's buffer holds only `buffered`.
    error ExceedsBuffer(bytes32 creditIdHash, uint256 buffered, uint256 amount);

    /// @notice Only the issuer of the credit or the default admin may do this.
    error CallerMustBeIssuer(address caller, address issuer);

    /// @notice Role that may mint and issue, within its quota.
    /// WARNING: the constructor's admin has this role and the greatest quota. They do not move with a change of the
    /// default admin: revoke the role as part of it.
    function MINTER_ROLE() external view returns (bytes32);

    /// @notice What became of a credit id; all zero when it was never minted.
    function issuanceOf(string calldata creditId) external view returns (Issuance memory);

    /// @notice Quota and consumption of an issuer.
    function issuerOf(address issuer) external view returns (Issuer memory);

    /// @notice A range of a registry's series; start from 0 and follow `next`. For looking up a hint off chain when the
    /// {CreditIssued} events are not at hand.
    /// @param series keccak256("SERIES:" ‖ name of the series)
    function serialRanges(bytes32 series, uint64 firstSerial) external view returns (SerialRange memory);

    /// @notice Mints `amount` to `to` for the credit `creditId` (C-094) and takes the next serials of the caller's own
    /// series for it. Needs {MINTER_ROLE}, and quota.
    /// @param amount a positive multiple of 1e15 units, which are 0.001 t (X-19), below 2**48 of them
    /// @param creditId not empty, once per contract. Ids are compared byte by byte: "A-1" and "a-1" are two credits.
    /// WARNING: that the credit exists and was issued nowhere else is the minter's word, not this contract's knowledge.
    /// Credit ids are one space for all minters: a minter who sees another's id pending can take it first.
    function mint(address to, uint256 amount, string calldata creditId) external;

    /// @notice Mints the serials that `terms` name to `to`. Needs {MINTER_ROLE}, quota, and for a registry's series its
    /// role.
    /// @param predecessor in a registry's series: first serial of the nearest range before the new one, 0 when there is
    /// none. Without meaning in the caller's own series, where 0 is as good as anything.
    /// Ranges are never removed, so a hint can only go stale when another issuer of the same series inserts between it
    /// and the new range. The call then reverts with {NotThePredecessor}, which names the range to look on from; nothing
    /// is lost but the gas.
    /// WARNING: what the terms say, and that the registry holds these serials for the issuer, is the issuer's word.
    function issue(address to, uint64 predecessor, IssuanceTerms calldata terms) external;

    /// @notice Burns `amount` of the caller's own tokens and takes it from what is open of the credit, because the
    /// tonnes turned out not to exist or went back to the registry, as `reason` says. Only for the issuer of the credit and the default
    /// admin; nobody else's tokens can be cancelled. Also during a pause.
    /// @param amount a positive multiple of 1e15 units, at most what is open of the credit
    /// WARNING: tokens are fungible. When the issuer's tokens of a bad credit were sold, the issuer must buy others back
    /// to cancel it, and what holders retired of it before stays retired.
    function cancelCredits(string calldata creditId, uint256 amount, string calldata reason) external;

    /// @notice Burns `amount` of the caller's own tokens and puts it into the buffer of the credit, which covers
    /// reversals. Only for the issuer of the credit and the default admin. Also during a pause.
    /// WARNING: what is in the buffer never comes back into circulation.
    function bufferCredits(string calldata creditId, uint256 amount) external;

    /// @notice Cancels `amount` of the credit's buffer, because that much of what was stored has been released again;
    /// `reason` says how.
    /// Needs the default admin, so that an issuer cannot empty the buffer that vouches for it. Also during a pause.
    /// More than the buffer holds is refused; the rest of such a reversal is cancelled with tokens, {cancelCredits},
    /// or recorded against the buffer of another credit that stands in for it.
    function recordReversal(string calldata creditId, uint256 amount, string calldata reason) external;

    /// @notice Lets `issuer` issue `serials` over its whole life, what it issued so far included; 2**64 − 1 is in effect
    /// no limit, less than what was issued stops it. Needs the default admin. Setting the same quota twice changes nothing.
    function setIssuerQuota(address issuer, uint64 serials) external;
}
