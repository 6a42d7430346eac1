"""Opens an exported session file with the safetensors package and checks it.

What a program in any language does with such a file; the format is described in
server/session/session_file.h. Prints what session_file_python_test.cc expects.
Usage: session_file_test.py FILE EXPORT_KEY
"""

import datetime
import hashlib
import hmac
import struct
import sys

from safetensors import safe_open


def number(value):
    return struct.pack("<Q", value)


def text(value):
    data = value.encode()
    return number(len(data)) + data


def data_of(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    return data[8 + length:]


def checksum(fields, tensors, data):
    message = b"mneme-session-file-1" + number(len(fields))
    for name, value in sorted(fields.items()):
        message += text(name) + text(value)
    message += number(len(tensors))
    for name, dtype, shape in tensors:
        message += text(name) + text(dtype) + number(len(shape)) + b"".join(map(number, shape))
    return hashlib.sha256(message + data).digest()


def show_tensors(file, data):
    """Prints each tensor; returns what they are."""
    tensors, begin = [], 0
    for name in file.offset_keys():
        view = file.get_slice(name)
        dtype, shape = view.get_dtype(), view.get_shape()
        words = [name, dtype, str(shape)]
        if dtype == "BF16":  # NumPy has none
            raw = data[begin:begin + 2 * shape[0]]
        else:
            tensor = file.get_tensor(name)
            raw = tensor.tobytes()
            if raw != data[begin:begin + len(raw)] or list(tensor.shape) != shape:
                sys.exit(f"session file: {name} is {tensor} of {raw.hex()}")
        words.append(raw.hex())
        if dtype in ("U8", "I32", "I64") or not raw:
            words.append(str(tensor.tolist()))
        print(*words)
        tensors.append((name, dtype, shape))
        begin += len(raw)
    if begin != len(data):
        sys.exit(f"session file: {begin} of {len(data)} bytes belong to tensors")
    return tensors


def main():
    path, key = sys.argv[1], sys.argv[2].encode()
    data = data_of(path)
    with safe_open(path, framework="numpy") as file:
        fields = file.metadata()
        tensors = show_tensors(file, data)
    found_sum, found_hmac = fields.pop("sha256"), fields.pop("hmac", None)
    print("model", fields["model"])
    print("handle", "/".join(fields[name] for name in ("session_id", "step", "digest")))
    print("exported", datetime.datetime.fromisoformat(fields["exported"]).isoformat())
    expected = checksum(fields, tensors, data)
    print("sha256", "holds" if expected.hex() == found_sum else f"should be {expected.hex()}")
    if found_hmac is None:
        print("no hmac")
        return
    tag = hmac.new(key, b"mneme-export-1" + expected, hashlib.sha256).hexdigest()
    print("hmac", "holds" if tag == found_hmac else f"should be {tag}")


main()
