"""All SQL of intake, by subject. `territory_id` comes first everywhere: another territory's id is not found."""
