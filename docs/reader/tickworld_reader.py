#!/usr/bin/env python3
"""A second reader of Tickworld's traces, written from docs/FORMATS.md alone: no code is shared with the project.

It reads a trace from front to end and checks all that the document states. It does not simulate, so it shows the worlds that
stand in the file and no others.

    python3 tickworld_reader.py TRACE                    what the trace is
    python3 tickworld_reader.py TRACE --tick T [--json]  the world of a keyframe; --json: on one line
    python3 tickworld_reader.py TRACE --check            as the first; a torn trace is refused, too

Exit code 0: all is as stated. 1: the trace is refused, or holds no world of that tick; standard error says why.
"""

import argparse
import json
import sys

from plain_blake3 import blake3
from values import Bytes, Refused, Schema, domain, need, page_rows

HEADER, CONTENT, PAGE, KEYFRAME, TICK, SEAL = 1, 2, 3, 4, 5, 6
EVIDENCE, STAGES, MISMATCH, INDEX = 0x81, 0x82, 0x83, 0x84
PIECE = 1 << 20
# Which acts a frame may hold: by whether the player is 0 and has a number, or by who it is (region, player, requester).
OLD_ACTS = {(True, False): (3,), (True, True): (), (False, False): (0, 1, 2), (False, True): (4,)}
ACTS = {(0, False): (16, 17, 18, 19, 20), (0, True): (), (1, False): (1, 2, 5, 6, 7, 10), (1, True): (4, 8), (2, False): (),
        (2, True): (4, 8, 9)}
# Bytes of requests and of acts whose length is fixed.
REQUESTS, FIXED_ACTS = {0: 8, 1: 9, 3: 9, 4: 5, 5: 8, 6: 8, 7: 8}, {5: 12, 16: 12, 17: 5, 18: 24, 19: 8}
BODY_MAX = {PAGE: 16_640, CONTENT: PIECE + 64}


def sender(player):
    return 0 if player == 0 else 1 + (player >> 63)


def little(number, size):
    return number.to_bytes(size, "little")


def record_at(data, at):
    """Kind, body and end of the record at a byte, whose check holds."""
    source = Bytes(data, f"byte {at}", at)
    kind = source.uint(1)
    body = source.take(source.count(4, BODY_MAX.get(kind, 64 << 20), "bytes of body"))
    check = blake3(data[at:source.at])[:8]
    need(source.take(8) == check, f"byte {at}: the record's check does not hold")
    return kind, body, source.at


