// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../src/CarbonCredit.sol";
import {ICreditIssuance} from "../../src/interfaces/ICreditIssuance.sol";
import {ICreditRetirement} from "../../src/interfaces/ICreditRetirement.sol";

interface Hevm {
    function addr(uint256 key) external returns (address);
    function sign(uint256 key, bytes32 digest) external returns (uint8 v, bytes32 r, bytes32 s);
}

/// @notice What echidna calls at random: an issuer and admin, which is this contract and a holder, too; three holders
/// with keys; four credits; four nonces. Properties begin with echidna_; what begins with reaches_ has to be broken, or
/// the calls came to nothing.
contract CarbonCreditEchidna {
    Hevm private constant HEVM = Hevm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant STEP = 1e15;
    uint256 private constant HOLDERS = 2;
    uint256 private constant CREDITS = 4;
    uint256 private constant NONCES = 4;

    CarbonCredit private immutable TOKEN = new CarbonCredit(address(this), 0);

    mapping(uint256 holder => mapping(bytes32 nonce => uint256)) private _effects;
    bool private _twice;
    mapping(bytes4 action => bool) private _succeeded;

    modifier noted() {
        _;
        _succeeded[msg.sig] = true;
    }

    function mint(uint256 credit, uint256 holder, uint256 steps) external noted {
        TOKEN.mint(_holder(holder), (steps % 1_000_000 + 1) * STEP, _creditId(credit));
    }

    function transfer(uint256 holder, uint256 amount) external noted {
        TOKEN.transfer(_holder(holder), amount % (TOKEN.balanceOf(address(this)) + 1));
    }

    function retire(uint256 credit, uint256 steps) external noted {
        ICreditRetirement.Retirement memory retirement;
        retirement.creditId = _creditId(credit);
        retirement.amount = _amount(steps);
        TOKEN.retire(retirement);
    }

    function cancelCredits(uint256 credit, uint256 steps) external noted {
        TOKEN.cancelCredits(_creditId(credit), _amount(steps), "");
    }

    function bufferCredits(uint256 credit, uint256 steps) external noted {
        TOKEN.bufferCredits(_creditId(credit), _amount(steps));
    }

    function recordReversal(uint256 credit, uint256 steps) external noted {
        TOKEN.recordReversal(_creditId(credit), _amount(steps), "");
    }

    function transferWithAuthorization(uint256 from, uint256 to, uint256 value, uint256 nonceIndex) external noted {
        from %= HOLDERS;
        address signer = _holder(from);
        bytes32 nonce = _nonce(nonceIndex);
        value %= TOKEN.balanceOf(signer) + 2;
        bytes32 structHash = keccak256(
            abi.encode(
                TOKEN.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(),
                signer,
                _holder(to),
                value,
                uint256(0),
                type(uint256).max,
                nonce
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = _sign(from, structHash);
        TOKEN.transferWithAuthorization(signer, _holder(to), value, 0, type(uint256).max, nonce, v, r, s);
        _tookEffect(from, nonce);
    }

    function cancelAuthorization(uint256 holder, uint256 nonceIndex) external noted {
        holder %= HOLDERS;
        bytes32 nonce = _nonce(nonceIndex);
        (uint8 v, bytes32 r, bytes32 s) =
            _sign(holder, keccak256(abi.encode(TOKEN.CANCEL_AUTHORIZATION_TYPEHASH(), _holder(holder), nonce)));
        TOKEN.cancelAuthorization(_holder(holder), nonce, v, r, s);
        _tookEffect(holder, nonce);
    }

    /// @dev Paused a fifth of the time.
    function pause(uint256 seed) external noted {
        bool wanted = seed % 5 == 0;
        if (wanted == TOKEN.paused()) return;
        if (wanted) TOKEN.pause();
        else TOKEN.unpause();
    }

    function echidna_supply_is_what_is_open_of_all_credits() external view returns (bool) {
        uint256 open;
        for (uint256 i = 0; i < CREDITS; ++i) {
            ICreditIssuance.Issuance memory each = TOKEN.issuanceOf(_creditId(i));
            uint256 gone = uint256(each.retired) + each.cancelled + each.buffered;
            if (gone > each.issued) return false;
            open += each.issued - gone;
        }
        return TOKEN.totalSupply() == open * STEP;
    }

    function echidna_balances_add_up_to_the_supply() external returns (bool) {
        uint256 sum = TOKEN.balanceOf(address(this));
        for (uint256 i = 0; i < HOLDERS; ++i) {
            sum += TOKEN.balanceOf(_holder(i));
        }
        return sum == TOKEN.totalSupply();
    }

    function echidna_a_nonce_takes_effect_at_most_once() external view returns (bool) {
        return !_twice;
    }

    function echidna_the_state_of_a_nonce_is_true() external returns (bool) {
        for (uint256 i = 0; i < HOLDERS; ++i) {
            for (uint256 j = 0; j < NONCES; ++j) {
                bool used = _effects[i][_nonce(j)] != 0;
                if (TOKEN.authorizationState(_holder(i), _nonce(j)) != used) return false;
            }
        }
        return true;
    }

    function reaches_no_state_in_which_every_action_succeeded() external view returns (bool) {
        return !(_succeeded[this.mint.selector] && _succeeded[this.transfer.selector]
                && _succeeded[this.retire.selector] && _succeeded[this.cancelCredits.selector]
                && _succeeded[this.bufferCredits.selector] && _succeeded[this.recordReversal.selector]
                && _succeeded[this.transferWithAuthorization.selector]
                && _succeeded[this.cancelAuthorization.selector] && _succeeded[this.pause.selector]);
    }

    function _tookEffect(uint256 holder, bytes32 nonce) private {
        if (++_effects[holder][nonce] > 1) _twice = true;
    }

    function _sign(uint256 holder, bytes32 structHash) private returns (uint8 v, bytes32 r, bytes32 s) {
        return HEVM.sign(0xa11ce + holder, keccak256(abi.encodePacked(hex"1901", TOKEN.DOMAIN_SEPARATOR(), structHash)));
    }

    /// @dev The last of them is this contract.
    function _holder(uint256 holder) private returns (address) {
        holder %= HOLDERS + 1;
        return holder == HOLDERS ? address(this) : HEVM.addr(0xa11ce + holder);
    }

    function _amount(uint256 steps) private view returns (uint256) {
        return (steps % (TOKEN.balanceOf(address(this)) / STEP + 2)) * STEP;
    }

    function _creditId(uint256 credit) private pure returns (string memory) {
        return string(abi.encodePacked("credit ", bytes1(uint8(0x30 + credit % CREDITS))));
    }

    /// @dev Half of them share a word.
    function _nonce(uint256 index) private pure returns (bytes32) {
        index %= NONCES;
        return index % 2 == 0 ? bytes32(index) : keccak256(abi.encode(index));
    }
}
