"""Fake providers that speak the true protocols and misbehave on demand: for tests, and for a stack without accounts."""
