"""Files and models, measured: times in turns, accuracy, operators, and the tables of it."""
