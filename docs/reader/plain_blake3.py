"""BLAKE3 in plain Python, after section 2 of the BLAKE3 paper (https://github.com/BLAKE3-team/BLAKE3-specs).

Only the unkeyed hash of 32 bytes, about a megabyte a second: enough for traces, and nothing to install.
"""

import struct

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
MASK = 0xFFFFFFFF
# Columns, then diagonals: the words of the state that one quarter round mixes.
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def compress(chain, message, counter, length, flags):
    """The first eight words of the compression function."""
    v = [*chain, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for _ in range(7):
        words = iter(message)
        for a, b, c, d in QUARTERS:
            va, vb, vc, vd = v[a], v[b], v[c], v[d]
            for right, left in ((16, 12), (8, 7)):
                va = (va + vb + next(words)) & MASK
                vd ^= va
                vd = (vd >> right | vd << 32 - right) & MASK
                vc = (vc + vd) & MASK
                vb ^= vc
                vb = (vb >> left | vb << 32 - left) & MASK
            v[a], v[b], v[c], v[d] = va, vb, vc, vd
        message = [message[place] for place in PERMUTATION]
    return [v[place] ^ v[place + 8] for place in range(8)]


def chunk(data, number, root):
    """The chaining value of one chunk of at most 1,024 bytes; with `root` the words of the hash."""
    chain = IV
    for start in range(0, max(len(data), 1), 64):
        block = data[start:start + 64]
        flags = (0 if start else CHUNK_START) | (CHUNK_END | root if start + 64 >= len(data) else 0)
        chain = compress(chain, struct.unpack("<16I", block.ljust(64, b"\0")), number, len(block), flags)
    return chain


def blake3(data):
    """The hash: 32 bytes."""
    starts = range(0, max(len(data), 1), 1024)
    level = [chunk(data[start:start + 1024], start // 1024, ROOT * (len(starts) == 1)) for start in starts]
    while len(level) > 1:
        # Neighbours in pairs, an odd one goes up as it is: the paper's tree, since its left halves are powers of two.
        flags = PARENT | (ROOT if len(level) == 2 else 0)
        pairs = [compress(IV, left + right, 0, 64, flags) for left, right in zip(level[::2], level[1::2])]
        level = pairs + level[2 * len(pairs):]
    return struct.pack("<8I", *level[0])
