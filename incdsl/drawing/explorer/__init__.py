"""A figure as a page that one can ask: one file with the figure, the spec, and what is known of both."""
