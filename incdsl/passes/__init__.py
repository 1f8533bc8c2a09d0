"""Rewrites of the typed graph: rules propose, the engine disposes."""
