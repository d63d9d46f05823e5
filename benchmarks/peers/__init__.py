"""The tools that edgeseg is held against, one a file, each with the defaults that its documentation gives.

`export(model, size, path)` writes a float file with full-resolution logits, `quantize(source, batches, path)` an int8
file from a float one and calibration batches in that file's layout.
"""
