"""Newsletters, their editions, and the delivery of each to everyone who should have it, once."""
