"""What the newsroom shows of newsletters."""
