"""The version that answers and documents carry; the package takes it from here."""

VERSION = "0.11.0"
