"""Many models the whole way, with what is known kept until all is."""
