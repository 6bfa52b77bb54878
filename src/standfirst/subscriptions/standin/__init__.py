"""A stand-in for Stripe: a small server that answers the official SDK, moves no money and has a
clock that can be set. It knows nothing of the magazine. See README.md."""

API_VERSION = "2026-10-28.endive"
NOTICE = "This is a stand-in for Stripe. No money moves here, and no card is charged."
