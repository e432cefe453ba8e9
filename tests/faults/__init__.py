"""Faults on purpose: a seeded schedule, a player that injects it while a day is played, and a report (docs/faults.md)."""
