"""Third-party browser files, fetched with the npm of the wheel and copied beside our own; nothing of them is in the repository."""
