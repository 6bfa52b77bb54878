"""Taking in addresses that said yes elsewhere, with the proof of it."""
