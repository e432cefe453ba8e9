"""`python -m recours` is `recours`."""

from recours.cli import main

main()
