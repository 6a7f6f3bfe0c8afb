"""Questions about whole columns: maps, neighbours, metrics."""
