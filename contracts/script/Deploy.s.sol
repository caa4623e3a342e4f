// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ScriptBase} from "forge-std/Base.sol";
import {console2} from "forge-std/console2.sol";

import {IRelayBatcher} from "../src/interfaces/IRelayBatcher.sol";

/// @notice Deploys the contracts through the standard CREATE2 factory, from the committed artifacts: the same bytes,
/// salts and constructor arguments as `wia deploy`, hence the same addresses on every chain. Roles are given by
/// `wia deploy` or by the admin.
/// Environment: WIA_ADMIN (address), WIA_ADMIN_DELAY_S (seconds), WIA_GATED and WIA_TEST_TOKENS (true unless set).
contract Deploy is ScriptBase {
    /// @notice What constructors are told.
    struct Settings {
        address admin;
        uint48 adminDelay;
        bool gated;
        bool testTokens;
    }

    /// @notice A contract of the plan and its constructor's arguments, encoded.
    struct Planned {
        string name;
        bytes arguments;
    }

    error FactoryMissing(address factory);
    error AdminDelayTooLarge(uint256 adminDelay);
    error DeploymentFailed(string name, address expected);

    /// @notice Deploys what is not there already; prints every address.
    function run() external {
        Planned[] memory planned = plan(_settings());
        for (uint256 i = 0; i < planned.length; ++i) {
            (address place, bool isNew) = deploy(planned[i]);
            console2.log(planned[i].name, place, isNew ? "deployed" : "already there, nothing deployed");
        }
    }

    /// @notice Prints the addresses. Needs no chain.
    function predict() external view {
        Planned[] memory planned = plan(_settings());
        for (uint256 i = 0; i < planned.length; ++i) {
            console2.log(planned[i].name, addressOf(planned[i]));
        }
    }

    /// @notice The contracts in the order in which they are deployed.
    function plan(Settings memory settings) public view returns (Planned[] memory planned) {
        uint256 count;
        planned = new Planned[](16);
        bytes memory adminOnly = abi.encode(settings.admin, settings.adminDelay);
        bytes memory gated = abi.encode(settings.admin, settings.adminDelay, settings.gated);
        planned[count++] = Planned("CarbonCredit", adminOnly);
        planned[count++] = Planned("BatteryPassport", gated);
        planned[count++] = Planned("FleetRegistry", gated);
        planned[count++] = Planned("ConsentAnchor", "");
        planned[count++] = Planned("CreditExchange", bytes.concat(abi.encode(addressOf(planned[0])), adminOnly));
        // Without the test tokens, so that the batcher is the same where they are and where they are not.
        Planned memory batcher = Planned("RelayBatcher", abi.encode(_allowed(planned, count)));
        if (settings.testTokens) {
            planned[count++] = Planned("TestUSD", "");
            planned[count++] = Planned("TestEUR", "");
        }
        planned[count++] = batcher;
        assembly ("memory-safe") {
            mstore(planned, count)
        }
    }

    /// @notice Deploys one contract, unless there is code in its place.
    function deploy(Planned memory planned) public returns (address place, bool isNew) {
        place = addressOf(planned);
        if (place.code.length != 0) return (place, false);
        if (CREATE2_FACTORY.code.length == 0) revert FactoryMissing(CREATE2_FACTORY);
        vm.broadcast();
        (bool success,) = CREATE2_FACTORY.call(abi.encodePacked(saltOf(planned.name), initCode(planned)));
        if (!success || place.code.length == 0) revert DeploymentFailed(planned.name, place);
        return (place, true);
    }

    function addressOf(Planned memory planned) public view returns (address) {
        return vm.computeCreate2Address(saltOf(planned.name), keccak256(initCode(planned)), CREATE2_FACTORY);
    }

    /// @notice A new version of a contract takes a new salt.
    function saltOf(string memory name) public pure returns (bytes32) {
        return keccak256(abi.encodePacked("wia-node/", name, "/v1"));
    }

    /// @notice Bytecode of the committed artifact, then the constructor's arguments.
    function initCode(Planned memory planned) public view returns (bytes memory) {
        string memory file = string.concat(vm.projectRoot(), "/../abi/artifacts/", planned.name, ".json");
        return abi.encodePacked(vm.parseJsonBytes(vm.readFile(file), ".bytecode"), planned.arguments);
    }

    /// @dev What the batcher may call: of the first `count` contracts, the functions in abi/relayable.json.
    function _allowed(Planned[] memory planned, uint256 count)
        private
        view
        returns (IRelayBatcher.Allowed[] memory allowed)
    {
        string memory listed = vm.readFile(string.concat(vm.projectRoot(), "/../abi/relayable.json"));
        uint256 length;
        allowed = new IRelayBatcher.Allowed[](256);
        for (uint256 i = 0; i < count; ++i) {
            string memory key = string.concat(".", planned[i].name);
            if (!vm.keyExistsJson(listed, key)) continue;
            string[] memory signatures = vm.parseJsonStringArray(listed, key);
            address target = addressOf(planned[i]);
            for (uint256 j = 0; j < signatures.length; ++j) {
                allowed[length++] = IRelayBatcher.Allowed(target, bytes4(keccak256(bytes(signatures[j]))));
            }
        }
        assembly ("memory-safe") {
            mstore(allowed, length)
        }
    }

    function _settings() private view returns (Settings memory settings) {
        settings.admin = vm.envAddress("WIA_ADMIN");
        uint256 delay = vm.envUint("WIA_ADMIN_DELAY_S");
        if (delay > type(uint48).max) revert AdminDelayTooLarge(delay);
        // forge-lint: disable-next-line(unsafe-typecast)
        settings.adminDelay = uint48(delay); // checked above
        settings.gated = vm.envOr("WIA_GATED", true);
        settings.testTokens = vm.envOr("WIA_TEST_TOKENS", true);
    }
}
