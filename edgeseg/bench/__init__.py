"""Measuring artifacts and comparing them. The package can be called: `edgeseg.bench([artifact, ...])`."""

from __future__ import annotations

from edgeseg.core.verb import make_callable

make_callable("edgeseg.bench")
