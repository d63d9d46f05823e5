"""Files, made: exported, quantized, and what is written into them."""
