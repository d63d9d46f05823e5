"""What several benchmarks need: turns to time in, files made in another process, tables in a document."""
