// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../../src/CarbonCredit.sol";
import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {ICreditRetirement} from "../../../src/interfaces/ICreditRetirement.sol";
import {ITransferAuthorizations} from "../../../src/interfaces/ITransferAuthorizations.sol";
import {Artifacts} from "../Artifacts.sol";
import {SigningTest} from "../SigningTest.sol";

/// @notice A deployed CarbonCredit and two holders. Type strings and domain stand here as literals, so that a slip in
/// the contract cannot repeat itself in its tests.
abstract contract CarbonCreditTest is SigningTest {
    bytes32 internal constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    bytes32 internal constant RETIRE_TYPEHASH = keccak256(
        "RetireAuthorization(address holder,string creditId,uint256 amount,string beneficiary,string purpose,bytes2 country,uint64 periodStart,uint64 periodEnd,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    /// @dev One serial.
    uint256 internal constant STEP = 1e15;

    uint256 internal constant HOLDING = 1_000e18;

    CarbonCredit internal token;

    function setUp() public virtual override {
        super.setUp();
        token = _deploy(admin);
        _mint(alice, HOLDING, "alice's");
    }

    /// @dev The shipping build.
    function _deploy(address firstAdmin) internal returns (CarbonCredit) {
        return CarbonCredit(Artifacts.deploy("CarbonCredit", abi.encode(firstAdmin, ADMIN_DELAY_S)));
    }

    function _mint(address to, uint256 amount, string memory creditId) internal {
        vm.prank(admin);
        token.mint(to, amount, creditId);
    }

    /// @dev A minter with a quota, as a configuration makes one.
    function _makeIssuer(address issuer, uint64 serials) internal {
        bytes32 role = token.MINTER_ROLE();
        vm.startPrank(admin);
        token.grantRole(role, issuer);
        token.setIssuerQuota(issuer, serials);
        vm.stopPrank();
    }

    function _ownSeries(address issuer) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(issuer)));
    }

    /// @dev Key of a registry's series and the role that lets an issuer use it.
    function _registrySeries(string memory name) internal pure returns (bytes32) {
        return keccak256(bytes.concat("SERIES:", bytes(name)));
    }

    function _letInto(string memory series, address issuer) internal {
        vm.prank(admin);
        token.grantRole(_registrySeries(series), issuer);
    }

    /// @dev Serials first…last of a registry's series; the empty name is the issuer's own.
    function _terms(string memory creditId, string memory series, uint64 first, uint64 last)
        internal
        pure
        returns (ICreditIssuance.IssuanceTerms memory)
    {
        return ICreditIssuance.IssuanceTerms(
            creditId, "VCS-1234", "VM0042", keccak256("evidence"), series, 2025, first, last
        );
    }

    function _retirement(string memory creditId, uint256 amount)
        internal
        pure
        returns (ICreditRetirement.Retirement memory)
    {
        return ICreditRetirement.Retirement(
            creditId, amount, "Example GmbH", "fleet 2025", "DE", 1_735_689_600, 1_767_225_599
        );
    }

    /// @dev retired + cancelled + buffered.
    function _gone(string memory creditId) internal view returns (uint256) {
        ICreditIssuance.Issuance memory issuance = token.issuanceOf(creditId);
        return uint256(issuance.retired) + issuance.cancelled + issuance.buffered;
    }

    /// @dev An authorization by alice's address that holds now and for an hour; not signed yet.
    function _fromAlice(address to, uint256 value, bytes32 nonce)
        internal
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        return ITransferAuthorizations.TransferAuthorization(alice, to, value, NOW - 1, NOW + 1 hours, nonce, "");
    }

    function _signed(ITransferAuthorizations.TransferAuthorization memory item, uint256 key)
        internal
        view
        returns (ITransferAuthorizations.TransferAuthorization memory)
    {
        item.signature = _sign(key, _transferDigest(item));
        return item;
    }

    function _transferDigest(ITransferAuthorizations.TransferAuthorization memory item)
        internal
        view
        returns (bytes32)
    {
        return _authorizationDigest(TRANSFER_TYPEHASH, item);
    }

    function _authorizationDigest(bytes32 typeHash, ITransferAuthorizations.TransferAuthorization memory item)
        internal
        view
        returns (bytes32)
    {
        return _digest(
            keccak256(
                abi.encode(typeHash, item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce)
            )
        );
    }

    function _cancelDigest(address authorizer, bytes32 nonce) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(CANCEL_TYPEHASH, authorizer, nonce)));
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return _digest(structHash, block.chainid, address(token));
    }

    function _digest(bytes32 structHash, uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return _digest("WIA Carbon Credit Micro", structHash, chainId, verifyingContract);
    }

    /// @dev The bytes form, as anyone.
    function _execute(ITransferAuthorizations.TransferAuthorization memory item) internal {
        vm.prank(relayer);
        token.transferWithAuthorization(
            item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce, item.signature
        );
    }
}
