"""Dilations that differ in height and width, which the Edge TPU does not take, where the kernel lets them be alike."""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

__all__ = ["even_dilations"]

_Options = schema.BuiltinOptions


def even_dilations(model: Any) -> None:
    """Give, in place, a kernel of one row or one column the same dilation in both directions, which changes nothing.

    `model` is the schema's object form.
    """
    for graph in model.subgraphs:
        for op in graph.operators:
            if op.builtinOptionsType in (_Options.Conv2DOptions, _Options.DepthwiseConv2DOptions):
                height, width = graph.tensors[op.inputs[1]].shape[1:3]
                options = op.builtinOptions
                if height == 1:
                    options.dilationHFactor = options.dilationWFactor
                elif width == 1:
                    options.dilationWFactor = options.dilationHFactor
