"""Take a mechanism out, and a test fails: each guard is needed, and each is watched."""

import re
from pathlib import Path

import pytest

from tests.mutations.breaking import ROOT, broken, is_found_once
from tests.mutations.mutants import MUTANTS, Mutant

_EACH = pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])


@_EACH
def test_what_is_taken_out_is_still_there_and_so_are_its_tests(mutant: Mutant) -> None:
    assert mutant.before and mutant.before != mutant.after and is_found_once(mutant)
    assert mutant.tests
    for test in mutant.tests:
        file, name = test.split("::")
        assert re.search(rf"^(async )?def {re.escape(name.split('[')[0])}\(", (ROOT / file).read_text(), re.MULTILINE), test


@pytest.mark.proof
@_EACH
def test_without_it_a_test_fails(mutant: Mutant, tmp_path: Path) -> None:
    noticed = broken(mutant, tmp_path)
    print(f"\n{noticed}")
    assert noticed.failed, str(noticed)
