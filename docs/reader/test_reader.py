#!/usr/bin/env python3
"""Tests of the reader: it reads every golden trace, shows the worlds that `tickworld` shows, and refuses what was changed.

    python3 docs/reader/test_reader.py [--tickworld PATH] [--seed N]

Without `--tickworld` nothing is compared with it, and the last line says so.
"""

import argparse
import contextlib
import copy
import functools
import io
import json
import pathlib
import random
import subprocess
import sys

import plain_blake3
import tickworld_reader
from tickworld_reader import CONTENT, HEADER, INDEX, KEYFRAME, PAGE, SEAL, TICK, Trace, domain, little
from values import Bytes, Refused, Schema, Type, page_rows

# The same records are hashed again and again here, most of them unchanged.
blake3 = tickworld_reader.blake3 = functools.lru_cache(maxsize=None)(plain_blake3.blake3)
ROOT = pathlib.Path(__file__).resolve().parents[2]
FLIPS = 40


def golden_traces():
    folder = ROOT / "golden-traces"
    found = sorted(folder.glob("*.trace")) + sorted(folder.glob("history/*/*.trace"))
    assert len(found) >= 7, f"too few golden traces to show anything: {found}"
    return found


def refusal(data):
    """What the reader says against a trace; a torn one counts, as with --check."""
    try:
        return Trace(data).torn
    except ValueError as refused:
        return str(refused)


def records(data):
    """Kind and body of every record."""
    at, found = 20, []
    while at < len(data):
        kind, body, at = tickworld_reader.record_at(data, at)
        found.append((kind, bytearray(body)))
    return found


def written(data, found):
    """A trace of these records, with checks that hold."""
    parts = [data[:20]]
    for kind, body in found:
        record = bytes([kind]) + little(len(body), 4) + bytes(body)
        parts.append(record + blake3(record)[:8])
    return b"".join(parts)


def chained(data, found):
    """The same, with links that hold, too: what someone can make who has no secret to keep to."""
    chain = Trace(data).start_chain
    for kind, body in found:
        if kind == TICK:
            count = int.from_bytes(body[72:74], "little")
            shorts, frame = body[74:74 + 8 * count], body[74 + 8 * count:]
            chain = blake3(bytes(domain("tickworld.trace.tick.1") + chain + body[:8] + little(len(frame), 4) + frame
                                 + body[40:74] + shorts))
            body[8:40] = chain
        elif kind == SEAL:
            body[16:48] = chain
    return written(data, found)


def nth(found, wanted, number):
    return [body for kind, body in found if kind == wanted][number]


def test_known_hashes():
    """The official test vectors of BLAKE3: bytes 0 to 250, over and over."""
    data = bytes(number % 251 for number in range(102_400))
    known = {0: "af1349b9f5f9a1a6", 1: "2d3adedff11b61f1", 1024: "42214739f095a406", 1025: "d00278ae47eb27b3",
             2049: "5f4d72f40d7a5f82", 102_400: "bc3e3d41a1146b06"}
    for length, start in known.items():
        assert blake3(data[:length]).hex().startswith(start), length


def test_one_encoding_of_a_value():
    """What has a second encoding is refused."""
    def ty(*parts):
        return Type(Bytes(bytes(parts), "type"))
    option, bool_ = ty(13, 3), ty(1)
    variants = ty(16, 1, 65, 2, 1, 66, 0, 1, 67, 1, 1, 48, 2)
    for good, row, text in ((option, b"\1\2\3", "770"), (option, b"\0\0\0", "none"), (bool_, b"\1", "true"),
                            (variants, b"\1\7", "C 7"), (ty(10), little(3 << 15, 8), "1.5"), (ty(8), b"\xff" * 4, "-1"),
                            (ty(17, 4), b"\3a\"b\0", '"a\\"b"')):
        assert good.fields_of(row) == {"": text}, good.fields_of(row)
    page = [(0, b"a"), (2, b"b")]
    assert page_rows(b"\1\5" + bytes(7) + b"ab", 2, 64, ty(2), "page") == page
    assert page_rows(b"ab", 2, 64, ty(2), "page") == [(0, b"a"), (1, b"b")]
    for call in (lambda: option.fields_of(b"\0\0\1"), lambda: bool_.fields_of(b"\2"), lambda: option.fields_of(b"\2\0\0"),
                 lambda: variants.fields_of(b"\0\1"), lambda: variants.fields_of(b"\2\0"), lambda: ty(18), lambda: ty(17, 0),
                 lambda: ty(17, 2).fields_of(b"\3ab"), lambda: ty(17, 2).fields_of(b"\1ab"), lambda: Schema(b""),
                 lambda: page_rows(b"\1\3" + bytes(7) + b"ab", 2, 64, ty(2), "page"),
                 lambda: page_rows(b"\2\5" + bytes(15) + b"ab", 2, 1024, ty(2), "page"),
                 lambda: page_rows(b"\1\1" + bytes(7) + b"ab", 2, 64, ty(2), "page")):
        try:
            value = call()
        except Refused:
            continue
        raise AssertionError(f"this was read: {value}")


