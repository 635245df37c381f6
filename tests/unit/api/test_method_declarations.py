"""The declarations: what type checkers are told is what is loaded, and only when needed."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest

from ragkit.api.methods import METHODS
from ragkit.api.wire import Method

FAMILIES = ("batches", "corpora", "documents", "legacy", "media", "models", "tuned_models")
DECLARED = {
    name: (annotation, getattr(module, name))
    for module in (importlib.import_module(f"ragkit.api.methods.{one}") for one in FAMILIES)
    for name, annotation in module.__annotations__.items()
}


@pytest.mark.parametrize(("annotation", "method"), DECLARED.values(), ids=DECLARED)
def test_annotations_say_what_is_loaded(annotation, method):
    names = re.fullmatch(r"Final\[Method\[(\w+), (\w+)\]\]", annotation)
    assert names is not None
    assert (method.request.__name__, method.response.__name__) == names.groups()


def test_every_declaration_is_among_the_methods():
    assert {method.id for _, method in DECLARED.values()} == set(METHODS)


def test_constants_are_called_after_their_methods():
    methods = importlib.import_module("ragkit.api.methods")
    for name, method in vars(methods).items():
        if isinstance(method, Method):
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method.id).replace(".", "_").upper()
            assert name == words.replace("CORPORA_DOCUMENTS_CHUNKS_", "CHUNKS_").replace(
                "CORPORA_DOCUMENTS_", "DOCUMENTS_"
            )


def test_declarations_load_no_messages():
    program = (
        "import sys, ragkit.api.methods as m\n"
        "assert 'ragkit.api.corpora' not in sys.modules\n"
        "m.CORPORA_QUERY.request\n"
        "assert 'ragkit.api.corpora' in sys.modules\n"
        "assert 'ragkit.api.generation' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
