"""A whole day of the territory played through the running services: actors use the HTTP APIs that the pages use, on a stepped clock."""
