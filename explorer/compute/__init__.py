"""The engine: deferred columns, their graph, what to compute next, and what is known. Knows no table."""
