"""The promises, checked from outside: databases, log and ops pages, never a service's own word."""
