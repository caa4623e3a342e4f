// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {ICreditIssuance} from "../interfaces/ICreditIssuance.sol";
import {SerialRanges} from "./SerialRanges.sol";

/// @title Issuances of carbon credits: serials, quotas, cancellation, buffer
/// @notice See {ICreditIssuance}, also for why the supply is always the sum of what is open. To keep it so, an
/// inheriting contract MUST NOT mint, and burn by {_retireSerials} alone.
abstract contract CreditIssuance is ICreditIssuance, ERC20, AccessControlDefaultAdminRules, Pausable {
    using SerialRanges for SerialRanges.Series;

    /// @inheritdoc ICreditIssuance
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @dev One serial, 0.001 t (X-19).
    uint256 private constant CREDIT_STEP = 1e15;

    mapping(bytes32 creditIdHash => Issuance) private _issuances;

    mapping(address issuer => Issuer) private _issuers;

    mapping(bytes32 series => SerialRanges.Series) private _series;

    /// @param admin first minter, with the greatest quota
    constructor(address admin) {
        _grantRole(MINTER_ROLE, admin);
        _setIssuerQuota(admin, type(uint64).max);
    }

    /// @inheritdoc ICreditIssuance
    function issuanceOf(string calldata creditId) external view returns (Issuance memory) {
        return _issuances[keccak256(bytes(creditId))];
    }

    /// @inheritdoc ICreditIssuance
    function issuerOf(address issuer) external view returns (Issuer memory) {
        return _issuers[issuer];
    }

    /// @inheritdoc ICreditIssuance
    function serialRanges(bytes32 series, uint64 firstSerial) external view returns (SerialRange memory) {
        return _series[series].ranges[firstSerial];
    }

    /// @inheritdoc ICreditIssuance
    function mint(address to, uint256 amount, string calldata creditId) external onlyRole(MINTER_ROLE) whenNotPaused {
        uint48 count = _serialsOf(amount);
        bytes32 series = _ownSeries(_msgSender());
        uint64 first = _takeOwnSerials(count);
        _issue(to, creditId, keccak256(bytes(creditId)), series, first, count);
    }

    /// @inheritdoc ICreditIssuance
    function issue(address to, uint64 predecessor, IssuanceTerms calldata terms)
        external
        onlyRole(MINTER_ROLE)
        whenNotPaused
    {
        uint48 count = _rangeSize(terms.firstSerial, terms.lastSerial);
        bytes32 series = _takeSerials(terms, count, predecessor);
        bytes32 creditIdHash = keccak256(bytes(terms.creditId));
        emit CreditDescribed(creditIdHash, terms);
        _issue(to, terms.creditId, creditIdHash, series, terms.firstSerial, count);
        _issuances[creditIdHash].termsHash = keccak256(abi.encode(terms));
    }

    /// @inheritdoc ICreditIssuance
    function cancelCredits(string calldata creditId, uint256 amount, string calldata reason) external {
        bytes32 creditIdHash = keccak256(bytes(creditId));
        (Issuance storage issuance, uint48 count, uint64 first) = _openSerials(creditIdHash, amount);
        _requireIssuerOrAdmin(issuance.issuer);
        issuance.cancelled += count;
        _burn(_msgSender(), amount);
        emit CreditCancelled(creditIdHash, _msgSender(), amount, first, reason);
    }

    /// @inheritdoc ICreditIssuance
    function bufferCredits(string calldata creditId, uint256 amount) external {
        bytes32 creditIdHash = keccak256(bytes(creditId));
        (Issuance storage issuance, uint48 count, uint64 first) = _openSerials(creditIdHash, amount);
        _requireIssuerOrAdmin(issuance.issuer);
        issuance.buffered += count;
        _burn(_msgSender(), amount);
        emit CreditBuffered(creditIdHash, _msgSender(), amount, first);
    }

    /// @inheritdoc ICreditIssuance
    function recordReversal(string calldata creditId, uint256 amount, string calldata reason)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        uint48 count = _serialsOf(amount);
        bytes32 creditIdHash = keccak256(bytes(creditId));
        Issuance storage issuance = _issuances[creditIdHash];
        uint48 buffered = issuance.buffered;
        if (count > buffered) revert ExceedsBuffer(creditIdHash, buffered * CREDIT_STEP, amount);
        issuance.buffered = buffered - count;
        issuance.cancelled += count;
        emit ReversalRecorded(creditIdHash, amount, reason);
    }

    /// @inheritdoc ICreditIssuance
    function setIssuerQuota(address issuer, uint64 serials) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setIssuerQuota(issuer, serials);
    }

    /// @dev Burns tokens of `holder` as retired serials of the credit.
    /// @return first the first of these serials
    function _retireSerials(address holder, bytes32 creditIdHash, uint256 amount) internal returns (uint64) {
        (Issuance storage issuance, uint48 count, uint64 first) = _openSerials(creditIdHash, amount);
        issuance.retired += count;
        _burn(holder, amount);
        return first;
    }

    /// @dev `amount` as serials of the credit that are still open; `first` is the first of them. Serials leave an
    /// issuance in ascending order, whichever way they go; a reversal, which moves them between two ways, changes no
    /// sum. Four 48-bit counts of which the three later ones never exceed the first: no sum overflows.
    function _openSerials(bytes32 creditIdHash, uint256 amount)
        private
        view
        returns (Issuance storage issuance, uint48 count, uint64 first)
    {
        count = _serialsOf(amount);
        issuance = _issuances[creditIdHash];
        uint48 gone = issuance.retired + issuance.cancelled + issuance.buffered;
        uint48 open = issuance.issued - gone;
        if (count > open) revert ExceedsOpenAmount(creditIdHash, open * CREDIT_STEP, amount);
        first = issuance.firstSerial + gone;
    }

    /// @dev The one place where tokens come into being.
    function _issue(
        address to,
        string calldata creditId,
        bytes32 creditIdHash,
        bytes32 series,
        uint64 first,
        uint48 count
    ) private {
        if (bytes(creditId).length == 0) revert EmptyCreditId();
        Issuance storage issuance = _issuances[creditIdHash];
        if (issuance.issued != 0) revert CreditIdAlreadyMinted(creditId);
        address issuer = _msgSender();
        _consumeQuota(issuer, count);

        uint256 amount = count * CREDIT_STEP;
        issuance.firstSerial = first;
        issuance.issued = count;
        issuance.issuer = issuer;
        _mint(to, amount);
        emit CreditIssued(creditIdHash, issuer, series, first, first + (count - 1));
        emit CreditMinted(to, amount, creditId);
    }

    /// @dev Takes the range of the terms in the series that they name.
    function _takeSerials(IssuanceTerms calldata terms, uint48 count, uint64 predecessor)
        private
        returns (bytes32 series)
    {
        address issuer = _msgSender();
        if (bytes(terms.registrySeries).length == 0) {
            uint64 next = _takeOwnSerials(count);
            if (terms.firstSerial != next) revert SerialNotNext(terms.firstSerial, next);
            return _ownSeries(issuer);
        }
        series = keccak256(bytes.concat("SERIES:", bytes(terms.registrySeries)));
        _checkRole(series, issuer);
        _series[series].insert(terms.firstSerial, terms.lastSerial, predecessor);
    }

    /// @dev The next serials of the caller's own series. Only the caller reaches them, so nobody can be in the way.
    function _takeOwnSerials(uint48 count) private returns (uint64 first) {
        Issuer storage issuer = _issuers[_msgSender()];
        first = issuer.ownSerials + 1;
        issuer.ownSerials += count;
    }

    function _consumeQuota(address account, uint48 count) private {
        Issuer storage issuer = _issuers[account];
        uint64 quota = issuer.quota;
        uint64 issued = issuer.issued;
        uint64 left = quota > issued ? quota - issued : 0;
        if (count > left) revert IssuerQuotaExceeded(account, count, left);
        issuer.issued = issued + count;
    }

    function _setIssuerQuota(address issuer, uint64 serials) private {
        _issuers[issuer].quota = serials;
        emit IssuerQuotaSet(issuer, serials);
    }

    function _requireIssuerOrAdmin(address issuer) private view {
        address caller = _msgSender();
        if (caller != issuer && !hasRole(DEFAULT_ADMIN_ROLE, caller)) revert CallerMustBeIssuer(caller, issuer);
    }

    /// @dev No hash is so small that a registry's series could be somebody's own.
    function _ownSeries(address issuer) private pure returns (bytes32) {
        return bytes32(uint256(uint160(issuer)));
    }

    function _serialsOf(uint256 amount) private pure returns (uint48) {
        if (amount == 0 || amount % CREDIT_STEP != 0) revert AmountNotInSteps(amount, CREDIT_STEP);
        return _countOf(amount / CREDIT_STEP);
    }

    function _rangeSize(uint64 first, uint64 last) private pure returns (uint48) {
        if (first == 0 || last < first) revert SerialRangeInvalid(first, last);
        return _countOf(uint256(last) - first + 1);
    }

    function _countOf(uint256 serials) private pure returns (uint48) {
        if (serials > type(uint48).max) {
            revert AmountTooLarge(serials * CREDIT_STEP, type(uint48).max * CREDIT_STEP);
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint48(serials); // checked above
    }
}
