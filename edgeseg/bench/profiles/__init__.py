"""What operators, layers and passes cost."""
