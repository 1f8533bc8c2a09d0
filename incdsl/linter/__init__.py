"""Advice about specs: what papers found, and mistakes that compile."""
