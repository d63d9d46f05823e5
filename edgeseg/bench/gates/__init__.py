"""Whether one file is slower than another, decided with a stated error."""
