"""What keeps the stack from running, said so that the reader knows what to do."""


class StackError(Exception):
    """A refusal to start or go on; its text names what is wrong and what to do about it."""


class PortTaken(StackError):
    """Another program listens where one of our processes must listen."""


class DiskFull(StackError):
    """Too little free space to accept patients' requests without risking to lose one half-way."""


class AlreadyRunning(StackError):
    """A living stack holds the data folder."""


class DidNotStart(StackError):
    """A process ended, or never answered, before it was ready."""
