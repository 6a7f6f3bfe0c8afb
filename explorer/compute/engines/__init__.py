"""Where deferred functions run."""
