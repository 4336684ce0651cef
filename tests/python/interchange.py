#!/usr/bin/env python3
"""The other side of interchange_test: `write DIR` makes files as Python does, `check DIR` reads Kiln's.

Both sides know the same tensors by rule (see `tensors`), so that neither takes the other's word for a value.
"""
import sys
from collections import OrderedDict
from pathlib import Path

import safetensors.torch
import torch

DTYPES = {
    "f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16,
    "i64": torch.int64, "i32": torch.int32, "i8": torch.int8, "u8": torch.uint8, "bool": torch.bool,
}


def tensors():
    """Every dtype, shapes of no, one and many dimensions, and bit patterns that arithmetic would lose."""
    out = OrderedDict()
    for name, dtype in DTYPES.items():
        if dtype is torch.bool:
            out[name] = torch.tensor([[True, False, True], [False, False, True]])
        elif dtype.is_floating_point:
            out[name] = (torch.arange(6, dtype=torch.float64) * 0.75 - 2).to(dtype).reshape(2, 3)
        else:
            out[name] = (torch.arange(6) * 7).to(dtype).reshape(2, 3)
    out["scalar"] = torch.tensor(2.5, dtype=torch.float64)
    out["empty"] = torch.zeros(2, 0, 3)
    out["special"] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-42])
    out["encoder.0.weight"] = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return out


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(3, 4)
        self.fc2 = torch.nn.Linear(4, 2)
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


def fill(net):
    with torch.no_grad():
        for p in net.parameters():
            p.copy_((torch.arange(p.numel(), dtype=torch.float32) * 0.125 - 0.5).reshape(p.shape))
    net.steps.fill_(7)


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.125, momentum=0.5),
    "adam": lambda p: torch.optim.Adam(p, lr=0.125, betas=(0.5, 0.75), amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.125, weight_decay=0.25),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.125, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.125, lr_decay=0.5),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.125, history_size=3),
}


def step(net, optimizer):
    """Gradients by rule: what is compared is the optimizer's state, not a forward pass."""
    for p in net.parameters():
        p.grad = (torch.arange(p.numel(), dtype=torch.float32) * 0.25 - 1).reshape(p.shape) + p.detach() * 0.5
    optimizer.step(lambda: torch.tensor(1.0))


def write(where):
    torch.save(tensors(), where / "tensors.pt")
    safetensors.torch.save_file(dict(tensors()), where / "tensors.safetensors")
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    torch.save({"t": base.t(), "narrow": base[:, 1:3], "row": base[2], "expanded": base[0].expand(2, 4)}, where / "views.pt")
    net = Net()
    fill(net)
    torch.save(net.state_dict(), where / "net.pth")
    safetensors.torch.save_file(net.state_dict(), where / "net.safetensors")
    torch.save({"model_state_dict": net.state_dict(), "epoch": 3, "loss": 0.5, "tags": ["a", None, True]}, where / "run.pt")
    torch.save(net.state_dict(), where / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(net, where / "whole.pt")
    torch.jit.script(net).save(str(where / "script.pt"))  # the form of LibTorch's own torch::save
    for name, make in OPTIMIZERS.items():
        fill(net)
        optimizer = make(net.parameters())
        step(net, optimizer)
        step(net, optimizer)
        torch.save({"model_state_dict": net.state_dict(), "optimizer_state_dict": optimizer.state_dict(), "epoch": 2}, where / f"{name}.pt")


def bits(tensor):
    return bytes(tensor.contiguous().view(-1).numpy().tobytes()) if tensor.dtype != torch.bfloat16 else bits(tensor.view(torch.int16))


def same(got, wanted, what):
    assert got.dtype == wanted.dtype and got.shape == wanted.shape, f"{what}: {got.dtype} {got.shape}, wanted {wanted.dtype} {wanted.shape}"
    assert bits(got) == bits(wanted), f"{what}: {got}, wanted {wanted}"


def check(where):
    for read in (torch.load(where / "k_tensors.pt"), safetensors.torch.load_file(where / "k_tensors.safetensors")):
        assert set(read) == set(tensors()), set(read) ^ set(tensors())
        for name, wanted in tensors().items():
            same(read[name], wanted, name)
    wanted = Net()
    fill(wanted)
    for read in (torch.load(where / "k_net.pth"), safetensors.torch.load_file(where / "k_net.safetensors")):
        net = Net()
        net.load_state_dict(read)  # strict
        for name, tensor in net.state_dict().items():
            same(tensor, wanted.state_dict()[name], name)
    # One more step from Kiln's state as from Python's own.
    for name, make in OPTIMIZERS.items():
        runs = []
        for file in (f"k_{name}.pt", f"{name}.pt"):
            run = torch.load(where / file)
            net = Net()
            optimizer = make(net.parameters())
            net.load_state_dict(run["model_state_dict"])
            optimizer.load_state_dict(run["optimizer_state_dict"])
            assert run["epoch"] == 2 and optimizer.param_groups[0]["lr"] == 0.125
            step(net, optimizer)
            runs.append(net)
        for p, q in zip(runs[0].parameters(), runs[1].parameters()):
            assert torch.allclose(p, q, rtol=1e-5, atol=1e-6), f"{name}: {p} {q}"


{"write": write, "check": check}[sys.argv[1]](Path(sys.argv[2]))
