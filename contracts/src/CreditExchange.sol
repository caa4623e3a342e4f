// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Matching} from "./base/Matching.sol";
import {Orders} from "./base/Orders.sol";
import {ICreditExchange} from "./interfaces/ICreditExchange.sol";

/// @title WIA Credit Exchange
/// @notice See {ICreditExchange}; requirements C-046, C-066, C-067, C-069, X-15, X-19, X-52, X-53.
contract CreditExchange is Orders, AccessControlDefaultAdminRules, ReentrancyGuardTransient, Pausable {
    using SafeERC20 for IERC20;

    /// @inheritdoc ICreditExchange
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");

    /// @inheritdoc ICreditExchange
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @inheritdoc ICreditExchange
    uint16 public constant MAX_FEE_BPS = Matching.MAX_FEE_BPS;

    /// @dev Gas that a match of a batch gets: about three times what it takes with two new fill words and recipients
    /// that held nothing, so that payment tokens behind proxies have room.
    uint256 private constant MATCH_GAS = 500_000;

    /// @dev What must be left before the call so that it gets MATCH_GAS: EIP-150 keeps 1/64 back, the rest pays for
    /// encoding.
    uint256 private constant MATCH_GAS_REQUIRED = MATCH_GAS * 64 / 63 + 5_000;

    /// @inheritdoc ICreditExchange
    address public immutable CREDIT;

    /// @inheritdoc ICreditExchange
    /// @dev In one slot with Pausable's flag, which settling reads anyway.
    address public feeRecipient;

    /// @inheritdoc ICreditExchange
    mapping(address token => bool allowed) public isPaymentToken;

    /// @param credit the token that orders buy and sell
    /// @param admin who holds every role at first, and gets the fees
    /// @param adminDelay seconds between beginning and accepting a change of the default admin
    constructor(address credit, address admin, uint48 adminDelay)
        EIP712("WIA Credit Exchange", "1")
        AccessControlDefaultAdminRules(adminDelay, admin)
    {
        if (credit.code.length == 0) revert CreditTokenInvalid(credit);
        CREDIT = credit;
        feeRecipient = admin;
        _grantRole(OPERATOR_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
    }

    /// @inheritdoc ICreditExchange
    function settle(SignedOrder calldata maker, SignedOrder calldata taker, Terms calldata terms)
        external
        onlyRole(OPERATOR_ROLE)
        whenNotPaused
        nonReentrant
    {
        _settle(maker.order, taker.order, _requireSigned(maker), _requireSigned(taker), terms);
    }

    /// @inheritdoc ICreditExchange
    function settleBatch(SignedOrder[] calldata orders, Match[] calldata matches)
        external
        onlyRole(OPERATOR_ROLE)
        whenNotPaused
        nonReentrant
        returns (uint256 executed)
    {
        _requireBatchSize(matches.length);
        bytes32[] memory digests = _signedDigests(orders);
        for (uint256 i = 0; i < matches.length; ++i) {
            Match calldata item = matches[i];
            (bool settled, bytes4 reason) = _trySettle(orders, digests, item);
            if (settled) executed |= 1 << i;
            else _emitSkipped(i, orders[item.maker].order, orders[item.taker].order, reason);
        }
    }

    /// @inheritdoc ICreditExchange
    function settleInFrame(
        Order calldata maker,
        Order calldata taker,
        bytes32 makerOrder,
        bytes32 takerOrder,
        Terms calldata terms
    ) external {
        if (msg.sender != address(this)) revert CallerMustBeExchange(msg.sender);
        _settle(maker, taker, makerOrder, takerOrder, terms);
    }

    /// @inheritdoc ICreditExchange
    function setPaymentToken(address token, bool allowed) external onlyRole(DEFAULT_ADMIN_ROLE) {
        // Forbidding must work whatever became of the token.
        if (allowed && (token == CREDIT || token.code.length == 0)) revert PaymentTokenInvalid(token);
        if (isPaymentToken[token] == allowed) return;
        isPaymentToken[token] = allowed;
        emit PaymentTokenSet(token, allowed);
    }

    /// @inheritdoc ICreditExchange
    function setFeeRecipient(address recipient) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (recipient == address(0) || recipient == address(this)) revert FeeRecipientInvalid(recipient);
        if (feeRecipient == recipient) return;
        feeRecipient = recipient;
        emit FeeRecipientSet(recipient);
    }

    /// @inheritdoc ICreditExchange
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc ICreditExchange
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @dev Two orders whose signatures were checked. All of our own state is written before any token is called, and
    /// whatever reverts undoes all of it.
    function _settle(
        Order calldata maker,
        Order calldata taker,
        bytes32 makerOrder,
        bytes32 takerOrder,
        Terms calldata terms
    ) private {
        Matching.Legs memory legs = Matching.legs(maker, taker, terms);
        address token = maker.paymentToken;
        if (!isPaymentToken[token]) revert PaymentTokenNotAllowed(token);
        _fill(maker, makerOrder, terms.lots);
        _fill(taker, takerOrder, terms.lots);
        emit Trade(
            maker.maker,
            taker.maker,
            token,
            makerOrder,
            takerOrder,
            taker.side,
            terms.lots,
            maker.price,
            legs.makerFee,
            legs.takerFee
        );
        _pay(IERC20(token), legs);
        IERC20(CREDIT).safeTransferFrom(legs.seller, legs.buyer, legs.credits);
    }

    /// @dev The seller's balance is the judge: a token that lies or takes a fee leaves it short. The guard against
    /// reentrancy keeps a nested match from filling it.
    function _pay(IERC20 token, Matching.Legs memory legs) private {
        uint256 due = token.balanceOf(legs.seller) + legs.proceeds;
        token.safeTransferFrom(legs.buyer, legs.seller, legs.proceeds);
        uint256 balance = token.balanceOf(legs.seller);
        if (balance < due) revert PaymentShort(address(token), due, balance);
        uint256 fees = legs.makerFee + legs.takerFee;
        if (fees != 0) token.safeTransferFrom(legs.buyer, feeRecipient, fees);
    }

    /// @dev Whether a match of a batch was settled, and if not, why.
    function _trySettle(SignedOrder[] calldata orders, bytes32[] memory digests, Match calldata item)
        private
        returns (bool settled, bytes4 reason)
    {
        bytes32 makerOrder = digests[item.maker];
        bytes32 takerOrder = digests[item.taker];
        if (makerOrder == 0 || takerOrder == 0) return (false, InvalidAuthorizationSignature.selector);
        return _isolate(orders[item.maker].order, orders[item.taker].order, makerOrder, takerOrder, item.terms);
    }

    /// @dev Calls {settleInFrame} with exactly MATCH_GAS. Its arguments are of fixed size and lie in calldata as it
    /// wants them: copying them in pieces, always to the same place, saves 1,000 gas per match. Of what it reverts with,
    /// four bytes are copied, so that a long answer costs the batch nothing.
    function _isolate(
        Order calldata maker,
        Order calldata taker,
        bytes32 makerOrder,
        bytes32 takerOrder,
        Terms calldata terms
    ) private returns (bool success, bytes4 reason) {
        bytes4 selector = this.settleInFrame.selector;
        uint256 gasGiven = MATCH_GAS;
        uint256 message;
        assembly ("memory-safe") {
            message := mload(0x40)
            mstore(message, selector)
            calldatacopy(add(message, 0x04), maker, 0x120)
            calldatacopy(add(message, 0x124), taker, 0x120)
            mstore(add(message, 0x244), makerOrder)
            mstore(add(message, 0x264), takerOrder)
            calldatacopy(add(message, 0x284), terms, 0x60)
        }
        // Behind the copying: by then the memory is paid for, however much of it there is.
        uint256 left = gasleft();
        if (left < MATCH_GAS_REQUIRED) revert InsufficientMatchGas(left, MATCH_GAS_REQUIRED);
        assembly ("memory-safe") {
            mstore(0x00, 0)
            success := call(gasGiven, address(), 0, message, 0x2e4, 0x00, 0x04)
            reason := mload(0x00)
        }
    }

    /// @dev Hashes both orders anew, since a digest whose signature was bad is not kept.
    function _emitSkipped(uint256 index, Order calldata maker, Order calldata taker, bytes4 reason) private {
        emit MatchSkipped(index, _orderDigest(maker), _orderDigest(taker), reason);
    }

    /// @dev The digest of each order, zero where its signature is not its maker's.
    function _signedDigests(SignedOrder[] calldata orders) private view returns (bytes32[] memory digests) {
        digests = new bytes32[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) {
            digests[i] = _signedDigest(orders[i]);
        }
    }

    function _requireSigned(SignedOrder calldata signed) private view returns (bytes32 digest) {
        digest = _signedDigest(signed);
        if (digest == 0) revert InvalidAuthorizationSignature(signed.order.maker);
    }

    function _signedDigest(SignedOrder calldata signed) private view returns (bytes32 digest) {
        digest = _orderDigest(signed.order);
        if (_signatureFault(signed.order.maker, digest, signed.signature) != NO_FAULT) return 0;
    }
}
