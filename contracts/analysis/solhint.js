// solhint's whole rule set; what is off is off for the reason beside it. A warning fails tools/analyse.
"use strict";
module.exports = {
  extends: "solhint:all",
  rules: {
    "compiler-version": ["error", "^0.8.30"],
    "func-visibility": ["warn", { ignoreConstructors: true }],
    "max-states-count": ["warn", 12],
    // A chain of ifs over the nine kinds of event is a table, and reads as one.
    "code-complexity": ["warn", 9],
    "immutable-vars-naming": ["warn", { immutablesAsConstants: true }],

    // tools/natspec asks for documentation, and knows what an interface has said already.
    "use-natspec": "off",
    // The key has a name where it needs one; the variable's own name says what the value is.
    "named-parameters-mapping": "off",
    // Constants are CAPITALS without an underscore, and this rule does not tell them from variables.
    "private-vars-leading-underscore": "off",
    // Validity windows and deadlines follow the clock on purpose; analysis/slither.js judges each place.
    "not-rely-on-time": "off",
    // Short and explained where it stands; analysis/slither.js lists each place.
    "no-inline-assembly": "off",
    // forge fmt breaks lines; what it leaves longer is a type string, which must stay in one piece.
    "max-line-length": "off",
    // `f(a, b, c, d)` with names like those of the parameters reads as well without saying each twice.
    "func-named-parameters": "off",
    // Files read downward, callers before what they call; interfaces put what belongs together side by side.
    ordering: "off",
    // @inheritdoc, which tools/natspec demands, already fails when no interface declares the function.
    "comprehensive-interface": "off",
    // A hook that does nothing unless it is overridden, or whose work is its modifier.
    "no-empty-blocks": "off",
    // Rules for tests; src has none.
    "foundry-test-functions": "off",
    "foundry-test-function-naming": "off",
    "foundry-no-block-time-number": "off",
    // Gas is measured by test/gas/, not guessed: via-IR compiles these forms to the same code, or the rule asks for
    // an interface other than the documents'.
    "gas-named-return-values": "off",
    "gas-struct-packing": "off", // also of structs that are never stored; layout/ shows those that are
    "gas-small-strings": "off",
    "gas-strict-inequalities": "off",
    "gas-length-in-loops": "off",
    "gas-indexed-events": "off",
  },
};
