// Mutants that no test kills, and why each may live. `from` and `to` are code with its white space as single spaces; an
// entry without `to` stands for every change of `from`.
"use strict";
module.exports = [];
