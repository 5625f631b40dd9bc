"""The one exception for mistakes that a user can fix: it says what to do."""


class InputError(ValueError):
    """A folder, file, option or checkpoint cannot be used; the message is one line."""
