// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {CarbonCredit} from "../../../src/CarbonCredit.sol";
import {ICreditIssuance} from "../../../src/interfaces/ICreditIssuance.sol";
import {ICreditRetirement} from "../../../src/interfaces/ICreditRetirement.sol";
import {CarbonCreditHandler} from "./CarbonCreditHandler.sol";

/// @notice Adds what makes and burns tokens, with a model of every issuance, every certificate and every quota. Three
/// issuers (the admin and two of the holders) share one registry's series of a few hundred serials.
contract CarbonCreditIssuanceHandler is CarbonCreditHandler {
    struct Credit {
        string id;
        address issuer;
        bool registry;
        uint256 first;
        uint256 issued;
        uint256 retired;
        uint256 cancelled;
        uint256 buffered;
    }

    struct Certificate {
        address holder;
        uint64 firstSerial;
        ICreditRetirement.Retirement retirement;
    }

    string public constant SERIES = "VCS";
    uint256 private constant STEP = 1e15;
    uint256 private constant SERIES_SIZE = 400;

    mapping(address issuer => uint256) public issuedModel;
    mapping(address issuer => uint256) private _ownSerials;
    uint256 public refusedIssues;
    uint256 public refusedRetirements;
    uint256 public reversals;

    Credit[] private _credits;
    Certificate[] private _certificates;

    /// @param first id of the one credit that was minted before, by the admin
    constructor(CarbonCredit token, address admin, string memory first, uint256 serials)
        CarbonCreditHandler(token, admin)
    {
        _record(first, admin, false, 1, serials);
        _ownSerials[admin] = serials;
    }

    function issuers() public view returns (address[3] memory) {
        return [ADMIN, vm.addr(_key(0)), vm.addr(_key(1))];
    }

    function credits() external view returns (Credit[] memory) {
        return _credits;
    }

    function certificates() external view returns (Certificate[] memory) {
        return _certificates;
    }

    function mint(uint256 by, uint256 to, uint256 steps) external {
        if (TOKEN.paused()) return;
        address issuer = issuers()[by % 3];
        steps = bound(steps, 0, _min(100_000, _left(issuer)));
        if (steps == 0) return;
        string memory id = vm.toString(_credits.length);
        vm.prank(issuer);
        TOKEN.mint(_recipient(to), steps * STEP, id);
        _record(id, issuer, false, _ownSerials[issuer] + 1, steps);
        _ownSerials[issuer] += steps;
        balanceModel[_recipient(to)] += steps * STEP;
    }

    /// @dev Random ranges with the right hint: many overlap, and exactly those are refused.
    function issue(uint256 by, uint256 to, uint256 first, uint256 size) external {
        if (TOKEN.paused()) return;
        address issuer = issuers()[by % 3];
        first = bound(first, 1, SERIES_SIZE);
        size = bound(size, 1, 20);
        (bool free, uint256 hint) = _place(first, size);
        string memory id = vm.toString(_credits.length);
        ICreditIssuance.IssuanceTerms memory terms = ICreditIssuance.IssuanceTerms(
            id, "VCS-1234", "VM0042", bytes32(first), SERIES, 2025, uint64(first), uint64(first + size - 1)
        );
        vm.prank(issuer);
        try TOKEN.issue(_recipient(to), uint64(hint), terms) {
            require(free && size <= _left(issuer), "issued what was taken or beyond the quota");
            _record(id, issuer, true, first, size);
            balanceModel[_recipient(to)] += size * STEP;
        } catch {
            require(!free || size > _left(issuer), "refused what was free");
            ++refusedIssues;
        }
    }

    function retire(uint256 holder, uint256 credit, uint256 steps) external {
        address from = vm.addr(_key(holder));
        ICreditRetirement.Retirement memory retirement = _retirement(from, credit, steps);
        if (retirement.amount == 0) return;
        vm.prank(from);
        TOKEN.retire(retirement);
        _retired(from, credit, retirement);
    }

    function retireFrom(uint256 holder, uint256 spender, uint256 credit, uint256 steps) external {
        address from = vm.addr(_key(holder));
        ICreditRetirement.Retirement memory retirement = _retirement(from, credit, steps);
        if (retirement.amount == 0) return;
        vm.prank(from);
        TOKEN.approve(vm.addr(_key(spender)), retirement.amount);
        vm.prank(vm.addr(_key(spender)));
        TOKEN.retireFrom(from, retirement);
        _retired(from, credit, retirement);
    }

    /// @dev Now and then beyond what is open or held, signed by another, with a used nonce, or during a pause.
    function retireWithAuthorization(uint256 holder, uint256 credit, uint256 steps, uint256 nonce, uint256 seed)
        external
    {
        address from = vm.addr(_key(holder));
        ICreditRetirement.Retirement memory retirement = _retirement(from, credit, steps);
        if (seed % 8 == 0) retirement.amount = bound(steps, 1, 1_000_000) * STEP;
        bytes memory signature =
            _sign(seed % 8 == 1 ? holder + 1 : holder, _retireHash(from, retirement, _nonce(nonce)));
        try TOKEN.retireWithAuthorization(
            from, retirement, block.timestamp - 1, block.timestamp + 1, _nonce(nonce), signature
        ) {
            ++effects[from][_nonce(nonce)];
            ++executedItems;
            _retired(from, credit, retirement);
        } catch {
            ++refusedRetirements;
        }
    }

    function cancelCredits(uint256 credit, uint256 steps, bool byAdmin) external {
        Credit storage model = _credits[credit % _credits.length];
        address caller = byAdmin ? ADMIN : model.issuer;
        steps = bound(steps, 0, _burnable(caller, model));
        if (steps == 0) return;
        vm.prank(caller);
        TOKEN.cancelCredits(model.id, steps * STEP, "measured wrongly");
        model.cancelled += steps;
        balanceModel[caller] -= steps * STEP;
    }

    function bufferCredits(uint256 credit, uint256 steps, bool byAdmin) external {
        Credit storage model = _credits[credit % _credits.length];
        address caller = byAdmin ? ADMIN : model.issuer;
        steps = bound(steps, 0, _burnable(caller, model));
        if (steps == 0) return;
        vm.prank(caller);
        TOKEN.bufferCredits(model.id, steps * STEP);
        model.buffered += steps;
        balanceModel[caller] -= steps * STEP;
    }

    /// @dev Up to everything that any buffer holds.
    function recordReversal(uint256 credit, uint256 steps) external {
        for (uint256 i = 0; i < _credits.length; ++i) {
            Credit storage model = _credits[(credit % _credits.length + i) % _credits.length];
            if (model.buffered == 0) continue;
            steps = bound(steps, 1, model.buffered);
            vm.prank(ADMIN);
            TOKEN.recordReversal(model.id, steps * STEP, "fire");
            model.buffered -= steps;
            model.cancelled += steps;
            ++reversals;
            return;
        }
    }

    function _record(string memory id, address issuer, bool registry, uint256 first, uint256 serials) private {
        _credits.push(Credit(id, issuer, registry, first, serials, 0, 0, 0));
        issuedModel[issuer] += serials;
    }

    function _retired(address holder, uint256 credit, ICreditRetirement.Retirement memory retirement) private {
        Credit storage model = _credits[credit % _credits.length];
        uint256 first = model.first + model.retired + model.cancelled + model.buffered;
        _certificates.push(Certificate(holder, uint64(first), retirement));
        model.retired += retirement.amount / STEP;
        balanceModel[holder] -= retirement.amount;
    }

    /// @dev Of what the holder can retire, `steps` of it; nothing when that is nothing.
    function _retirement(address holder, uint256 credit, uint256 steps)
        private
        view
        returns (ICreditRetirement.Retirement memory)
    {
        Credit storage model = _credits[credit % _credits.length];
        uint256 amount = bound(steps, 0, _burnable(holder, model)) * STEP;
        return ICreditRetirement.Retirement(model.id, amount, "Example GmbH", "fleet", "DE", 1, 2);
    }

    /// @dev A holder, or the admin, so that it has tokens to cancel and to contribute.
    function _recipient(uint256 to) private view returns (address) {
        return to % 6 == 5 ? ADMIN : vm.addr(_key(to));
    }

    function _burnable(address holder, Credit storage model) private view returns (uint256) {
        uint256 open = model.issued - model.retired - model.cancelled - model.buffered;
        return _min(open, balanceModel[holder] / STEP);
    }

    function _left(address issuer) private view returns (uint256) {
        return TOKEN.issuerOf(issuer).quota - issuedModel[issuer];
    }

    /// @dev Whether the registry's serials from first on are free, and the range before them.
    function _place(uint256 first, uint256 size) private view returns (bool free, uint256 hint) {
        free = true;
        for (uint256 i = 0; i < _credits.length; ++i) {
            Credit storage model = _credits[i];
            if (!model.registry) continue;
            if (model.first < first + size && first < model.first + model.issued) free = false;
            if (model.first < first && model.first > hint) hint = model.first;
        }
    }

    function _retireHash(address holder, ICreditRetirement.Retirement memory retirement, bytes32 nonce)
        private
        view
        returns (bytes32)
    {
        return keccak256(
            bytes.concat(
                abi.encode(TOKEN.RETIRE_AUTHORIZATION_TYPEHASH(), holder, keccak256(bytes(retirement.creditId))),
                abi.encode(retirement.amount, keccak256(bytes(retirement.beneficiary))),
                abi.encode(keccak256(bytes(retirement.purpose)), retirement.country, retirement.periodStart),
                abi.encode(retirement.periodEnd, block.timestamp - 1, block.timestamp + 1, nonce)
            )
        );
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
