"""What comes back: bounces and complaints, by mail or as a provider's events."""
