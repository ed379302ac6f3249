"""The one kind of error that people see without a traceback."""


class CommonwealError(Exception):
    """Its message says what is wrong, with the value, and what to do about it. Subclasses are named for the cause."""
