"""The version of the package, of its documents and of its command."""

VERSION = "0.18.0"
