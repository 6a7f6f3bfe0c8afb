"""What a view needs, up to the widget; only `widget` knows the notebook."""
