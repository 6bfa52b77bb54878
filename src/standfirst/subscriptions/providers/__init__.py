"""The providers of payments that this magazine is set up with."""
