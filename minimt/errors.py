"""The one exception for a mistake a user can mend: it says what to do."""


class InputError(ValueError):
    """A folder, file, option or checkpoint that cannot be used; one line of advice."""
