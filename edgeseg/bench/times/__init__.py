"""How long a call takes, what can be said of samples, and what they were taken on."""
