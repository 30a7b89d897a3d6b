"""Bytes, types and values: the schema of a trace, and rows read by it. What could have been written otherwise is refused."""

import json

from plain_blake3 import blake3


class Refused(ValueError):
    """The bytes are not what the document says."""


def need(holds, what):
    if not holds:
        raise Refused(what)


def domain(name):
    return bytes([len(name)]) + name.encode()


class Bytes:
    """Bytes that are read from front to end."""
    def __init__(self, data, what, at=0):
        self.data, self.at, self.what = data, at, what

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        need(count <= self.left(), f"{self.what}: {count} bytes wanted, {self.left()} left")
        self.at += count
        return self.data[self.at - count:self.at]

    def uint(self, size):
        return int.from_bytes(self.take(size), "little")

    def count(self, size, most, what):
        number = self.uint(size)
        need(number <= most, f"{self.what}: {number} {what}, at most {most}")
        return number

    def varint(self, most, what):
        number, shift, byte = 0, 0, 128
        while byte & 128:
            byte = self.uint(1)
            number, shift = number | (byte & 127) << shift, shift + 7
        need(byte > 0 or shift == 7, f"{self.what}: a number that is longer than it must be")
        need(number <= most, f"{self.what}: {number} {what}, at most {most}")
        return number

    def text(self, size, most, least=0):
        data = self.take(self.count(size, most, "bytes of text"))
        need(len(data) >= least, f"{self.what}: a name without letters")
        return data.decode()

    def name(self):
        return self.text(1, 64, 1)

    def end(self):
        need(self.left() == 0, f"{self.what}: {self.left()} bytes too many")


UNIT, BOOL, FX, ANGLE, ENTITY, OPTION, ARRAY, STRUCT, ENUM, TEXT = 0, 1, 10, 11, 12, 13, 14, 15, 16, 17
UNSIGNED, SIGNED = {2: 1, 3: 2, 4: 4, 5: 8}, {6: 1, 7: 2, 8: 4, 9: 8}
FIXED = {UNIT: 0, BOOL: 1, FX: 8, ANGLE: 2, ENTITY: 8, **UNSIGNED, **SIGNED}


class Type:
    """A type of the schema: the size of its values, how many leaves they have, and how they are read."""
    def __init__(self, source, depth=0):
        need(depth <= 16, "schema: a type nests deeper than 16")
        self.tag = source.uint(1)
        if self.tag in FIXED:
            self.size, self.leaves = FIXED[self.tag], 1
        elif self.tag in (OPTION, ARRAY):
            self.length = source.uint(2) if self.tag == ARRAY else 1
            self.inner = Type(source, depth + 1)
            self.size = self.length * self.inner.size + (self.tag == OPTION)
            self.leaves = max(1, self.length * self.inner.leaves)
        elif self.tag in (STRUCT, ENUM):
            self.name = source.name()
            if self.tag == STRUCT:
                self.variants = [("", Fields(source, depth))]
            else:
                self.variants = [(source.name(), Fields(source, depth)) for _ in range(source.uint(1))]
            self.size = max([parts.size for _, parts in self.variants], default=0) + (self.tag == ENUM)
            self.leaves = sum(parts.leaves for _, parts in self.variants) + (self.tag == ENUM)
        elif self.tag == TEXT:
            self.size, self.leaves = source.uint(1) + 1, 1
            need(self.size > 1, "schema: a text without room")
        need(self.tag <= TEXT, f"schema: no type has tag {self.tag}")
        need(depth or self.leaves <= 65_536 and self.size <= 256, "schema: more than 65,536 values or 256 bytes in a row")

    def read(self, source, path, out):
        """Reads a value, and gives each leaf of it to `out` as a path and a text."""
        if self.tag in FIXED:
            signed = self.tag in SIGNED or self.tag == FX
            number = int.from_bytes(source.take(self.size), "little", signed=signed)
            need(self.tag != BOOL or number < 2, f"{source.what}: {number} as a bool")
            texts = {UNIT: "none", BOOL: str(number == 1).lower(), FX: fixed_text(number),
                     ANGLE: f"{number}/65536 turn", ENTITY: f"{number & 0xFFFFFFFF}v{number >> 32}"}
            out(path, texts.get(self.tag, str(number)))
        elif self.tag == OPTION:
            if source.count(1, 1, "as an option"):
                self.inner.read(source, path, out)
            else:
                need(not any(source.take(self.inner.size)), f"{source.what}: padding that is not zero")
                out(path, "none")
        elif self.tag == ARRAY:
            for place in range(self.length):
                self.inner.read(source, f"{path}[{place}]", out)
        elif self.tag == STRUCT:
            self.variants[0][1].read(source, path, out)
        elif self.tag == TEXT:
            length = source.count(1, self.size - 1, "bytes of text")
            out(path, json.dumps(source.take(length).decode(), ensure_ascii=False))
            need(not any(source.take(self.size - 1 - length)), f"{source.what}: padding that is not zero")
        else:
            number = source.count(1, len(self.variants) - 1, f"as a variant of {self.name}")
            name, parts = self.variants[number]
            out(path, name)
            parts.read(source, path, out)
            need(not any(source.take(self.size - 1 - parts.size)), f"{source.what}: padding that is not zero")

    def whole(self, data, what, out=lambda path, text: None):
        """Reads bytes that are one value and nothing else."""
        source = Bytes(data, what)
        self.read(source, "", out)
        source.end()

    def fields_of(self, data):
        """The leaves of a value by path; what shares a path (a variant and its only value) shares a text."""
        found = {}
        self.whole(data, "row", lambda path, text: found.setdefault(path, []).append(text))
        return {path: " ".join(texts) for path, texts in found.items()}


