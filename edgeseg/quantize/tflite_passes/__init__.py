"""Rewrites of TFLite models in the schema's object form, each in a file of its own.

Those of float models come before quantization, those of int8 models behind it. All give the same function in forms for
which LiteRT has fast int8 kernels: XNNPACK's, which are some fifty times as fast as those that it falls back to.
"""