def test_every_golden(tickworld):
    """All that stands in the golden traces holds; with `tickworld`, both show the same of every keyframe."""
    compared = 0
    for path in golden_traces():
        trace = Trace(path.read_bytes())
        assert trace.sealed and not trace.torn and trace.worlds, path
        if not tickworld:
            continue
        info, about = command(tickworld, "info", path), tickworld_reader.about(trace)
        for name in ("title", "seed", "game", "revision", "schema", "columns", "content", "last_tick", "last_root"):
            assert info[name] == about[name], (path, name, info[name], about[name])
        for _, tick, _, _ in trace.worlds:
            ours, theirs = tickworld_reader.state(trace, tick), shown(tickworld, path, tick)
            assert ours == theirs, (path, tick, first_difference(ours, theirs))
            compared += 1
    if tickworld:
        # The comparison bites: another value in one field of the last of these worlds.
        column = next(column for column in ours["columns"] if column["shown"])
        changed = copy.deepcopy(ours)
        at = ours["columns"].index(column)
        path = next(iter(column["shown"][0]["fields"]))
        changed["columns"][at]["shown"][0]["fields"][path] += "0"
        assert changed != theirs and first_difference(changed, theirs)[0] == column["column"]
    return compared


def shown(tickworld, path, tick):
    """What `tickworld` shows of a world, without file and names, which the reader does not know."""
    state = command(tickworld, "state", path, "--raw", "--tick", str(tick))
    columns = [{"column": column["column"], "rows": column["rows"],
                "shown": [{"row": row["row"], "fields": row["fields"]} for row in column["shown"]]}
               for column in state["columns"]]
    return {"tick": state["tick"], "root": state["root"], "columns": columns}