class Trace:
    """A trace, read and checked. Its `worlds` are (kind, tick, root, columns), in the order of the file."""
    def __init__(self, data):
        self.torn, self.sealed, self.mismatch, self.index_at = None, False, None, None
        self.pages, self.packs, self.pack_at, self.worlds = {}, {}, [], []
        self.tick_at, self.keyframe_at, self.note_at = [], [], []
        source = Bytes(data, "file")
        need(source.take(16) == b"tickworld-trace\n", "not a trace: another magic")
        self.version = source.uint(4)
        need(self.version in (1, 2, 3), f"a trace of version {self.version}; this reader knows 1 to 3")
        readers = {HEADER: self.header, CONTENT: self.content, PAGE: self.page, KEYFRAME: self.world, TICK: self.tick, SEAL:
                   self.seal, EVIDENCE: self.world, STAGES: self.stages, MISMATCH: self.mismatched, INDEX: self.index}
        at = 20
        while at < len(data):
            need(not self.sealed, f"byte {at}: something follows the seal")
            try:
                kind, body, after = record_at(data, at)
            except Refused as refused:
                self.torn = str(refused)
                break
            self.kind, self.at, body = kind, at, Bytes(body, f"record at byte {at}")
            need((kind == HEADER) == (at == 20), f"byte {at}: a header stands first, and there alone")
            need(self.index_at is None or kind == SEAL, f"byte {at}: something stands between index and seal")
            need(kind in readers or kind & 0x80, f"byte {at}: a record of kind {kind}, which may not be skipped")
            if kind in readers:
                readers[kind](body)
                body.end()
            at = after
        need(self.worlds, f"the world of the start is missing: {self.torn}")

    def header(self, body):
        self.first, self.start_root, content = body.uint(8), body.take(32), body.take(32)
        # The packs that may be in force: whether a request applied, only the world knows.
        self.content_now = [content]
        self.revision, self.ticks_per_second = body.uint(4), body.uint(4)
        need(body.uint(4) >= 1, "header: keyframes every 0 ticks")
        body.count(4, 1024, "evidence ticks")
        self.engine, self.title, self.seed = (body.text(2, 4096) for _ in range(3))
        self.contents = [body.take(32) for _ in range(body.count(2, 1024, "contents"))]
        need(len(set(self.contents)) == len(self.contents), "header: a content twice")
        self.schema = Schema(body.take(body.count(4, 1 << 20, "bytes of schema")))
        self.chain = self.start_chain = blake3(domain("tickworld.trace.start.1") + self.schema.id + little(self.revision, 4)
                            + little(self.first, 8) + self.start_root + content)
        # By tick: root, column roots' first bytes (none of the start), content in force.
        self.last, self.ticks = self.first, {self.first: (self.start_root, None, self.content_now)}

    def content(self, body):
        name, length, offset = body.take(32), body.count(8, 256 << 20, "bytes of pack"), body.uint(8)
        piece = body.take(body.left())
        if offset == 0:
            need(name not in self.packs and self.packs_are_whole(), f"{body.what}: a pack twice or out of place")
            self.packs[name] = (length, b"")
            self.pack_at.append((name, self.at))
        before = self.packs.get(name, (0, b""))
        need((length, offset) == (before[0], len(before[1])), f"{body.what}: a piece out of place")
        need(len(piece) == min(PIECE, length - offset), f"{body.what}: a piece of {len(piece)} bytes")
        self.packs[name] = (length, before[1] + piece)
        if self.packs_are_whole():
            check_pack(Bytes(before[1] + piece, f"pack that ends in the {body.what}"), name)

    def packs_are_whole(self):
        return all(length == len(data) for length, data in self.packs.values())

    def page(self, body):
        self.pages[self.at] = body.take(body.left())

    def world(self, body):
        manifest = Bytes(body.take(body.uint(4)), f"manifest in the {body.what}")
        tick, schema, revision, content = manifest.uint(8), manifest.take(32), manifest.uint(4), manifest.take(32)
        what = manifest.what
        need(tick in self.ticks, f"{what}: a world of tick {tick}, which does not stand before it")
        if not self.worlds:
            need((self.kind, tick) == (KEYFRAME, self.first), f"{what}: the first world is not the start's keyframe")
            need(list(self.packs) == self.contents and self.packs_are_whole(), f"{what}: other packs than the header's")
            need(content in [bytes(32), *self.packs], f"{what}: the pack in force is not in the trace")
        recorded, shorts, content_then = self.ticks[tick]
        need((schema, revision) == (self.schema.id, self.revision), f"{what}: another schema or rules revision")
        need(content in content_then, f"{what}: another content than the one in force")
        need(manifest.uint(2) == len(self.schema.columns), f"{what}: another number of columns")
        columns = [self.column(manifest, body, *column) for column in self.schema.columns]
        manifest.end()
        roots = [blake3(domain("tickworld.column.1") + domain(name) + table) for name, table, _ in columns]
        root = blake3(domain("tickworld.root.1") + manifest.data[:76] + b"".join(roots))
        need(root == recorded, f"{what}: the root of the pages is not the root of tick {tick}")
        need(shorts in (None, b"".join(part[:8] for part in roots)), f"{what}: another column root than its tick's")
        self.worlds.append((self.kind, tick, root, [(name, rows) for name, _, rows in columns]))
        if self.kind == KEYFRAME:
            need(not self.keyframe_at or self.keyframe_at[-1][0] < tick, f"{what}: keyframes do not ascend")
            self.keyframe_at.append((tick, self.at))
        else:
            self.note_at.append((EVIDENCE, tick, self.at))

    def column(self, manifest, offsets, name, page_size, row):
        """Name, digest of the page table, and rows of a column of a world."""
        table, rows, before = domain("tickworld.table.1"), [], -1
        for _ in range(manifest.count(4, 65_536, "pages")):
            number, count, digest, offset = manifest.uint(4), manifest.uint(2), manifest.take(32), offsets.uint(8)
            what = f"{manifest.what}, column {name}, page {number}"
            need(before < number < 65_536 and 1 <= count <= page_size, f"{what}: out of order, or {count} rows")
            need(offset in self.pages, f"{what}: no page stands at byte {offset}")
            page = self.pages[offset]
            need(blake3(page) == digest, f"{what}: the page's hash is another")
            for place, value in page_rows(page, count, page_size, row, what):
                row.whole(value, what)
                rows.append((number * page_size + place, value))
            table += little(number, 4) + little(count, 4) + digest
            before = number
        return name, blake3(table), rows

    def tick(self, body):
        need(self.worlds, f"{body.what}: a tick before the world of the start")
        tick, chain, root, count = body.uint(8), body.take(32), body.take(32), body.uint(2)
        need(tick == self.last + 1, f"{body.what}: tick {tick} after tick {self.last}")
        need(count == len(self.schema.columns), f"{body.what}: another number of columns")
        shorts, frame = body.take(8 * count), body.take(body.left())
        link = blake3(domain("tickworld.trace.tick.1") + self.chain + little(tick, 8) + little(len(frame), 4) + frame
                      + root + little(count, 2) + shorts)
        need(link == chain, f"{body.what}: the chain breaks at tick {tick}")
        self.frame(Bytes(frame, f"frame of tick {tick}"), tick)
        self.last, self.chain = tick, chain
        self.ticks[tick] = (root, shorts, self.content_now)
        self.ticks.pop(tick - 1026, None)
        self.tick_at.append(self.at)

    def frame(self, frame, tick):
        need(frame.uint(8) == tick, f"{frame.what}: of another tick")
        frame.take(16)
        old, before, of_player, player = self.version < 3, (-1, 0), {}, 0
        place, before_place, parcels = (0, 0, 0), (0, 0, 0), 0
        many = frame.count(4, 65_536, "inputs") if old else frame.varint(65_536, "inputs")
        for _ in range(many):
            player = frame.uint(8) if old else player + frame.varint(2**64 - 1 - player, "as a player")
            sequence, act = frame.uint(4) if old else frame.varint(2**32 - 1, "as a sequence"), frame.uint(1)
            allowed = OLD_ACTS[player == 0, sequence > 0] if old else ACTS[sender(player), sequence > 0]
            need(act in allowed, f"{frame.what}: player {player}, sequence {sequence}, with act {act}")
            key = (player, sequence)
            need(key > before or key == before and sequence == 0, f"{frame.what}: inputs out of order")
            before, of_player[player] = key, of_player.get(player, 0) + 1
            most = 64 if old or player else 1024
            need(of_player[player] <= most, f"{frame.what}: more than {most} inputs of player {player}")
            if act == 3:
                self.switch(frame, 0)
            elif act == 4:
                size = self.schema.input.size
                play = frame.take(frame.count(2, size, "bytes of input") if old else frame.varint(size, "bytes of input"))
                need(not play.endswith(b"\0"), f"{frame.what}: an input that ends in zeros")
                self.schema.input.whole(play.ljust(size, b"\0"), frame.what)
            elif act == 9:
                kind = frame.uint(1)
                need(kind == 2 or kind in REQUESTS, f"{frame.what}: a request of kind {kind}")
                if kind == 2:
                    self.switch(frame, sequence)
                else:
                    frame.take(REQUESTS[kind] - (kind in (1, 3, 4)))
                    need(kind not in (1, 3, 4) or frame.uint(1) <= 1, f"{frame.what}: a flag is neither 0 nor 1")
            elif act in (6, 20):
                place = (act, frame.uint(4), frame.take(4) and frame.uint(8)) if act == 20 else place
                frame.take(8)
                need(frame.uint(1) <= 1, f"{frame.what}: held is neither 0 nor 1")
                need(act == 6 or frame.uint(1) == 0, f"{frame.what}: mail that is no parcel")
                parcels += len(frame.take(frame.varint(65_536, "bytes of parcel")))
            elif not old and act >= 16:
                body = frame.take(FIXED_ACTS[act])
                place = (act, int.from_bytes(body[:4], "little") if act > 16 else 0, 0)
                need(act != 17 or body[4] <= 5, f"{frame.what}: a border that is in no state")
            elif not old:
                frame.take(FIXED_ACTS.get(act, 0))
            need(player or old or place > before_place, f"{frame.what}: what the region says is out of order")
            before_place = place
        need(parcels <= 1 << 20, f"{frame.what}: {parcels} bytes of parcels")
        frame.end()

    def switch(self, frame, sequence):
        """A frame asks for a pack. One without a number, of an old frame, always gets it."""
        content = frame.take(32)
        need(content in self.packs, f"{frame.what}: a switch to a pack that is not in the trace")
        before = [known for known in self.content_now if sequence and known != content]
        self.content_now = [*before, content]

    def stages(self, body):
        tick, last, count = body.uint(8), None, len(self.schema.columns)
        for _ in range(body.count(2, 1024, "stages")):
            body.name()
            need(body.uint(2) == count, f"{body.what}: another number of columns")
            last = body.take(8 * count)
        need(last and self.ticks.get(tick, (0, 0))[1] == last, f"{body.what}: not the column roots of tick {tick}")
        self.note_at.append((STAGES, tick, self.at))

    def mismatched(self, body):
        tick, own, expected = body.uint(8), body.take(32), body.take(32)
        body.count(1, min(self.version, 2), "as reproducible")
        need(self.mismatch is None, f"{body.what}: a second mismatch")
        need(tick in self.ticks and own == self.ticks[tick][0] != expected, f"{body.what}: not a root of tick {tick}")
        self.mismatch = tick
        self.note_at.append((MISMATCH, tick, self.at))

    def index(self, body):
        ticks = thinned(self.tick_at, 64)
        lists = ([little(at, 8) for at in ticks[1]],
                 [little(tick, 8) + little(at, 8) for tick, at in thinned(self.keyframe_at, 1)[1]],
                 [bytes([kind]) + little(tick, 8) + little(at, 8) for kind, tick, at in self.note_at])
        index = little(self.first + 1, 8) + little(len(self.tick_at), 8) + little(ticks[0], 8)
        index += b"".join(little(len(entries), 4) + b"".join(entries) for entries in lists)
        index += little(len(self.pack_at), 2) + b"".join(name + little(at, 8) for name, at in self.pack_at)
        need(body.take(body.left()) == index, f"{body.what}: the index is not that of the records")
        self.index_at = self.at

    def seal(self, body):
        need(body.uint(8) == self.index_at, f"{body.what}: no index stands before the seal")
        need(body.uint(8) == self.last and body.take(32) == self.chain, f"{body.what}: sealed at another tick or link")
        self.sealed = True


