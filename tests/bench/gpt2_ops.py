#!/usr/bin/env python3
"""What each operation of GPT-2 small's step costs on this GPU, through PyTorch.

    tests/bench/gpt2_ops.py [ROWS...]     rows of 16 + 512 + 16 positions, bfloat16

One line for each operation: microseconds (the median of 30), how often a step has it, and what it
reaches of the machine: TFLOP/s, or TB/s where it moves bytes only. Used to plan the step
(tests/bench/results/NOTES.md).
"""

import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

D, HEADS, LENGTH, LAYERS, VOCAB = 768, 12, 544, 12, 50257


def median_us(function):
    for _ in range(5):
        function()
    times = []
    for _ in range(30):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        function()
        end.record()
        end.synchronize()
        times.append(1e3 * start.elapsed_time(end))
    return sorted(times)[15]


def measure(rows):
    n = rows * LENGTH
    new = lambda *size: torch.randn(size, device="cuda", dtype=torch.bfloat16) * 0.1
    x, inner, weight, bias = new(n, D), new(n, 4 * D), new(D), new(D)
    w = {name: new(i, o) for name, i, o in (("qkv", D, 3 * D), ("out", D, D), ("up", D, 4 * D),
                                           ("down", 4 * D, D))}
    t = {name: value.t().contiguous() for name, value in w.items()}
    b = {name: new(value.shape[1]) for name, value in w.items()}
    qkv = new(n, 3 * D).view(rows, LENGTH, 3, HEADS, D // HEADS)
    q, k, v = (qkv[:, :, i].transpose(1, 2) for i in range(3))
    product = lambda name: 2 * n * w[name].numel()
    moved = lambda count: 2 * count

    def attention(backend):
        def run():
            with sdpa_kernel(backend):
                return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return run

    flops = 4 * rows * HEADS * LENGTH * LENGTH * (D // HEADS) / 2
    cases = [
        ("layer norm", 2 * LAYERS, lambda: F.layer_norm(x, (D,), weight, bias), 0, moved(2 * n * D)),
        ("add", 2 * LAYERS, lambda: x + x, 0, moved(3 * n * D)),
        ("gelu tanh", LAYERS, lambda: F.gelu(inner, approximate="tanh"), 0, moved(8 * n * D)),
        ("attention cuDNN", LAYERS, attention(SDPBackend.CUDNN_ATTENTION), flops, 0),
        ("attention flash", LAYERS, attention(SDPBackend.FLASH_ATTENTION), flops, 0),
        ("  its reshape", LAYERS, lambda: attention(SDPBackend.CUDNN_ATTENTION)().transpose(1, 2)
         .reshape(n, D), 0, 0),
    ]
    for name in w:
        source = inner if name == "down" else x
        cases.append((f"{name} W[in,out] + b", LAYERS,
                      lambda s=source, m=name: torch.addmm(b[m], s, w[m]), product(name), 0))
        cases.append((f"{name} W[out,in] + b", LAYERS,
                      lambda s=source, m=name: F.linear(s, t[m], b[m]), product(name), 0))
    residual = new(n, D)
    cases += [
        ("up + b, gelu in one", LAYERS,
         lambda: torch._addmm_activation(b["up"], x, w["up"], use_gelu=True), product("up"), 0),
        ("down added in place", LAYERS, lambda: residual.addmm_(inner, w["down"], beta=1),
         product("down"), 0),
        ("out added in place", LAYERS, lambda: residual.addmm_(x, w["out"], beta=1),
         product("out"), 0),
    ]
    tokens = min(rows * 512, 32768)
    hidden, head = new(tokens, D), new(VOCAB, D)
    logits = F.linear(hidden, head)
    padded = new(VOCAB + 47, D)
    cases += [
        (f"head, {tokens} tokens", 1, lambda: F.linear(hidden, head), 2 * tokens * D * VOCAB, 0),
        ("  vocabulary padded to 128", 1, lambda: F.linear(hidden, padded), 2 * tokens * D * VOCAB, 0),
        ("  argmax", 1, lambda: logits.argmax(-1), 0, moved(tokens * VOCAB)),
        ("  float, argmax", 1, lambda: logits[:8192].float().argmax(-1), 0, moved(8192 * VOCAB)),
    ]
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {rows} rows")
    for name, count, function, flop, size in cases:
        us = median_us(function)
        rate = f"{flop / us / 1e6:7.0f} TFLOP/s" if flop else f"{size / us / 1e6:7.2f} TB/s" if size else ""
        print(f"  {name:28} {us:9.1f} us  x {count:2} {us * count / 1e3:8.2f} ms  {rate}", flush=True)


for argument in sys.argv[1:] or ["64"]:
    with torch.inference_mode():
        measure(int(argument))
