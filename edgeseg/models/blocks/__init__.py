"""Parts that several networks share; files named keras_* are Keras, the others PyTorch."""