def thinned(entries, stride):
    """Stride and entries of a list of the index: the stride doubles until at most 65,536 are left."""
    while len(entries[::stride]) > 65_536:
        stride *= 2
    return stride, entries[::stride]


def check_pack(pack, name):
    need(pack.take(8) == b"TWPACK\r\n", f"{pack.what}: another magic")
    need(pack.uint(4) == 1, f"{pack.what}: another version than 1, which this reader knows, or no zeros behind it")
    need(pack.uint(4) == len(pack.data) - 48, f"{pack.what}: another length than its header's")
    need(pack.take(32) == name == blake3(pack.take(pack.left())), f"{pack.what}: the content is not that of its id")


def about(trace):
    """What a trace is, as a value for JSON."""
    return {
        "version": trace.version, "title": trace.title, "engine": trace.engine, "seed": trace.seed,
        "game": trace.schema.game, "revision": trace.revision, "schema": trace.schema.id.hex(),
        "columns": len(trace.schema.columns), "content": [name.hex() for name in trace.packs], "mismatch": trace.mismatch,
        "first_tick": trace.first, "last_tick": trace.last, "last_root": trace.ticks[trace.last][0].hex(),
        "keyframes": [world[1] for world in trace.worlds if world[0] == KEYFRAME], "sealed": trace.sealed,
        "evidence": [world[1] for world in trace.worlds if world[0] == EVIDENCE], "torn": trace.torn}


