"""All tests share the kernel's fixtures."""

import hypothesis  # noqa: F401  # its plugin would import it at the end of a run, where Python 3.11 fails on it (AST recursion depth)

from shared.testing.fixtures import *  # noqa: F403  # pytest finds fixtures by name in this module
from shared.testing.fixtures import _no_proxy, _templates  # noqa: F401  # underscored ones are not in the star
