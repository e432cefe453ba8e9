"""Commands and incoming facts: lock, decide, write, record. One function each."""
