"""How large the client is: it is meant to be read in one sitting."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import ragkit.client

LIMIT = 1500
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def lines_of_code(source: str) -> int:
    """Lines with code, but for imports, docstrings and the types that signatures are."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and _says_or_imports(node):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            start = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            lines.difference_update(range(start, node.body[0].lineno))
    return len(lines)


def _says_or_imports(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return isinstance(node.value.value, str)
    return isinstance(node, (ast.Import, ast.ImportFrom))


def test_the_client_stays_small():
    folder = Path(ragkit.client.__file__).parent
    sizes = {path.name: lines_of_code(path.read_text()) for path in folder.rglob("*.py")}
    assert sum(sizes.values()) < LIMIT, sizes


def test_what_counts_as_code():
    source = (
        'import os\n\n"""Says."""\n\n\ndef f(\n    a: int,\n) -> int:\n    """Says."""\n'
        "    # why\n    return g(\n        a\n    )\n\n\nx = 1\n"
    )
    assert lines_of_code(source) == 4
