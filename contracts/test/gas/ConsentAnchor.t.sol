// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IConsentAnchor} from "../../src/interfaces/IConsentAnchor.sol";
import {ConsentAnchorTest} from "../support/consent-anchor/ConsentAnchorTest.sol";

/// @notice Gas of whole transactions (21,000 and calldata included, isolate mode) in named scenarios, kept in
/// snapshots/ConsentAnchor.json; a run whose figures differ fails. README.md says how to write new ones.
contract ConsentAnchorGasTest is ConsentAnchorTest {
    string private constant GROUP = "ConsentAnchor";

    bytes32 private constant FOR_ALL = keccak256("all must agree");

    IConsentAnchor.ApprovalRequest private request;

    function setUp() public override {
        super.setUp();
        request = _request(OPERATION);
    }

    function test_Anchor() public {
        IConsentAnchor.ConsentTerms memory terms = _terms();
        terms.commitment = keccak256("another");
        vm.prank(alice);
        consents.anchor(terms);
        assertLe(vm.snapshotGasLastCall(GROUP, "anchor, with guardian"), 75_000);
    }

    function test_OpenAndGrant() public {
        _run(7, "open + grant in one transaction, 3 of 5", 70_000);
    }

    function test_OpenAndGrantByAll() public {
        _anchorForAll();
        _run(31, "open + grant in one transaction, 5 of 5", 81_000);
    }

    function test_GrantOpened() public {
        _open(COMMITMENT);
        vm.snapshotGasLastCall(GROUP, "open by the anchorer, 5 members");
        _run(7, "grant of an opened request, 3 of 5", 55_000);
    }

    function test_GrantOpenedByAll() public {
        _anchorForAll();
        _open(FOR_ALL);
        _run(31, "grant of an opened request, 5 of 5", 66_000);
    }

    function _anchorForAll() private {
        IConsentAnchor.ConsentTerms memory terms = _terms();
        terms.commitment = FOR_ALL;
        terms.threshold = 5;
        vm.prank(alice);
        request.consentKey = consents.anchor(terms);
    }

    function _open(bytes32 commitment) private {
        vm.prank(alice);
        consents.open(commitment, request.operationHash, request.deadline, _members());
    }

    function _run(uint256 voters, string memory name, uint256 goal) private {
        assertEq(_cast(voters, request, GRANT), voters);
        assertLe(vm.snapshotGasLastCall(GROUP, name), goal);
        assertTrue(consents.isGranted(_requestId(request)));
    }
}
