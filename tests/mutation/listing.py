"""Makes the mutants of the tree it runs in, and draws some that change what the code does: names and differences.

Run inside of a copy that `run` made, where mutmut is configured. A mutant that changes a text alone, or what an error
says, or the section that it names, is left out: no test should pin sentences.
"""

import ast
import json
import os
import random
import sys
from pathlib import Path

import libcst
from mutmut.__main__ import create_mutants
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant, read_functions_from_index
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths, walk_mutatable_files

SAYINGS = frozenset({"spec", "hint", "detail", "reason"})


class WithoutWords(ast.NodeTransformer):
    """The function without its texts and without what its errors say."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return ast.keyword(node.arg, ast.Constant("")) if node.arg in SAYINGS else self.generic_visit(node)


def meaning(function: libcst.FunctionDef) -> str:
    """What a function does, as a text that can be compared."""
    tree = ast.parse(libcst.Module([function.with_changes(leading_lines=[])]).code.strip())
    return ast.dump(WithoutWords().visit(tree))


def main(count: int, seed: int) -> None:
    """Print one JSON object: how many mutants there are, and the difference that each drawn one makes, by its name."""
    os.makedirs("mutants", exist_ok=True)  # noqa: PTH103 - mutmut works with the current folder
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(os.cpu_count() or 1)
    paths: dict[str, Path] = {}
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        paths |= dict.fromkeys(data.exit_code_by_key, path)
    names = sorted(paths)
    random.Random(seed).shuffle(names)  # noqa: S311 - a sample that can be drawn again
    found: dict[str, str] = {}
    for name in names:
        functions = read_functions_from_index(name, paths[name]) if len(found) < count else None
        if functions is not None and meaning(functions[0]) != meaning(functions[1]):
            found[name] = get_diff_for_mutant(name, path=paths[name])
    json.dump({"all": len(names), "drawn": found}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
