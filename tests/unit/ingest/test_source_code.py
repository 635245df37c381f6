"""Source code and reStructuredText: the source as it stands, in blocks."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ragkit.ingest.errors import NoTextError, ReadError
from ragkit.ingest.readers import _BUILT_IN, Extracted, read
from ragkit.ingest.readers.code import CODE_SUFFIXES


def parts(extracted: Extracted) -> list[tuple[str, str]]:
    return [(block.kind, extracted.text[block.start : block.end]) for block in extracted.blocks]


def squeezed(*texts: str) -> str:
    return "".join("".join(texts).split())


def test_the_suffixes_are_those_of_the_reader():
    assert {suffix for suffix, reader in _BUILT_IN.items() if reader == "code"} == set(
        CODE_SUFFIXES
    )


PYTHON = '''\
#!/usr/bin/env python
"""A module.

def not_this(): ...
"""

import os
import sys

LIMIT = {
"a": 1,
}

# The one
# that counts.
@decorated(
    1
)
async def one():
    return """
def nor_this
"""

class Two:  # }
    def inner(self):
        pass

if LIMIT:
    one()
else:
    pass
'''

TYPESCRIPT = """\
import x from "y";

/** Doc { */
export default class Foo<T> extends Bar {
  m() { return `a ${b}
function not_this(`; }
}

export const add = async (a: number) => {
  return a;
};
const n = 1;
export function last() {}
"""

C = """\
#include <stdio.h>
#define MAX 3

/* A thing
   here { */
static int
foo(int a)
{
    char *s = "}{";
    return a;
}

struct point { int x; };

int main(int argc, char **argv) {
    foo(1);
}
"""

GO = """\
package main

// String does it.
func (t *T) String() string {
	return `x
func no() {`
}
type T struct {
}
"""

RUST = """\
use std::fmt;

#[derive(Debug)]
pub struct A<'a> { x: &'a str }

impl<'a> fmt::Display for A<'a> {
    fn fmt(&self) -> char { '{' }
}
pub(crate) async fn go() {}
"""

SHELL = """\
#!/bin/bash
set -e

run() {
  echo "${#x}" # {
}
function other {
  echo
}
run
"""

SQL = """\
-- people
CREATE TABLE IF NOT EXISTS people (
  id int
);

INSERT INTO people VALUES (1);
"""


@pytest.mark.parametrize(
    ("name", "source", "labels"),
    [
        ("a.py", PYTHON, [None, None, None, "one", "Two", None]),
        ("a.ts", TYPESCRIPT, [None, "Foo", "add", None, "last"]),
        ("a.c", C, [None, "foo", "point", "main"]),
        ("a.go", GO, [None, "String", "T"]),
        ("a.rs", RUST, [None, "A", "fmt::Display for A<'a>", "go"]),
        ("a.sh", SHELL, [None, "run", "other", None]),
        ("a.sql", SQL, ["people", None]),
        ("a.js", 'describe("x", () => {\n  it();\n});\nmodule.exports = 1;\n', [None]),
        ("a.rb", "require 'x'\n\nclass Foo\n  def bar\n  end\nend\n", [None, "Foo"]),
        ("a.lua", "local function f(x)\n  return x\nend\nf(1)\n", ["f", None]),
        ("A.java", "package a;\n\n@Deprecated\npublic final class A {\n}\n", [None, "A"]),
    ],
)
def test_definitions_are_blocks_with_their_names(name, source, labels):
    extracted = read(source.encode(), name=name)
    assert extracted.text == source
    assert [block.label for block in extracted.blocks] == labels
    assert {block.kind for block in extracted.blocks} == {"code"}
    assert squeezed(*(body for _, body in parts(extracted))) == squeezed(source)


def test_comments_and_decorators_go_with_their_definition():
    bodies = [body for _, body in parts(read(PYTHON.encode(), name="a.py"))]
    assert bodies[3].startswith("# The one\n# that counts.\n@decorated(")
    assert bodies[3].endswith('nor_this\n"""')
    assert bodies[0].endswith('def not_this(): ...\n"""')


