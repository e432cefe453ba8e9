"""All SQL of scheduling. The first argument after the connection is always the territory."""