def command(tickworld, name, path, *more):
    run = subprocess.run([tickworld, "trace", name, str(path), *more, "--json"], stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def first_difference(ours, theirs):
    """Column, row and both sides of the first thing that differs."""
    for left, right in zip(ours["columns"], theirs["columns"]):
        for mine, other in zip(left["shown"], right["shown"]):
            if mine != other:
                return left["column"], mine, other
        if left != right:
            return left["column"], left["rows"], right["rows"]
    return "head", ours["root"], theirs["root"]


def test_flipped_bits(random_bits):
    """One bit anywhere in a trace."""
    for path in golden_traces():
        data = path.read_bytes()
        for _ in range(FLIPS // len(golden_traces()) + 1):
            changed = bytearray(data)
            at, bit = random_bits.randrange(len(data)), random_bits.randrange(8)
            changed[at] ^= 1 << bit
            assert refusal(bytes(changed)), f"{path}: bit {bit} of byte {at} was flipped, and nothing shows"


def test_flips_under_good_checks(random_bits):
    """One bit in a record whose check is made anew: what the record says is compared with the others."""
    data = golden_traces()[0].read_bytes()
    places = (
        # Kind, which one, from, to (bytes of the body; None is its end), and what is found, where that is one thing.
        (HEADER, 0, 0, 72, ""), (HEADER, 0, 72, 76, "rules revision"), (CONTENT, 0, 0, 40, ""), (CONTENT, 0, 48, None, "pack"),
        (PAGE, 3, 0, None, "hash is another"), (KEYFRAME, 1, 0, 4, ""), (KEYFRAME, 1, 4, 12, ""),
        (KEYFRAME, 1, 12, 48, "another schema or rules"), (KEYFRAME, 1, 48, 80, "content"),
        (KEYFRAME, 1, 92, 124, "hash is another"), (KEYFRAME, 1, -8, None, ""), (TICK, 5, 0, 8, "after tick"),
        (TICK, 5, 8, 72, "chain breaks"), (TICK, 5, 74, None, "chain breaks"), (INDEX, 0, 0, None, "index"),
        (SEAL, 0, 0, 8, "no index"), (SEAL, 0, 8, 48, "sealed at"))
    for kind, number, start, end, words in places:
        found = records(data)
        body = nth(found, kind, number)
        at = random_bits.choice(range(len(body))[start:end])
        body[at] ^= 1 << random_bits.randrange(8)
        said = refusal(written(data, found))
        where = f"a bit of byte {at} in record {number} of kind {kind:#x}"
        assert said and words in said, f"{where} was flipped: {said}"


def test_flips_under_good_links(random_bits):
    """A root that was changed, with every link and check made anew: only the pages of a keyframe tell."""
    data = golden_traces()[0].read_bytes()
    trace = Trace(data)
    tick = trace.keyframe_at[1][0]
    assert refusal(chained(data, records(data))) is None, "links made anew are the old ones"
    for start, end, words in ((40, 72, "the root of the pages"), (74, 74 + 8 * len(trace.schema.columns), "column root")):
        found = records(data)
        body = nth(found, TICK, tick - trace.first - 1)
        body[random_bits.randrange(start, end)] ^= 1 << random_bits.randrange(8)
        said = refusal(chained(data, found))
        assert said and words in said, f"of tick {tick} a byte from {start} to {end} was changed: {said}"


def test_records_out_of_place():
    """Records with good checks where none may stand, and what a reader does not know."""
    data = golden_traces()[0].read_bytes()
    for at, record, words in ((0, (0x07, b""), "header stands first"), (1, (0x07, b""), "may not be skipped"),
                              (1, (HEADER, b""), "header"), (-1, (0xFE, b"later"), "between index and seal")):
        found = records(data)
        found.insert(at if at >= 0 else len(found) - 1, record)
        said = refusal(written(data, found))
        assert said and words in said, (at, record, said)
    found = [record for record in records(data) if record[0] not in (INDEX, SEAL)]
    assert refusal(written(data, found)) is None and not Trace(written(data, found)).sealed, "a trace without an index"
    assert refusal(written(data, found + [(0xFE, b"later")])) is None, "a kind that may be skipped"
    newer = data[:16] + little(4, 4) + data[20:]
    assert "version 4" in refusal(newer)


def test_acts_of_travel():
    """What regions and the archive say of players who travel, put into a frame: read, and refused where it cannot stand so."""
    data = golden_traces()[0].read_bytes()
    parcel = b"\3TWP"

    def border(region, state):
        return b"\x11" + little(region, 4) + bytes([state])

    def mail(number, held=0, kind=0):
        return b"\x14" + little(2, 4) + little(1, 4) + little(number, 8) + little(9, 8) + bytes([held, kind]) + parcel

    begins, accept = b"\x10" + little(2, 4) + little(9, 8), b"\x13" + little(2, 4) + little(1, 4)
    delivered = b"\x12" + little(2, 4) + little(1, 4) + little(3, 8) + little(9, 8)
    comes_back, born = b"\6" + little(7, 8) + b"\1" + parcel, b"\6" + little(1, 8) + b"\0\0"

    def said(of_region, of_player=()):
        # Nothing stands behind it, for keyframes name the places of their pages.
        ticks = [at for at, (kind, _) in enumerate(records(data)) if kind == TICK]
        found = records(data)[:ticks[1] + 1]
        body = found[-1][1]
        at = 98 + 8 * int.from_bytes(body[72:74], "little")
        acts = [b"\0\0" + act for act in of_region]
        # Whoever follows is counted from player 1, which does no harm.
        acts += [bytes([number == 0, 0]) + act for number, act in enumerate(of_player)]
        assert body[at] + len(acts) < 128, "the number of inputs takes one byte"
        body[at:at + 1] = bytes([body[at] + len(acts)]) + b"".join(acts)
        return refusal(chained(data, found))

    good = [begins, border(2, 0), border(3, 5), delivered, accept, mail(4), mail(5, held=1)]
    assert said(good, [comes_back, born, b"\7", b"\x0a"]) is None, said(good, [comes_back, born, b"\7", b"\x0a"])
    for of_region, of_player, words in (
            (good[::-1], (), "out of order"), ([accept, accept], (), "out of order"), ([mail(5), mail(4)], (), "out of order"),
            ([border(2, 6)], (), "in no state"), ([mail(4, held=2)], (), "held is neither"),
            ([mail(4, kind=1)], (), "no parcel"), ([b"\x15"], (), "with act 21"), ([comes_back], (), "with act 6"),
            ((), [accept], "with act 19")):
        refused = said(of_region, of_player)
        assert refused and words in refused, (of_region, of_player, refused)


def test_torn(folder):
    """A trace that was broken off: its first worlds are shown, --check refuses it."""
    data = golden_traces()[0].read_bytes()
    torn = folder / "torn.trace"
    torn.write_bytes(data[:len(data) * 9 // 10])
    for arguments, code, words in (([], 0, "torn"), (["--tick", "0", "--json"], 0, '"tick":0'), (["--check"], 1, "torn"),
                                   (["--tick", "1"], 1, "no world of tick 1")):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            found = tickworld_reader.main([str(torn), *arguments])
        assert found == code and words in said.getvalue(), (arguments, found, said.getvalue()[:200])


def main():
    import tempfile
    parser = argparse.ArgumentParser()
    parser.add_argument("--tickworld", help="the program to compare with")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    bits = random.Random(arguments.seed)
    try:
        test_known_hashes()
        test_one_encoding_of_a_value()
        compared = test_every_golden(arguments.tickworld)
        test_flips_under_good_checks(bits)
        test_flips_under_good_links(bits)
        test_flipped_bits(bits)
        test_records_out_of_place()
        test_acts_of_travel()
        with tempfile.TemporaryDirectory() as folder:
            test_torn(pathlib.Path(folder))
    except BaseException:
        print(f"repeat: python3 docs/reader/test_reader.py --seed {arguments.seed}", file=sys.stderr)
        raise
    with_what = f"{compared} worlds as tickworld shows them" if arguments.tickworld else "not compared with tickworld"
    print(f"reader: {len(golden_traces())} golden traces, {with_what}; damage refused (seed {arguments.seed})")


if __name__ == "__main__":
    main()