def state(trace, wanted):
    """The world of a tick, as a value for JSON: fields by their path in the row, values as text."""
    for _, tick, root, columns in trace.worlds:
        if tick == wanted:
            return {"tick": tick, "root": root.hex(), "columns": [
                {"column": name, "rows": len(rows), "shown": [{"row": at, "fields": row.fields_of(value)} for at, value in rows]}
                for (name, rows), (_, _, row) in zip(columns, trace.schema.columns)]}
    raise Refused(f"no world of tick {wanted} stands in the trace; it holds those of {[w[1] for w in trace.worlds]}")


def main(words=None):
    parser = argparse.ArgumentParser(description="reads and checks a Tickworld trace")
    parser.add_argument("trace")
    parser.add_argument("--tick", type=int, help="show the world of this tick")
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--check", action="store_true", help="refuse a torn trace, too")
    arguments = parser.parse_args(words)
    try:
        with open(arguments.trace, "rb") as file:
            trace = Trace(file.read())
        need(not (trace.torn and arguments.check), f"torn after tick {trace.last}: {trace.torn}")
        value = about(trace) if arguments.tick is None else state(trace, arguments.tick)
    except (ValueError, OSError) as refused:
        print(f"{arguments.trace}: {refused}", file=sys.stderr)
        return 1
    if trace.torn:
        print(f"{arguments.trace}: torn after tick {trace.last}: {trace.torn}", file=sys.stderr)
    print(json.dumps(value, separators=(",", ":")) if arguments.json else json.dumps(value, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
