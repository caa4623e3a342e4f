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
        bool described;
        uint256 first;
        uint256 issued;
        uint256 retired;
        uint256 cancelled;
        uint256 buffered;
    }

    struct Certificate {
        address holder;
        uint64 firstSerial;
        uint64 retiredAt;
        ICreditRetirement.Retirement retirement;
    }

    string public constant SERIES = "VCS";
    uint256 private constant STEP = 1e15;
    uint256 private constant SERIES_SIZE = 400;

    mapping(address issuer => uint256) public issuedModel;
    mapping(address issuer => uint256) public quotaModel;
    mapping(address issuer => uint256) public ownSerials;
    uint256 public mints;
    uint256 public refusedMints;
    uint256 public issues;
    uint256 public refusedIssues;
    uint256 public ownIssues;
    uint256 public refusedOwnIssues;
    uint256 public loweredQuotas;
    uint256 public signedRetirements;
    uint256 public refusedRetirements;
    uint256 public reversals;

    Credit[] private _credits;
    Certificate[] private _certificates;

    /// @param first id of the one credit that was minted before, by the admin
    constructor(CarbonCredit token, address admin, string memory first, uint256 serials)
        CarbonCreditHandler(token, admin)
    {
        quotaModel[admin] = type(uint64).max;
        _record(Credit(first, admin, false, false, 1, serials, 0, 0, 0));
        _takeOwnSerials(admin, serials);
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

    /// @dev Up and down, also below what was issued.
    function setIssuerQuota(uint256 who, uint64 serials) external {
        address issuer = issuers()[1 + who % 2];
        serials = uint64(bound(serials, 0, 400_000));
        vm.prank(ADMIN);
        TOKEN.setIssuerQuota(issuer, serials);
        if (serials < issuedModel[issuer]) ++loweredQuotas;
        quotaModel[issuer] = serials;
    }

    function mint(uint256 by, uint256 to, uint256 steps) external {
        address issuer = issuers()[by % 3];
        steps = bound(steps, 1, 50_000);
        bool good = !TOKEN.paused() && steps <= _left(issuer);
        string memory id = vm.toString(_credits.length);
        vm.prank(issuer);
        try TOKEN.mint(_recipient(to), steps * STEP, id) {
            _expect(good);
            ++mints;
            _record(Credit(id, issuer, false, false, ownSerials[issuer] + 1, steps, 0, 0, 0));
            _takeOwnSerials(issuer, steps);
            balanceModel[_recipient(to)] += steps * STEP;
        } catch {
            _expect(!good);
            ++refusedMints;
        }
    }

    /// @dev Random ranges with the right hint: many overlap, and exactly those are refused.
    function issue(uint256 by, uint256 to, uint256 first, uint256 size) external {
        address issuer = issuers()[by % 3];
        first = bound(first, 1, SERIES_SIZE);
        size = bound(size, 1, 20);
        (bool free, uint256 hint) = _place(first, size);
        bool good = free && !TOKEN.paused() && size <= _left(issuer);
        ICreditIssuance.IssuanceTerms memory terms = _terms(SERIES, first, size);
        vm.prank(issuer);
        try TOKEN.issue(_recipient(to), uint64(hint), terms) {
            _expect(good);
            ++issues;
            _record(Credit(terms.creditId, issuer, true, true, first, size, 0, 0, 0));
            balanceModel[_recipient(to)] += size * STEP;
        } catch {
            _expect(!good);
            ++refusedIssues;
        }
    }

    /// @dev In the issuer's own series, now and then beside the next serial.
    function issueOwn(uint256 by, uint256 to, uint256 slip, uint256 size) external {
        address issuer = issuers()[by % 3];
        size = bound(size, 1, 20);
        uint256 next = ownSerials[issuer] + 1;
        uint256 first = slip % 8 == 0 && next > 1 ? next - 1 : slip % 8 == 1 ? next + 1 : next;
        bool good = first == next && !TOKEN.paused() && size <= _left(issuer);
        ICreditIssuance.IssuanceTerms memory terms = _terms("", first, size);
        vm.prank(issuer);
        try TOKEN.issue(_recipient(to), 0, terms) {
            _expect(good);
            ++ownIssues;
            _record(Credit(terms.creditId, issuer, false, true, first, size, 0, 0, 0));
            _takeOwnSerials(issuer, size);
            balanceModel[_recipient(to)] += size * STEP;
        } catch {
            _expect(!good);
            ++refusedOwnIssues;
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
        allowanceModel[from][vm.addr(_key(spender))] = 0;
        _retired(from, credit, retirement);
    }

    /// @dev Now and then beyond what is open or held, signed by another, too early, too late, with a used nonce, or
    /// during a pause.
    function retireWithAuthorization(uint256 holder, uint256 credit, uint256 steps, uint256 nonce, uint256 seed)
        external
    {
        address from = vm.addr(_key(holder));
        ICreditRetirement.Retirement memory retirement = _retirement(from, credit, steps);
        if (seed % 8 == 0) retirement.amount = bound(steps, 1, 1_000_000) * STEP;
        uint256[2] memory window =
            [block.timestamp - (seed % 8 == 2 ? 0 : 1), block.timestamp + (seed % 8 == 3 ? 0 : 1)];
        bool good = seed % 8 != 1 && _mayRetire(from, credit, retirement.amount, window, _nonce(nonce));
        bytes memory signature =
            _sign(seed % 8 == 1 ? holder % 5 + 1 : holder, _retireHash(from, retirement, window, _nonce(nonce)));
        try TOKEN.retireWithAuthorization(from, retirement, window[0], window[1], _nonce(nonce), signature) {
            _expect(good);
            ++effects[from][_nonce(nonce)];
            ++executedItems;
            ++signedRetirements;
            _retired(from, credit, retirement);
        } catch {
            _expect(!good);
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

    function _record(Credit memory credit) private {
        _credits.push(credit);
        issuedModel[credit.issuer] += credit.issued;
    }

    function _takeOwnSerials(address issuer, uint256 serials) private {
        ownSerials[issuer] += serials;
    }

    function _retired(address holder, uint256 credit, ICreditRetirement.Retirement memory retirement) private {
        Credit storage model = _credits[credit % _credits.length];
        uint256 first = model.first + model.retired + model.cancelled + model.buffered;
        _certificates.push(Certificate(holder, uint64(first), uint64(block.timestamp), retirement));
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
        return quotaModel[issuer] < issuedModel[issuer] ? 0 : quotaModel[issuer] - issuedModel[issuer];
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

    /// @dev Described, under the next id.
    function _terms(string memory series, uint256 first, uint256 size)
        private
        view
        returns (ICreditIssuance.IssuanceTerms memory)
    {
        return ICreditIssuance.IssuanceTerms(
            vm.toString(_credits.length),
            "VCS-1234",
            "VM0042",
            bytes32(first),
            series,
            2025,
            uint64(first),
            uint64(first + size - 1)
        );
    }

    /// @dev Whether the holder's own signature lets anyone retire so much now.
    function _mayRetire(address holder, uint256 credit, uint256 amount, uint256[2] memory window, bytes32 nonce)
        private
        view
        returns (bool)
    {
        bool inTime = window[0] < block.timestamp && block.timestamp < window[1];
        bool burnable = amount != 0 && amount / STEP <= _burnable(holder, _credits[credit % _credits.length]);
        return inTime && burnable && effects[holder][nonce] == 0 && !TOKEN.paused();
    }

    function _retireHash(
        address holder,
        ICreditRetirement.Retirement memory retirement,
        uint256[2] memory window,
        bytes32 nonce
    ) private view returns (bytes32) {
        return keccak256(
            bytes.concat(
                abi.encode(TOKEN.RETIRE_AUTHORIZATION_TYPEHASH(), holder, keccak256(bytes(retirement.creditId))),
                abi.encode(retirement.amount, keccak256(bytes(retirement.beneficiary))),
                abi.encode(keccak256(bytes(retirement.purpose)), retirement.country, retirement.periodStart),
                abi.encode(retirement.periodEnd, window[0], window[1], nonce)
            )
        );
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
