"""Commands, and what each command or incoming fact does: lock, decide, write, record."""
