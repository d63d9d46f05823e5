"""What a finished file holds, read off its graph."""
