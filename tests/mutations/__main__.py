"""`python -m tests.mutations [NAME…]`: break the mechanisms one at a time and print which tests noticed. Exit code 1 when none did."""

import sys
import tempfile
from pathlib import Path

from tests.mutations.breaking import broken
from tests.mutations.mutants import MUTANTS


def main(names: list[str]) -> int:
    unknown = set(names) - {mutant.name for mutant in MUTANTS}
    if unknown:
        print(f"no such mutant: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    unnoticed = 0
    for mutant in MUTANTS:
        if not names or mutant.name in names:
            with tempfile.TemporaryDirectory(prefix="recours-mutant-") as folder:
                noticed = broken(mutant, Path(folder))
            unnoticed += not noticed.failed
            print(noticed, flush=True)
    return 1 if unnoticed else 0


sys.exit(main(sys.argv[1:]))
