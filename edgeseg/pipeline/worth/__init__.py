"""What int8 is worth: held against float, layer by layer and pass by pass."""
