"""Types, protocols, errors and discovery. Imports the standard library and numpy, nothing else."""
