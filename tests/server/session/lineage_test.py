"""Recomputes proto/mneme/v1/lineage_vectors.json with hashlib alone.

What a client in any language does to check a memory handle; see MemoryHandle in
proto/mneme/v1/types.proto. Usage: lineage_test.py VECTORS
"""

import hashlib
import hmac
import json
import struct
import sys


def initial_digest(tenant_key, fingerprint):
    return hmac.new(tenant_key, b"mneme-lineage-1" + fingerprint, hashlib.sha256).digest()


def next_digest(parent, tokens, flags):
    count = len(tokens)
    body = struct.pack(f"<I{count}iI", count, *tokens, flags)
    return hashlib.sha256(b"mneme-step-1" + parent + body).digest()


def check(case):
    digest = initial_digest(bytes.fromhex(case["tenant_key"]), bytes.fromhex(case["fingerprint"]))
    found = [digest.hex()]
    for step in case["steps"]:
        digest = next_digest(digest, step["tokens"], step["flags"])
        found.append(digest.hex())
    if found != case["digests"]:
        sys.exit(f"lineage: case '{case['name']}' gives {found}, expected {case['digests']}")
    return len(found)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    count = sum(check(case) for case in cases)
    if count < 8:
        sys.exit(f"lineage: only {count} digests in {sys.argv[1]}")
    print(f"lineage: {count} digests of {len(cases)} cases agree")


main()
