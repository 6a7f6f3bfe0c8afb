"""Models as deferred columns. The only room where torch enters."""
