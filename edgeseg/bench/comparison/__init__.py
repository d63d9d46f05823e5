"""Records side by side, on disk, on a terminal and as tables."""
