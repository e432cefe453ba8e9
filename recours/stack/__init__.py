"""The embedded stack: real servers from Python wheels and our services, started and watched by us."""
