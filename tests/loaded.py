"""Loads everything when it is imported: what processes of `tests.apart` begin with."""

import django

django.setup()

import standfirst.project.urls  # noqa: E402, F401
