"""All SQL of pilotage."""
