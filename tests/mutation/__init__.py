"""Mutation testing of shape rules, cost rules and the naming rule: `python -m tests.mutation`."""
