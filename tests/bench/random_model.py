#!/usr/bin/env python3
"""Writes a model folder with random weights of a known shape, to measure speed.

    tests/bench/random_model.py SHAPE FOLDER      SHAPE: see SHAPES below

Weights are N(0, 0.02^2) in bfloat16, seeded: the same folder every time.
"""

import json
import pathlib
import sys

import safetensors.torch
import torch

SHAPES = {
    # GPT-2 small (124 M) with 16 memory tokens, segments of 512.
    "gpt2-124m": dict(n_layer=12, n_head=12, n_embd=768, vocab_size=50257,
                      n_positions=1024, segment_size=512, num_mem_tokens=16),
    # For a test of this script and of what reads its folders.
    "gpt2-tiny": dict(n_layer=2, n_head=2, n_embd=32, vocab_size=97,
                      n_positions=64, segment_size=24, num_mem_tokens=4),
}


def gpt2_weights(shape):
    """Name, size, and the value of all elements, or None for random ones."""
    d, inner = shape["n_embd"], 4 * shape["n_embd"]
    yield "transformer.wte.weight", (shape["vocab_size"], d), None
    yield "transformer.wpe.weight", (shape["n_positions"], d), None
    for layer in range(shape["n_layer"]):
        h = f"transformer.h.{layer}"
        for norm in ("ln_1", "ln_2"):
            yield f"{h}.{norm}.weight", (d,), 1
            yield f"{h}.{norm}.bias", (d,), 0
        for name, rows, columns in (("attn.c_attn", d, 3 * d), ("attn.c_proj", d, d),
                                    ("mlp.c_fc", d, inner), ("mlp.c_proj", inner, d)):
            yield f"{h}.{name}.weight", (rows, columns), None
            yield f"{h}.{name}.bias", (columns,), 0
    yield "transformer.ln_f.weight", (d,), 1
    yield "transformer.ln_f.bias", (d,), 0


def write(shape, folder):
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    for name, size, value in gpt2_weights(shape):
        tensors["memory_cell.model." + name] = (
            torch.randn(size, generator=generator) * 0.02 if value is None
            else torch.full(size, float(value))).to(torch.bfloat16)
    memory = torch.randn(shape["num_mem_tokens"], shape["n_embd"], generator=generator)
    tensors["memory_cell.memory"] = (memory * 0.02).to(torch.bfloat16)
    config = {
        "architecture": "rmt",
        "segment_size": shape["segment_size"],
        "num_mem_tokens": shape["num_mem_tokens"],
        "backbone": {"model_type": "gpt2", "tie_word_embeddings": True,
                     **{key: shape[key] for key in ("n_layer", "n_head", "n_embd",
                                                    "vocab_size", "n_positions")}},
    }
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        sys.exit(__doc__ + "\nshapes: " + ", ".join(SHAPES))
    write(SHAPES[sys.argv[1]], pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
