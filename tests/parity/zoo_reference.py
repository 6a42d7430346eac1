#!/usr/bin/env python3
"""Bits per byte of model/zoo/wiki-rmt on the beginning of the demo's text.

Written from the papers' equations (GPT-2; the recurrent memory transformer in
its decoder form), in float32 and operation by operation, and shares nothing
with the C++ of this project: zoo_test.cc holds what it prints.

    .venv/bin/python tests/parity/zoo_reference.py
"""
import json
import math
import pathlib
import struct
import warnings

warnings.filterwarnings("ignore")  # PyTorch says that there is no NumPy
import torch  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "model/zoo/wiki-rmt"
TEXT = ROOT / "deploy/demo_data/war_and_peace.txt"
BYTES = 4096
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def read_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    body = bytearray(data[8 + length:])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(body[begin:end], dtype=DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).to(torch.float32)
    return tensors


def layer_norm(x, weight, bias, epsilon):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + epsilon) * weight + bias


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


class Gpt2:
    def __init__(self, weights, config):
        self.weights = weights
        self.config = config

    def get(self, name):
        return self.weights["memory_cell.model.transformer." + name]

    def norm(self, x, name):
        return layer_norm(x, self.get(name + ".weight"), self.get(name + ".bias"),
                          self.config["layer_norm_epsilon"])

    def affine(self, x, name):  # Conv1D: weight [in, out]
        return x @ self.get(name + ".weight") + self.get(name + ".bias")

    def attention(self, x, name):
        length, width = x.shape
        heads = self.config["n_head"]
        q, k, v = (part.reshape(length, heads, width // heads).transpose(0, 1)
                   for part in self.affine(x, name + ".c_attn").split(width, -1))
        scores = q @ k.transpose(1, 2) / math.sqrt(width // heads)
        future = torch.ones(length, length).triu(1).bool()
        scores = scores.masked_fill(future, float("-inf"))
        mixed = (torch.softmax(scores, -1) @ v).transpose(0, 1).reshape(length, width)
        return self.affine(mixed, name + ".c_proj")

    def hidden(self, x):  # [length, width] embeddings -> after the final norm
        x = x + self.get("wpe.weight")[:len(x)]
        for layer in range(self.config["n_layer"]):
            h = f"h.{layer}"
            x = x + self.attention(self.norm(x, h + ".ln_1"), h + ".attn")
            inner = gelu_new(self.affine(self.norm(x, h + ".ln_2"), h + ".mlp.c_fc"))
            x = x + self.affine(inner, h + ".mlp.c_proj")
        return self.norm(x, "ln_f")

    def log_probs(self, hidden):
        return torch.log_softmax(hidden @ self.weights["memory_cell.model.lm_head.weight"].T, -1)


def bits_per_byte(model, initial, text, segment_size, reset):
    memory, slots = initial, len(initial)
    last = None  # the hidden state that predicts the next segment's first byte
    nats = 0.0
    for begin in range(0, len(text), segment_size):
        segment = torch.tensor(list(text[begin:begin + segment_size]))
        read = initial if reset else memory
        tokens = model.get("wte.weight")[segment]
        hidden = model.hidden(torch.cat([read, tokens, read]))
        memory = hidden[-slots:]
        tokens = hidden[slots:slots + len(segment)]
        before = tokens[:-1] if last is None else torch.cat([last, tokens[:-1]])
        scored = segment[1:] if last is None else segment
        nats -= model.log_probs(before).gather(1, scored[:, None]).double().sum().item()
        last = tokens[-1:]
    return nats / math.log(2) / (len(text) - 1)


def main():
    config = json.loads((MODEL / "config.json").read_text())
    weights = read_safetensors(MODEL / "model.safetensors")
    model = Gpt2(weights, config["backbone"])
    text = TEXT.read_bytes()[:BYTES]
    for title, reset in (("with memory", False), ("reset at every segment", True)):
        bits = bits_per_byte(model, weights["memory_cell.memory"], text,
                             config["segment_size"], reset)
        print(f"{title}: {bits:.6f} bits per byte")


if __name__ == "__main__":
    with torch.no_grad():
        main()
