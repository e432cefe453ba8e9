"""Settings as an operator's command finds them: by name, in the environment or in the running embedded stack."""

from collections.abc import Mapping


class MissingSetting(Exception):
    """A setting that the command needs is absent."""


def setting(settings: Mapping[str, str], name: str) -> str:
    """Its value; raises MissingSetting saying which one is absent."""
    try:
        return settings[name]
    except KeyError:
        raise MissingSetting(f"{name} is not set, and no embedded stack runs here") from None
