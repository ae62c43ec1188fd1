"""Errors that end a command, and the exit codes that scripts rely on.

TriptychError            1  some or all of the work failed
├── UsageError           2  invalid arguments or options
└── StackUnavailable     3  the stack does not exist or does not answer
"""


class TriptychError(Exception):
    """Base class: the message is printed and the command ends with `exit_code`."""

    exit_code = 1


class UsageError(TriptychError):
    """Invalid arguments or options."""

    exit_code = 2


class StackUnavailable(TriptychError):
    """The stack does not exist or does not answer."""

    exit_code = 3
