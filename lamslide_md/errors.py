"""Errors that a user can cause, told apart from defects of the program."""


class InputError(ValueError):
    """A file, value or setting the user gave cannot be used; the message says what, with numbers, and the mend."""
