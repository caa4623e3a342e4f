// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../src/CarbonCredit.sol";
import {ICreditIssuance} from "../../src/interfaces/ICreditIssuance.sol";
import {ICreditRetirement} from "../../src/interfaces/ICreditRetirement.sol";
import {ITransferAuthorizations} from "../../src/interfaces/ITransferAuthorizations.sol";
import {Test} from "../support/Test.sol";

/// @notice What halmos adds to the cheat codes.
interface Svm {
    function enableSymbolicStorage(address account) external;
}

/// @notice Proofs for halmos (scripts/audit proofs): totalSupply = Σ over issuances (issued − retired − cancelled −
/// buffered), each term ≥ 0. By induction: it holds of a new contract, where all is zero; and from whatever state, each
/// action that makes or burns tokens changes the supply by exactly what it changes of the one issuance that it names,
/// leaves no term negative, and touches no other. Each argument stands for all its values; the two credit ids are
/// fixed, for they enter as hashes alone. {CarbonCredit} mints and burns nowhere else (transfers have proofs too).
/// That steps × 1e15 / 1e15 is steps is said to the solver, which cannot divide; that what is no multiple is refused is
/// a proof of its own. The last says of the batch, which marks nonces itself, that it uses each at most once.
contract CarbonCreditProof is Test {
    Svm private constant SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
    uint256 private constant STEP = 1e15;
    string private constant CREDIT = "credit";
    string private constant OTHER = "other";

    bool private _executed;

    CarbonCredit private token = new CarbonCredit(address(this), 0);

    function setUp() external {
        SVM.enableSymbolicStorage(address(token));
    }

    function check_MintConserves(address to, uint48 steps) external {
        _mints(abi.encodeCall(token.mint, (to, _amount(steps), CREDIT)));
    }

    function check_IssueConserves(address to, uint64 predecessor, uint64 first, uint64 last, bool own) external {
        ICreditIssuance.IssuanceTerms memory terms;
        terms.creditId = CREDIT;
        terms.registrySeries = own ? "" : "registry";
        (terms.firstSerial, terms.lastSerial) = (first, last);
        _mints(abi.encodeCall(token.issue, (to, predecessor, terms)));
    }

    function check_RetireConserves(uint48 steps) external {
        _burns(steps, abi.encodeCall(token.retire, (_retirement(steps))));
    }

    function check_RetireFromConserves(address holder, uint48 steps) external {
        _burns(steps, abi.encodeCall(token.retireFrom, (holder, _retirement(steps))));
    }

    function check_RetireWithAuthorizationConserves(
        address holder,
        uint48 steps,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        ICreditRetirement.Retirement memory retirement = _retirement(steps);
        _burns(
            steps,
            abi.encodeCall(
                token.retireWithAuthorization, (holder, retirement, validAfter, validBefore, nonce, signature)
            )
        );
    }

    function check_CancellingConserves(uint48 steps) external {
        _burns(steps, abi.encodeCall(token.cancelCredits, (CREDIT, _amount(steps), "")));
    }

    function check_BufferingConserves(uint48 steps) external {
        _burns(steps, abi.encodeCall(token.bufferCredits, (CREDIT, _amount(steps))));
    }

    function check_AReversalConserves(uint48 steps) external {
        _moves(abi.encodeCall(token.recordReversal, (CREDIT, _amount(steps), "")));
    }

    function check_ATransferConserves(address to, uint256 value) external {
        _moves(abi.encodeCall(token.transfer, (to, value)));
    }

    /// @dev Its items go one after the other through the same loop, so that one stands for all.
    function check_ATransferBatchConserves(ITransferAuthorizations.TransferAuthorization calldata item) external {
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](1);
        items[0] = item;
        _moves(abi.encodeCall(token.transferWithAuthorizationBatch, (items)));
    }

    /// @dev Two items of one signer and nonce: never both, none if it was used before, and what was executed used it.
    function check_ABatchUsesANonceAtMostOnce(
        ITransferAuthorizations.TransferAuthorization calldata first,
        ITransferAuthorizations.TransferAuthorization calldata second
    ) external {
        vm.assume(second.from == first.from && second.nonce == first.nonce);
        bool before = token.authorizationState(first.from, first.nonce);
        ITransferAuthorizations.TransferAuthorization[] memory items =
            new ITransferAuthorizations.TransferAuthorization[](2);
        (items[0], items[1]) = (first, second);
        uint256 executed = token.transferWithAuthorizationBatch(items);
        assert(executed < 3);
        assert(executed == 0 || !before && token.authorizationState(first.from, first.nonce));
    }

    /// @dev Of an amount that is no whole number of steps nothing is made or burnt.
    function check_OnlyWholeStepsAreMinted(address to, uint256 amount) external {
        vm.assume(amount % STEP != 0);
        (bool success,) = address(token).call(abi.encodeCall(token.mint, (to, amount, CREDIT)));
        assert(!success);
    }

    /// @dev What was minted is what the issuance has more of. Serials are 64 bits, so that no product wraps.
    function _mints(bytes memory call) private {
        (uint256 supply, uint256 open) = (token.totalSupply(), _open());
        _execute(call);
        (uint256 supplyAfter, uint256 openAfter) = (token.totalSupply(), _open());
        assert(supplyAfter >= supply && openAfter >= open);
        unchecked {
            assert(supplyAfter - supply == (openAfter - open) * STEP);
        }
    }

    /// @dev What was burnt is what the issuance has less of: `steps`.
    function _burns(uint48 steps, bytes memory call) private {
        // True of all 48 bits; the solver takes it from here.
        vm.assume(_amount(steps) / STEP == steps);
        (uint256 supply, uint256 open) = (token.totalSupply(), _open());
        vm.assume(supply >= _amount(steps));
        _execute(call);
        (uint256 supplyAfter, uint256 openAfter) = (token.totalSupply(), _open());
        assert(supply >= supplyAfter && open >= openAfter);
        unchecked {
            assert(supply - supplyAfter == _amount(steps));
            assert(open - openAfter == steps);
        }
    }

    /// @dev Neither changes.
    function _moves(bytes memory call) private {
        (uint256 supply, uint256 open) = (token.totalSupply(), _open());
        _execute(call);
        assert(token.totalSupply() == supply);
        assert(_open() == open);
    }

    /// @dev The call succeeds, and the other issuance is as it was.
    function _execute(bytes memory call) private {
        bytes32 other = keccak256(abi.encode(token.issuanceOf(OTHER)));
        (bool success,) = address(token).call(call);
        vm.assume(success);
        _executed = true;
        assert(keccak256(abi.encode(token.issuanceOf(OTHER))) == other);
    }

    /// @dev Before a call the term of the sum that is not negative is taken as such, after it that is to be shown.
    function _open() private view returns (uint256) {
        ICreditIssuance.Issuance memory issuance = token.issuanceOf(CREDIT);
        uint256 gone = uint256(issuance.retired) + issuance.cancelled + issuance.buffered;
        if (_executed) assert(gone <= issuance.issued);
        else vm.assume(gone <= issuance.issued);
        return issuance.issued - gone;
    }

    function _retirement(uint48 steps) private pure returns (ICreditRetirement.Retirement memory retirement) {
        retirement.creditId = CREDIT;
        retirement.amount = _amount(steps);
    }

    function _amount(uint48 steps) private pure returns (uint256) {
        unchecked {
            return steps * STEP;
        }
    }
}
