"""The exceptions of the package: one small tree. Data never raises; these are about how the package is used."""

from __future__ import annotations


class RolethreadError(Exception):
    """Base of every exception this package raises on purpose. Its text is one plain sentence."""


class SourceError(RolethreadError):
    """A source cannot be opened: no such file, a folder, an object of a kind that is not read."""


class SourceChangedError(SourceError):
    """A file was changed by somebody else after it was loaded, so its byte positions no longer hold."""


class QueryError(RolethreadError):
    """A query, rule code, profile or role name is not understood."""


class RuleError(RolethreadError):
    """A user's own rule cannot be registered, or its repair raised."""


class StalePlanError(RolethreadError):
    """A plan of repairs was applied after the dataset had changed; it has to be made again."""


class ExportError(RolethreadError):
    """An export was refused: the file exists, is a source, or the format is unknown."""
