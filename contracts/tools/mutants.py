"""Prints the mutants that slither-mutate's operators make of one file of src, a JSON object per line. tools/mutate
judges them: slither-mutate itself changes files in place, forgets what it did when interrupted, and compiles all."""

import json
import sys

from slither import Slither
from slither.slithir.operations import Binary
from slither.tools.mutator.mutators import all_mutators
from slither.tools.mutator.mutators.ROR import ROR, relational_operators
from slither.tools.mutator.utils.patch import create_patch_with_line


class Relational(ROR):
    """slither's ROR cuts the whole statement at the operator, and stumbles where it stands twice; this one replaces it
    in the comparison alone."""

    NAME = "ROR"

    def _mutate(self):
        result = {}
        for function in self.contract.functions_and_modifiers_declared:
            for node in filter(self.should_mutate_node, function.nodes):
                for comparison in (ir for ir in node.irs if isinstance(ir, Binary) and ir.type in relational_operators):
                    place = comparison.expression.source_mapping
                    before, found, after = place.content.partition(f" {comparison.type.value} ")
                    for other in relational_operators if found else []:
                        if other != comparison.type:
                            text = f"{before} {other.value} {after}"
                            end = place.start + place.length
                            create_patch_with_line(result, self.in_file, place.start, end, place.content, text, 0)
        return result


root, build, file = sys.argv[1:]
project = Slither(root, ignore_compile=True, foundry_out_directory=build)
operators = [m for m in vars(all_mutators).values() if isinstance(m, type) and m.NAME not in ("", "ROR")] + [Relational]
seen = set()
for unit in project.compilation_units:
    for contract in unit.contracts:
        if contract.is_interface or contract.source_mapping.filename.relative != file:
            continue
        for operator in operators:
            arguments = (unit, 0, "", "", contract, None, False, None, [])
            try:
                patches = operator(*arguments)._mutate().get("patches", {})
            except Exception as error:  # an operator that stumbles over a contract has no mutants of it
                print(f"{operator.NAME} on {contract.name}: {error}", file=sys.stderr)
                continue
            for patch in (p for found in patches.values() for p in found):
                key = (patch["start"], patch["end"], patch["new_string"])
                if key in seen:
                    continue
                seen.add(key)
                print(json.dumps({
                    "operator": operator.NAME,
                    "start": patch["start"],
                    "end": patch["end"],
                    "from": patch["old_string"],
                    "to": patch["new_string"],
                }))
