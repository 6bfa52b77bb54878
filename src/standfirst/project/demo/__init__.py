"""The Meridian: a sample magazine that ships inside the package."""
