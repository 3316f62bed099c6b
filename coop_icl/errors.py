"""What a user can mend: shown as one line, without a traceback."""


class UserError(ValueError):
    """Wrong input or a wrong state of files; the message is one line and says what to do."""
