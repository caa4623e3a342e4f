// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

// What the carbon document's clients call and read of the token (C-092, C-093, C-094). It prints no Solidity: names and
// types are those of its web3.js calls and `returnValues`, `indexed` is what its filters need.
interface DocumentCarbonCredit {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event CreditMinted(address indexed recipient, uint256 amount, string creditId);

    function mint(address to, uint256 amount, string calldata creditId) external;
}
