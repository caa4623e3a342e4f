// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICreditIssuance} from "../../src/interfaces/ICreditIssuance.sol";
import {CarbonCreditIssuanceHandler} from "../support/carbon-credit/CarbonCreditIssuanceHandler.sol";
import {CarbonCreditTest} from "../support/carbon-credit/CarbonCreditTest.sol";

/// @notice What holds after any sequence of calls.
contract InvariantsTest is CarbonCreditTest {
    CarbonCreditIssuanceHandler private handler;

    function setUp() public override {
        super.setUp();
        vm.prank(alice);
        token.transfer(address(this), HOLDING);
        handler = new CarbonCreditIssuanceHandler(token, admin, "alice's", HOLDING / STEP);
        _letInto("VCS", admin);
        for (uint256 i = 1; i < 3; ++i) {
            _makeIssuer(handler.issuers()[i], 0);
            handler.setIssuerQuota(i - 1, uint64(i * 100_000));
            _letInto("VCS", handler.issuers()[i]);
        }
        targetContract(address(handler));
    }

    /// @dev The supply is what is open of all issuances, and no issuance's term is negative.
    function invariant_TheSupplyIsWhatIsOpen() public view {
        CarbonCreditIssuanceHandler.Credit[] memory credits = handler.credits();
        uint256 open = 0;
        for (uint256 i = 0; i < credits.length; ++i) {
            ICreditIssuance.Issuance memory issuance = token.issuanceOf(credits[i].id);
            assertLe(_gone(credits[i].id), issuance.issued);
            open += issuance.issued - _gone(credits[i].id);
            assertEq(issuance.firstSerial, credits[i].first);
            assertEq(issuance.issued, credits[i].issued);
            assertEq(issuance.retired, credits[i].retired);
            assertEq(issuance.cancelled, credits[i].cancelled);
            assertEq(issuance.buffered, credits[i].buffered);
            assertEq(issuance.issuer, credits[i].issuer);
            assertEq(issuance.termsHash != 0, credits[i].described);
        }
        assertEq(token.totalSupply(), open * STEP);
    }

    /// @dev Every balance is what the model says, and together they are the supply.
    function invariant_BalancesAreConserved() public view {
        address[] memory holders = handler.holders();
        uint256 sum = HOLDING + token.balanceOf(admin);
        assertEq(token.balanceOf(admin), handler.balanceModel(admin));
        for (uint256 i = 0; i < holders.length; ++i) {
            assertEq(token.balanceOf(holders[i]), handler.balanceModel(holders[i]));
            sum += token.balanceOf(holders[i]);
        }
        assertEq(sum, token.totalSupply());
        assertEq(token.balanceOf(address(0)), 0);
    }

    /// @dev The registry's list is ascending, free of overlaps, and holds every range that was issued.
    function invariant_SerialsAreIssuedOnce() public view {
        CarbonCreditIssuanceHandler.Credit[] memory credits = handler.credits();
        uint256 ranges = 0;
        uint256 serials = 0;
        for (uint256 i = 0; i < credits.length; ++i) {
            if (!credits[i].registry) continue;
            ++ranges;
            serials += credits[i].issued;
        }
        uint64 end = 0;
        uint64 first = token.serialRanges(_registrySeries("VCS"), 0).next;
        while (first != 0) {
            assertGt(first, end);
            end = token.serialRanges(_registrySeries("VCS"), first).last;
            assertGe(end, first);
            --ranges;
            serials -= end - first + 1;
            first = token.serialRanges(_registrySeries("VCS"), first).next;
        }
        assertEq(ranges, 0);
        assertEq(serials, 0);
    }

    /// @dev Every retirement has its certificate for good, and certificates say as much as was retired.
    function invariant_CertificatesHold() public view {
        CarbonCreditIssuanceHandler.Certificate[] memory certificates = handler.certificates();
        uint256 certified = 0;
        for (uint256 i = 0; i < certificates.length; ++i) {
            certified += certificates[i].retirement.amount / STEP;
            assertTrue(
                token.verifyCertificate(
                    certificates[i].holder,
                    certificates[i].firstSerial,
                    certificates[i].retiredAt,
                    certificates[i].retirement
                )
            );
        }
        CarbonCreditIssuanceHandler.Credit[] memory credits = handler.credits();
        for (uint256 i = 0; i < credits.length; ++i) {
            certified -= token.issuanceOf(credits[i].id).retired;
        }
        assertEq(certified, 0);
    }

    /// @dev No issuer issues more than its quota allows at the time ({invariant_VerdictsAreTheModels}), and what it issued
    /// is counted whatever became of it.
    function invariant_QuotasHold() public view {
        address[3] memory issuers = handler.issuers();
        for (uint256 i = 0; i < issuers.length; ++i) {
            ICreditIssuance.Issuer memory issuer = token.issuerOf(issuers[i]);
            assertEq(issuer.issued, handler.issuedModel(issuers[i]));
            assertEq(issuer.quota, handler.quotaModel(issuers[i]));
            assertEq(issuer.ownSerials, handler.ownSerials(issuers[i]));
        }
    }

    /// @dev Nothing was accepted that the model forbids, nothing refused that it permits; and allowances are its own.
    function invariant_VerdictsAreTheModels() public view {
        assertEq(handler.wrong(), 0);
        address[] memory holders = handler.holders();
        for (uint256 i = 0; i < holders.length; ++i) {
            for (uint256 j = 0; j < holders.length; ++j) {
                assertEq(token.allowance(holders[i], holders[j]), handler.allowanceModel(holders[i], holders[j]));
            }
        }
    }

    /// @dev Used or cancelled at most once, and the state says so.
    function invariant_ANonceTakesEffectAtMostOnce() public view {
        address[] memory holders = handler.holders();
        bytes32[] memory nonces = handler.nonces();
        uint256 total = 0;
        for (uint256 i = 0; i < holders.length; ++i) {
            for (uint256 j = 0; j < nonces.length; ++j) {
                uint256 effects = handler.effects(holders[i], nonces[j]);
                assertLe(effects, 1);
                assertEq(token.authorizationState(holders[i], nonces[j]), effects == 1);
                total += effects;
            }
        }
        assertEq(total, handler.executedItems() + handler.cancellations());
    }

    /// @dev The invariants speak of something: a long run meets every outcome.
    function test_TheHandlerReachesEveryOutcome() public {
        uint256 seed = 1;
        for (uint256 i = 0; i < 600; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _act(seed % 16, seed >> 8, seed >> 72, seed >> 136, seed >> 192);
        }
        _assertTransfersWereMet();
        assertGt(handler.mints(), 1);
        assertGt(handler.refusedMints(), 1);
        assertGt(handler.issues(), 1);
        assertGt(handler.refusedIssues(), 1);
        assertGt(handler.ownIssues(), 1);
        assertGt(handler.refusedOwnIssues(), 1);
        assertGt(handler.loweredQuotas(), 1);
        assertGt(handler.signedRetirements(), 1);
        assertGt(handler.refusedRetirements(), 1);
        assertGt(handler.reversals(), 1);
        invariant_TheSupplyIsWhatIsOpen();
        invariant_BalancesAreConserved();
        invariant_SerialsAreIssuedOnce();
        invariant_CertificatesHold();
        invariant_QuotasHold();
        invariant_VerdictsAreTheModels();
        invariant_ANonceTakesEffectAtMostOnce();
    }

    function _assertTransfersWereMet() private view {
        assertGt(handler.executedItems(), 20);
        assertGt(handler.skippedItems(), 20);
        assertGt(handler.refusedItems(), 1);
        assertGt(handler.receipts(), 1);
        assertGt(handler.cancellations(), 1);
        assertGt(handler.refusedCancellations(), 1);
        assertGt(handler.permits(), 1);
        assertGt(handler.refusedPermits(), 1);
        assertGt(handler.spendings(), 1);
        assertGt(handler.refusedSpendings(), 1);
    }

    function _act(uint256 action, uint256 a, uint256 b, uint256 c, uint256 d) private {
        if (action == 0) handler.mint(a, b, c);
        else if (action == 1) handler.transferFrom(a, b, c);
        else if (action == 2) handler.permit(a, b, c, d);
        else if (action == 3) handler.transferWithAuthorization(uint256(keccak256(abi.encode(a))));
        else if (action == 4) handler.receiveWithAuthorization(uint256(keccak256(abi.encode(a))), b);
        else if (action == 5) handler.transferWithAuthorizationBatch(a, b);
        else if (action == 6) handler.cancelAuthorization(a, b, c);
        else if (action == 7) handler.issue(a, b, c, d);
        else if (action == 8) handler.issueOwn(a, b, c, d);
        else if (action == 9) handler.setIssuerQuota(a, uint64(b));
        else if (action == 10) handler.retireFrom(a, b, c, d);
        else if (action == 11) handler.retireWithAuthorization(a, b, c, d, a >> 32);
        else if (action == 12) handler.bufferCredits(a, b, c % 2 == 0);
        else if (action == 13) handler.recordReversal(a, b);
        else if (action == 14) handler.passTime(a);
        else handler.pause(a);
    }
}
