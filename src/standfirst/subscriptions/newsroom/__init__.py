"""The newsroom's pages about subscriptions."""
