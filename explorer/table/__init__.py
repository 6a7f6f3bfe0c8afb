"""The image table and what you touch of it: columns, cells, groups."""
