"""Measures on this machine, printed with its limits; a missed target is a figure, never a failure."""
