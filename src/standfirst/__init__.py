"""Standfirst: the reader business of an analysis magazine in one program."""

__version__ = "0.1.0"
