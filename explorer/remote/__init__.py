"""What comes over the network: URLs read well, kept on disk, downloaded whole."""
