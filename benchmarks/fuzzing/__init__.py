"""What `benchmarks/fuzz.py` is made of: random networks, what is done with one, and the processes that do it."""