class Fields:
    """The fields of a struct or variant."""
    def __init__(self, source, depth):
        self.parts = [(source.name(), Type(source, depth + 1)) for _ in range(source.uint(1))]
        self.size = sum(ty.size for _, ty in self.parts)
        self.leaves = max(1, sum(ty.leaves for _, ty in self.parts))

    def read(self, source, path, out):
        for name, ty in self.parts:
            # A lone field without a name of its own is its owner's value.
            inner = path if len(self.parts) == 1 and name == "0" else f"{path}.{name}" if path else name
            ty.read(source, inner, out)


def fixed_text(number):
    """A number with 16 fraction bits as an exact decimal."""
    whole, part = divmod(abs(number), 1 << 16)
    digits = str(part * 5**16).rjust(16, "0").rstrip("0")
    return ("-" if number < 0 else "") + str(whole) + ("." + digits if digits else "")


class Schema:
    """Names and types of everything hashed; `columns` are (name, rows per page, type of a row)."""
    def __init__(self, data):
        source = Bytes(data, "schema")
        self.id, self.game, self.columns = blake3(domain("tickworld.schema.1") + data), source.name(), []
        for _ in range(source.count(2, 1024, "columns")):
            name, _, page_size, row = source.name(), source.count(1, 3, "as kind"), source.uint(2), Type(source)
            fitting = next(rows for rows in (1024, 512, 256, 128, 64) if rows * row.size <= 16_384)
            need(page_size == fitting, f"schema: column {name} has pages of {page_size} rows")
            need(all(name != known for known, _, _ in self.columns), f"schema: two columns {name}")
            self.columns.append((name, page_size, row))
        self.input, self.event = Type(source), Type(source)
        source.end()


def page_rows(data, count, page_size, row, what):
    """The rows of a page as (number in the page, bytes), checked to be the one encoding of them."""
    places = range(count)
    if len(data) != count * row.size:
        source = Bytes(data, what)
        words = [source.uint(8) for _ in range(source.count(1, page_size // 64, "presence words"))]
        places = [64 * at + bit for at, word in enumerate(words) for bit in range(64) if word >> bit & 1]
        need(words and words[-1], f"{what}: the presence words end in an empty one")
        need(len(places) == count, f"{what}: {len(places)} rows present, {count} named")
        need(places[-1] != count - 1, f"{what}: presence words though there is no gap")
        data = source.take(count * row.size)
        source.end()
    return [(place, data[at * row.size:(at + 1) * row.size]) for at, place in enumerate(places)]