TOKENS = [
    *("def f():\n", "class A {\n", "}\n", "  x = 1\n", "\n", "# note\n", "// note\n", "/*", "*/"),
    *('"', "'", '"""', "`", "(", ")", "{", "}", "\\", "@x\n", "fn f() {\n", "int f(int a)\n", "--"),
]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(TOKENS), min_size=1, max_size=40).map("".join),
    st.sampled_from(CODE_SUFFIXES),
)
def test_any_source_is_kept_whole(source, suffix):
    try:
        extracted = read(source.encode(), name=f"a.{suffix}")
    except NoTextError:
        return
    assert extracted.text == source
    assert squeezed(*(body for _, body in parts(extracted))) == squeezed(source)


@pytest.mark.parametrize(
    "unit", ["a" * 50, "a.b:", "pub ", "static ", "x(", '"', "/*", "int * & ", "'''"]
)
def test_no_source_takes_more_than_linear_time(unit):
    # A million characters: anything quadratic would not end.
    source = unit * (1_000_000 // len(unit))
    for suffix in ("py", "c", "rs", "sql"):
        assert read(source.encode(), name=f"a.{suffix}").text == source


RST = """\
==========
 The Guide
==========

:Author: Ann
:Date: 2024-01-01

Intro with ``code``::

    literal
      block

    more

- one
- two
  goes on

  more of two
- three

First :ref:`part <x>`
---------------------

.. note:: Mind

   the gap.

.. code-block:: python

   def f():
       pass

+-----+-----+
| a   | b   |
+=====+=====+
| 1   | 2   |
+-----+-----+

===  ===
k    v
===  ===
1    2
===  ===

   quoted

Deep `link <http://x>`_
~~~~~~~~~~~~~~~~~~~~~~~
>>> 1+1
2

----

.. list-table:: T

   * - a

Second
------
end
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_restructured_text_is_its_source_with_blocks(end):
    source = RST.replace("\n", end)
    extracted = read(source.encode(), name="a.rst")
    assert extracted.text == source
    kinds = [
        *("heading", "metadata", "paragraph", "code", "list", "heading", "paragraph", "code"),
        *("table", "table", "quote", "heading", "code", "paragraph", "table", "heading"),
        "paragraph",
    ]
    assert [block.kind for block in extracted.blocks] == kinds
    assert [(block.label, block.level) for block in extracted.blocks if block.level] == [
        ("The Guide", 1),
        ("First part", 2),
        ("Deep link", 3),
        ("Second", 2),
    ]
    headers = [
        extracted.text[block.start : block.header_end].replace(end, "\n")
        for block in extracted.blocks
        if block.header_end
    ]
    assert headers == ["+-----+-----+\n| a   | b   |\n+=====+=====+", "===  ===\nk    v\n===  ==="]
    assert extracted.title == "The Guide"
    assert dict(extracted.metadata) == {"encoding": "utf-8", "author": "Ann", "date": "2024-01-01"}
    bodies = [body.replace(end, "\n") for _, body in parts(extracted)]
    assert bodies[3] == "    literal\n      block\n\n    more"
    assert bodies[4] == "- one\n- two\n  goes on\n\n  more of two\n- three"


PIECES = ["a", "word\n", "====\n", "----\n", "- x\n", "  in\n", "\n", "::\n", ".. x::\n", "=  =\n"]


@settings(deadline=None)
@given(st.lists(st.sampled_from([*PIECES, "+--+\n", ":f: v\n", ">>> 1\n", "\r"]), max_size=40))
def test_any_restructured_text_is_kept_whole(pieces):
    source = "".join(pieces)
    try:
        extracted = read(source.encode(), name="a.rst")
    except ReadError:
        assert not source.strip()
        return
    assert extracted.text == source
    assert squeezed(*(body for _, body in parts(extracted))) == squeezed(source)
