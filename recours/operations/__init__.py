"""What operators do to a deployment, embedded or not: migrate, create topics, replay, refill, trim, accounts."""
