"""All tests share the kernel's fixtures."""

from shared.testing.fixtures import *  # noqa: F403  # pytest finds fixtures by name in this module
from shared.testing.fixtures import _no_proxy, _templates  # noqa: F401  # underscored ones are not in the star
