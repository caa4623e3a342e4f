// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {Deploy} from "../script/Deploy.s.sol";
import {Test} from "./support/Test.sol";

/// @notice abi/typed-data.json against the contracts, both ways: a type hash without an entry fails, and so does an
/// entry without a type hash.
contract TypedDataTest is Test {
    /// @dev Has no getter in ERC-2612.
    string private constant PERMIT =
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";

    string private document;
    Deploy private script = new Deploy();
    Deploy.Planned[] private planned;

    function setUp() public {
        document = vm.readFile(string.concat(vm.projectRoot(), "/../abi/typed-data.json"));
        Deploy.Planned[] memory plan = script.plan(Deploy.Settings(makeAddr("admin"), 2 days, true, true));
        for (uint256 i = 0; i < plan.length; ++i) {
            planned.push(plan[i]);
            script.deploy(plan[i]);
        }
    }

    function test_EveryEntryIsTheTypeHashOfItsContract() public view {
        for (uint256 i = 0; i < planned.length; ++i) {
            string[] memory types = _types(planned[i].name);
            for (uint256 j = 0; j < types.length; ++j) {
                string memory encoded = _encodeType(planned[i].name, types[j]);
                if (_same(types[j], "Permit")) {
                    assertEq(encoded, PERMIT);
                } else {
                    bytes memory getter = abi.encodeWithSignature(string.concat(_constant(types[j]), "()"));
                    (bool success, bytes memory hash) = script.addressOf(planned[i]).staticcall(getter);
                    assertTrue(success, string.concat(planned[i].name, " has no ", _constant(types[j])));
                    assertEq(abi.decode(hash, (bytes32)), keccak256(bytes(encoded)), encoded);
                }
            }
        }
    }

    function test_EveryTypeHashHasAnEntry() public view {
        for (uint256 i = 0; i < planned.length; ++i) {
            string memory name = planned[i].name;
            string[] memory types = _types(name);
            string memory built = vm.readFile(string.concat("out/", name, ".sol/", name, ".json"));
            string[] memory functions = vm.parseJsonKeys(built, ".methodIdentifiers");
            for (uint256 j = 0; j < functions.length; ++j) {
                if (vm.indexOf(functions[j], "_TYPEHASH()") == type(uint256).max) continue;
                bool found;
                for (uint256 k = 0; k < types.length; ++k) {
                    if (_same(functions[j], string.concat(_constant(types[k]), "()"))) found = true;
                }
                assertTrue(found, string.concat(name, ".", functions[j], " is not in abi/typed-data.json"));
            }
        }
    }

    function test_EveryDomainIsThatOfItsContract() public view {
        for (uint256 i = 0; i < planned.length; ++i) {
            if (_types(planned[i].name).length == 0) continue;
            address place = script.addressOf(planned[i]);
            (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
                IERC5267(place).eip712Domain();
            string memory domain = string.concat(".", planned[i].name, ".domain");
            assertEq(vm.parseJsonString(document, string.concat(domain, ".name")), name);
            assertEq(vm.parseJsonString(document, string.concat(domain, ".version")), version);
            assertEq(chainId, block.chainid);
            assertEq(verifyingContract, place);
        }
    }

    function test_EveryContractOfTheFileIsDeployed() public view {
        string[] memory names = vm.parseJsonKeys(document, "$");
        for (uint256 i = 0; i < names.length; ++i) {
            bool found = _same(names[i], "relay");
            for (uint256 j = 0; j < planned.length; ++j) {
                if (_same(names[i], planned[j].name)) found = true;
            }
            assertTrue(found, names[i]);
        }
    }

    /// @dev The types that are signed for a contract; none when the file does not name it.
    function _types(string memory name) private view returns (string[] memory) {
        string memory key = string.concat(".", name, ".types");
        if (!vm.keyExistsJson(document, key)) return new string[](0);
        return vm.parseJsonKeys(document, key);
    }

    /// @dev EIP-712's encodeType of a type that refers to no other.
    function _encodeType(string memory name, string memory primary) private view returns (string memory encoded) {
        string memory key = string.concat(".", name, ".types.", primary);
        encoded = string.concat(primary, "(");
        for (uint256 i = 0;; ++i) {
            string memory member = string.concat(key, "[", vm.toString(i), "]");
            if (!vm.keyExistsJson(document, member)) break;
            string memory kind = vm.parseJsonString(document, string.concat(member, ".type"));
            string memory label = vm.parseJsonString(document, string.concat(member, ".name"));
            encoded = string.concat(encoded, i == 0 ? "" : ",", kind, " ", label);
        }
        return string.concat(encoded, ")");
    }

    /// @dev TransferWithAuthorization becomes TRANSFER_WITH_AUTHORIZATION_TYPEHASH.
    function _constant(string memory primary) private pure returns (string memory) {
        bytes memory letters = bytes(primary);
        bytes memory screaming;
        for (uint256 i = 0; i < letters.length; ++i) {
            bool capital = letters[i] >= "A" && letters[i] <= "Z";
            if (capital && i > 0) screaming = abi.encodePacked(screaming, "_");
            screaming = abi.encodePacked(screaming, letters[i]);
        }
        return string.concat(vm.toUppercase(string(screaming)), "_TYPEHASH");
    }

    function _same(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }
}
