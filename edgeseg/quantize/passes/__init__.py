"""Rewrites of a float ONNX graph that leave its function as it is and give int8 kernels more to do. One per file."""
