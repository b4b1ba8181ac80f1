"""Every exception of the factory, and the exit code each one ends a command with.

    FactoryError
      RecipeError        2  the recipe or the command line is wrong
      EnvironmentFault   3  a package, a credential, a disk or an endpoint is missing
      BudgetReached      4  a budget of the recipe is spent; the build can be resumed
      BuildLocked        3  another process works in this build directory
      CorruptBuild       3  a file of the build does not match what was written
      PluginFault        3  a check or decider raised: a fault of its code, not of a sample
      SourceError        2  the source's table or folder cannot be read as the recipe says
        ImageMissing        a photo that the table names is not there (one row, never the build)

A rejected sample is data (`schemas.Verdict`), a teacher failure is data (`schemas.Answered.failure`); neither is here.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_ROWS_FAILED = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_BUDGET = 4
EXIT_WAITING = 5
"""A build waits for people or for a batch; the same command goes on later."""
EXIT_INTERRUPTED = 130


class FactoryError(Exception):
    """Base of all errors a user is meant to read; its text is the whole message.

    Each argument is one line: a line break inside one is somebody else's, in a name or a message, and leaves as an
    escape where the error is shown.
    """

    exit_code = EXIT_ENVIRONMENT

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


class RecipeError(FactoryError):
    """The recipe, a profile or an override is wrong. Carries every problem found, one a line."""

    exit_code = EXIT_USAGE


class SourceError(FactoryError):
    """A source cannot be read as the recipe describes it."""

    exit_code = EXIT_USAGE


class ImageMissing(SourceError):
    """A table names a photo that is not there; the row is quarantined."""


class EnvironmentFault(FactoryError):
    """Something outside the recipe is missing: a package, a key, space on disk, an endpoint."""


class BudgetReached(FactoryError):
    """A budget of calls, tokens or money is spent. Everything paid for is kept."""

    exit_code = EXIT_BUDGET


class BuildLocked(FactoryError):
    """Another process holds this build directory."""


class PluginFault(FactoryError):
    """A plug-in raised, or returned something else than it promised. Names the plug-in and the sample."""


class CorruptBuild(FactoryError):
    """A file of the build differs from what was recorded when it was written."""
