// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ScriptBase} from "forge-std/Base.sol";
import {console2} from "forge-std/console2.sol";

/// @notice Deploys CarbonCredit through the standard CREATE2 factory, from the committed artifact: the same bytes, salt
/// and constructor arguments as the node's own deployment, hence the same address on every chain.
/// Environment: WIA_ADMIN (address), WIA_ADMIN_DELAY_S (seconds).
contract Deploy is ScriptBase {
    /// @notice Salt of CarbonCredit. A new version of the contract takes a new one.
    bytes32 public constant SALT = keccak256("wia-node/CarbonCredit/v1");

    error FactoryMissing(address factory);
    error AdminDelayTooLarge(uint256 adminDelay);
    error DeploymentFailed(address expected);

    /// @notice Deploys, unless the code is there already; prints the address.
    function run() external {
        (address admin, uint48 adminDelay) = _arguments();
        (address carbonCredit, bool isNew) = deploy(admin, adminDelay);
        console2.log("CarbonCredit", carbonCredit);
        console2.log(isNew ? "deployed" : "already there, nothing deployed");
    }

    /// @notice Prints the address. Needs no chain.
    function predict() external view {
        (address admin, uint48 adminDelay) = _arguments();
        console2.log("CarbonCredit", addressOf(admin, adminDelay));
    }

    function deploy(address admin, uint48 adminDelay) public returns (address carbonCredit, bool isNew) {
        carbonCredit = addressOf(admin, adminDelay);
        if (carbonCredit.code.length != 0) return (carbonCredit, false);
        if (CREATE2_FACTORY.code.length == 0) revert FactoryMissing(CREATE2_FACTORY);
        vm.broadcast();
        (bool success,) = CREATE2_FACTORY.call(abi.encodePacked(SALT, initCode(admin, adminDelay)));
        if (!success || carbonCredit.code.length == 0) revert DeploymentFailed(carbonCredit);
        return (carbonCredit, true);
    }

    function addressOf(address admin, uint48 adminDelay) public view returns (address) {
        return vm.computeCreate2Address(SALT, keccak256(initCode(admin, adminDelay)), CREATE2_FACTORY);
    }

    /// @notice Bytecode of the committed artifact and the encoded constructor arguments.
    function initCode(address admin, uint48 adminDelay) public view returns (bytes memory) {
        string memory artifact = vm.readFile(string.concat(vm.projectRoot(), "/../abi/artifacts/CarbonCredit.json"));
        return abi.encodePacked(vm.parseJsonBytes(artifact, ".bytecode"), abi.encode(admin, adminDelay));
    }

    function _arguments() private view returns (address admin, uint48 adminDelay) {
        admin = vm.envAddress("WIA_ADMIN");
        uint256 delay = vm.envUint("WIA_ADMIN_DELAY_S");
        if (delay > type(uint48).max) revert AdminDelayTooLarge(delay);
        // forge-lint: disable-next-line(unsafe-typecast)
        adminDelay = uint48(delay); // checked above
    }
}
