// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../src/CarbonCredit.sol";
import {ICreditIssuance} from "../../src/interfaces/ICreditIssuance.sol";
import {ICreditRetirement} from "../../src/interfaces/ICreditRetirement.sol";
import {Test} from "../support/Test.sol";

/// @notice What halmos adds to the cheat codes.
interface Svm {
    function enableSymbolicStorage(address account) external;
}

/// @notice Proofs for halmos (scripts/audit proofs): totalSupply = Σ over issuances (issued − retired − cancelled −
/// buffered), each term ≥ 0. By induction: it holds of a new contract, where all is zero; and from whatever state, each
/// action that makes or burns tokens changes the supply by exactly what it changes of the one issuance that it names,
/// leaves no term negative, and touches no other. Each argument stands for all its values; the two credit ids are
/// fixed, for they enter as hashes alone. {CarbonCredit} mints and burns nowhere else (transfers: the last proof).
contract CarbonCreditProof is Test {
    Svm private constant SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));
    uint256 private constant STEP = 1e15;
    string private constant CREDIT = "credit";
    string private constant OTHER = "other";

    CarbonCredit private token = new CarbonCredit(address(this), 0);

    function setUp() external {
        SVM.enableSymbolicStorage(address(token));
    }

    function check_MintConserves(address to, uint48 steps) external {
        _holds(abi.encodeCall(token.mint, (to, steps * STEP, CREDIT)));
    }

    function check_IssueConserves(address to, uint64 predecessor, uint64 first, uint64 last, bool own) external {
        ICreditIssuance.IssuanceTerms memory terms;
        terms.creditId = CREDIT;
        terms.registrySeries = own ? "" : "registry";
        (terms.firstSerial, terms.lastSerial) = (first, last);
        _holds(abi.encodeCall(token.issue, (to, predecessor, terms)));
    }

    function check_RetireConserves(uint48 steps) external {
        _holds(abi.encodeCall(token.retire, (_retirement(steps))));
    }

    function check_RetireFromConserves(address holder, uint48 steps) external {
        _holds(abi.encodeCall(token.retireFrom, (holder, _retirement(steps))));
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
        _holds(
            abi.encodeCall(
                token.retireWithAuthorization, (holder, retirement, validAfter, validBefore, nonce, signature)
            )
        );
    }

    function check_CancellingConserves(uint48 steps) external {
        _holds(abi.encodeCall(token.cancelCredits, (CREDIT, steps * STEP, "")));
    }

    function check_BufferingConserves(uint48 steps) external {
        _holds(abi.encodeCall(token.bufferCredits, (CREDIT, steps * STEP)));
    }

    function check_AReversalConserves(uint48 steps) external {
        _holds(abi.encodeCall(token.recordReversal, (CREDIT, steps * STEP, "")));
    }

    function check_ATransferConserves(address to, uint256 value) external {
        _holds(abi.encodeCall(token.transfer, (to, value)));
    }

    /// @dev Of an amount that is no whole number of steps nothing is made or burnt.
    function check_OnlyWholeStepsAreMinted(address to, uint256 amount) external {
        vm.assume(amount % STEP != 0);
        (bool success,) = address(token).call(abi.encodeCall(token.mint, (to, amount, CREDIT)));
        assert(!success);
    }

    /// @dev The step of the induction for one call.
    function _holds(bytes memory call) private {
        ICreditIssuance.Issuance memory before = token.issuanceOf(CREDIT);
        ICreditIssuance.Issuance memory otherBefore = token.issuanceOf(OTHER);
        uint256 supplyBefore = token.totalSupply();
        vm.assume(_gone(before) <= before.issued);
        // What the induction has for the rest of the supply: it is no less than what is open of this credit.
        vm.assume(supplyBefore >= (before.issued - _gone(before)) * STEP);

        (bool success,) = address(token).call(call);
        vm.assume(success);

        ICreditIssuance.Issuance memory next = token.issuanceOf(CREDIT);
        assert(_gone(next) <= next.issued);
        uint256 rest = supplyBefore - (before.issued - _gone(before)) * STEP;
        assert(token.totalSupply() == rest + (next.issued - _gone(next)) * STEP);
        assert(keccak256(abi.encode(token.issuanceOf(OTHER))) == keccak256(abi.encode(otherBefore)));
    }

    function _gone(ICreditIssuance.Issuance memory issuance) private pure returns (uint256) {
        return uint256(issuance.retired) + issuance.cancelled + issuance.buffered;
    }

    function _retirement(uint48 steps) private pure returns (ICreditRetirement.Retirement memory retirement) {
        retirement.creditId = CREDIT;
        retirement.amount = steps * STEP;
    }
}
