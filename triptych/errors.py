"""What the command says when it cannot do what was asked, and the exit codes that scripts rely on.

TriptychError          1  the work failed, or some of it
├── UsageError         2  the request makes no sense as it stands
└── StackUnavailable            3  there is no stack to speak to, or it does not answer
"""


class TriptychError(Exception):
    """Ends the command with its message, in one or a few lines for a person."""

    exit_code = 1


class UsageError(TriptychError):
    """The request makes no sense as it stands."""

    exit_code = 2


class StackUnavailable(TriptychError):
    """There is no stack to speak to."""

    exit_code = 3
