"""Hostile input against the services' HTTP."""
