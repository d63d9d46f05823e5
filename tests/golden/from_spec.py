"""Makes the compact golden files of one network out of a file of facts about it.

    python tests/golden/from_spec.py FACTS/bisenetv2_aux.json bisenetv2 '{"aux": true}'
    python tests/golden/from_spec.py FACTS/fanet.json fanet '{}' '{"512x1024": 1, "1024x2048": 2}'

The last argument gives the MAdds of a network that computes the same with less work than the published one. NAME.json
says what to build and what to feed; NAME.npz holds the names and shapes of its weights, in order, and the golden
outputs, thinned out. Where the facts have a second set of outputs, of larger weights, NAME_strong.* hold it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


def thinning(size: int) -> int:
    """Every how many pixels are kept of an output of so many numbers."""
    return 4 if size > 20_000 else 2 if size > 5_000 else 1


def from_zh320(facts: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    golden = np.load(path)
    arrays, runs = {}, []
    for index, (name, _, _) in enumerate(facts["outputs"]):
        thin = thinning(golden[name].size)
        arrays[name] = golden[name][:, :, ::thin, ::thin]
        runs.append(
            {
                "key": name,
                "output": index,
                "step": int(golden[f"{name}_stride"]) * thin,
                "tolerance": 5 * float(golden[f"{name}_f64err"]) + 1e-6,
                "near_ties": any(op == "max_unpool2d" for _, op, *_ in facts["ops"]),
                "input": golden["input_shape"].tolist(),
                "seed": int(golden["input_seed"]),
                "scale": 1,
            }
        )
    sizes = facts["input_sizes"]
    about = {
        "classes": facts["options"]["num_class"],
        "params": facts["params"]["total"],
        "madds": [
            [size, facts["options"]["num_class"], facts["macs"][size]["live_total"]]
            for size in ("512x1024", "1024x2048")
        ],
        "takes": [size for size, found in sizes.items() if isinstance(found, list)],
        "refuses": [size for size, found in sizes.items() if not isinstance(found, list)],
        "gain": float(golden["gain"]),
        "runs": runs,
    }
    return about, arrays | {"variables": [[key, shape] for key, shape, _ in facts["state_dict"]]}


def from_seeds(facts: dict[str, Any], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays, runs = {}, []
    torch = facts["framework"].startswith("torch")
    final, extra = facts["outputs"]["final"], facts["outputs"].get("extra", {})
    outputs = ["final", *(name for name, row in extra.items() if row != final)]
    for key, entry in facts["golden"].items():
        full = np.load(folder / entry["file"])[entry["key"]]
        thin = thinning(full.size)
        arrays[key] = full[..., ::thin, ::thin] if torch else full[:, ::thin, ::thin]
        runs.append(
            {
                "key": key,
                "output": outputs.index(entry["output"]) if torch else entry["output"],
                "options": {name: entry[name] for name in ("slope", "align_corners") if name in entry},
                "step": entry["step"] * thin,
                "tolerance": 2e-5 * float(np.abs(arrays[key]).max()),
                "input": entry["input_shape"],
                "seed": entry["input_seed"][0],
                "scale": entry.get("input_scale", 1),
            }
        )
    about = {
        "classes": facts["classes"],
        "params": facts["params"]["trainable"],
        "madds": [["x".join(map(str, m["input"])), m["classes"], m["madds"]] for m in facts["madds"]],
        "takes": [],
        "refuses": [],
        "gain": 0.7,
        "runs": runs,
    }
    return about, arrays | {"variables": facts["variables"]}


def with_less_work(about: dict[str, Any], cheaper: str) -> dict[str, Any]:
    ours = json.loads(cheaper)
    return about | {"madds": [[size, classes, ours.get(size, madds)] for size, classes, madds in about["madds"]]}


def write(name: str, about: dict[str, Any], arrays: dict[str, Any]) -> None:
    (HERE / f"{name}.json").write_text(json.dumps(about, indent=1) + "\n")
    arrays["variables"] = np.array(json.dumps(arrays["variables"], separators=(",", ":")))
    np.savez_compressed(HERE / f"{name}.npz", **arrays)


def main(source: Path, card: str, options: str = "{}", cheaper: str = "{}") -> None:
    facts = json.loads(source.read_text())
    head = {"card": card, "options": json.loads(options)}
    if "state_dict" not in facts:
        about, arrays = from_seeds(facts, source.parent)
        write(source.stem, head | with_less_work(about, cheaper), arrays)
    for suffix, kind in (("", "golden"), ("_strong", "golden_strong")):
        if (path := source.with_name(f"{source.stem}.{kind}.npz")).exists():
            about, arrays = from_zh320(facts, path)
            write(source.stem + suffix, head | with_less_work(about, cheaper), arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
