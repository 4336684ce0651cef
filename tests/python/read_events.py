#!/usr/bin/env python3
"""Prints as JSON what TensorBoard reads in each run below a directory: its own reader, as its server uses it."""
import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.compat.proto.types_pb2 import DataType
from tensorboard.util import tensor_util


def attribute(value):
    kind = value.WhichOneof("value")
    if kind == "list":
        return [[d.size for d in s.dim] for s in value.list.shape] or list(value.list.i)
    if kind == "s":
        return value.s.decode()
    return DataType.Name(value.type) if kind == "type" else getattr(value, kind)


def nodes(run):
    return [
        {
            "name": n.name,
            "op": n.op,
            "inputs": list(n.input),
            "attributes": {key: attribute(value) for key, value in n.attr.items()},
        }
        for n in run.Graph().node
    ]


def read(directory):
    run = EventAccumulator(str(directory), size_guidance={"tensors": 0})
    run.Reload()
    tags = run.Tags()
    panels = {}
    for tag in tags["tensors"]:
        plugin = run.SummaryMetadata(tag).plugin_data.plugin_name
        panels.setdefault(plugin, {})[tag] = [
            [e.step, e.wall_time, values(tensor_util.make_ndarray(e.tensor_proto))] for e in run.Tensors(tag)
        ]
    return {"panels": panels, "graph": nodes(run) if tags["graph"] else []}


def values(array):
    return [v.decode() for v in array.ravel()] if array.dtype == object else array.tolist()


root = Path(sys.argv[1])
runs = sorted({file.parent for file in root.rglob("events.out.tfevents.*")})
print(json.dumps({str(run.relative_to(root)): read(run) for run in runs}))
