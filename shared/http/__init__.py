"""HTTP of every service: problems, commands, reads, the client, and the two applications."""

from shared.http.apps import Operated, make_app, make_ops_app
from shared.http.bodies import BODY_LIMIT_BYTES, BodyLimits, TooLarge, TooSlow
from shared.http.client import ServiceClient
from shared.http.commands import Command, CommandDep, DatabaseDep, command, database
from shared.http.edge import install_edge
from shared.http.fields import Count, Day, Instant, RowId, WallTime, storable
from shared.http.problems import Unexpected, error_of, install_handlers, problem
from shared.http.reading import After, Cursor, Limit, MinVersion, MinVersionDep, VersionedResponse, await_version, min_version

__all__ = [
    "BODY_LIMIT_BYTES", "After", "BodyLimits", "Command", "CommandDep", "Count", "Cursor", "DatabaseDep", "Day", "Instant", "Limit",
    "MinVersion", "MinVersionDep", "Operated", "RowId", "ServiceClient", "TooLarge", "TooSlow", "Unexpected", "VersionedResponse",
    "WallTime", "await_version", "command", "database", "error_of", "install_edge", "install_handlers", "make_app", "make_ops_app",
    "min_version", "problem", "storable",
]  # fmt: skip
