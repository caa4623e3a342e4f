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
            _makeIssuer(handler.issuers()[i], uint64(i * 100_000));
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
            assertEq(issuance.termsHash != 0, credits[i].registry);
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
                    certificates[i].holder, certificates[i].firstSerial, uint64(NOW), certificates[i].retirement
                )
            );
        }
        CarbonCreditIssuanceHandler.Credit[] memory credits = handler.credits();
        for (uint256 i = 0; i < credits.length; ++i) {
            certified -= token.issuanceOf(credits[i].id).retired;
        }
        assertEq(certified, 0);
    }

    /// @dev No issuer issues more than its quota, whatever became of what it issued.
    function invariant_QuotasHold() public view {
        address[3] memory issuers = handler.issuers();
        for (uint256 i = 0; i < issuers.length; ++i) {
            ICreditIssuance.Issuer memory issuer = token.issuerOf(issuers[i]);
            assertEq(issuer.issued, handler.issuedModel(issuers[i]));
            assertLe(issuer.issued, issuer.quota);
            assertLe(issuer.ownSerials, issuer.issued);
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
}
