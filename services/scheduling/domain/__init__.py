"""Pure rules of the shared agenda: slots, rounds, allocation, acts."""
