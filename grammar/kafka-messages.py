"""Writes the Swift files of Sources/Kafka/Messages from grammar/kafka-messages.txt.

    python3 grammar/kafka-messages.py [DIRECTORY]
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "kafka-messages.txt")
TARGET = os.path.join(HERE, "..", "Sources", "Kafka", "Messages")

PLAIN = {
    "bool": ("Bool", "false"), "int8": ("Int8", "0"), "int16": ("Int16", "0"), "int32": ("Int32", "0"), "int64": ("Int64", "0"),
    "string": ("String", '""'), "bytes": ("[UInt8]", "[]"), "records": ("ArraySlice<UInt8>", "[]"), "uuid": ("MessageUUID", "MessageUUID()"),
}


def versions(text):
    """'2+' as (2, None), '2-5' as (2, 5)."""
    if text.endswith("+"):
        return int(text[:-1]), None
    first, last = text.split("-")
    return int(first), int(last)


def condition(span, least, largest):
    """The condition on `version`, '' where it always holds."""
    parts = []
    if span[0] > least:
        parts.append(f"version >= {span[0]}")
    if span[1] is not None and span[1] < largest:
        parts.append(f"version <= {span[1]}")
    return ", ".join(parts)


class Field:
    def __init__(self, line):
        words = line.split()
        self.name, kind = words[0], words[1]
        self.is_array = kind.startswith("[]")
        self.kind = kind[2:] if self.is_array else kind
        self.fields = [] if self.kind == "{" else None
        self.versions = versions(words[2])
        self.nullable = self.tagged = self.tag = self.default = None
        rest = words[3:]
        while rest:
            word = rest.pop(0)
            if word == "nullable":
                self.nullable = versions(rest.pop(0))
            elif word == "tagged":
                self.tagged, self.tag = versions(rest.pop(0)), int(rest.pop(0))
            elif word == "default":
                self.default = rest.pop(0)

    @property
    def struct(self):
        name = self.name[0].upper() + self.name[1:]
        name = name[:-1] if self.is_array and name.endswith("s") else name
        # Swift has a meaning of its own for this name of a type.
        return "OfferedProtocol" if name == "Protocol" else name

    @property
    def element(self):
        return self.struct if self.fields is not None else PLAIN[self.kind][0]

    @property
    def type(self):
        return (f"[{self.element}]" if self.is_array else self.element) + ("?" if self.nullable else "")

    @property
    def initial(self):
        if self.default == "null" or self.is_array:
            return "nil" if self.default == "null" else "[]"
        if self.fields is not None:
            return f"{self.struct}()"
        if self.default is not None:
            return f'"{self.default}"' if self.kind == "string" else self.default
        return PLAIN[self.kind][1]

    def null(self, least, largest):
        """The argument that says whether the value may be null, '' where it never may."""
        if self.nullable is None:
            return ""
        return "isNullable: " + (condition(self.nullable, least, largest).replace(", ", " && ") or "true")


def read(field, least, largest, indent):
    call = "nullable" if field.nullable else ""
    null = field.null(least, largest)
    if field.is_array:
        name = "nullableArray" if field.nullable else "array"
        if field.fields is not None:
            inner = f"{field.struct}(&reader, version: version)"
        else:
            inner = f"reader.{field.kind}()"
        arguments = f"({null}) " if null else " "
        return [f"{indent}{field.name} = try reader.{name}{arguments}{{ reader throws(MessageError) in try {inner} }}"]
    if field.fields is not None:
        return [f"{indent}{field.name} = try {field.struct}(&reader, version: version)"]
    name = field.kind
    if call:
        name = "nullable" + name[0].upper() + name[1:]
    return [f"{indent}{field.name} = try reader.{name}({null})"]


def write(field, least, largest, indent, writer="writer"):
    if field.is_array:
        if field.fields is not None:
            inner = "$0.write(to: &$1, version: version)"
        else:
            inner = f"$1.put({field.kind}: $0)"
        null = field.null(least, largest)
        extra = f", {null}" if null else ""
        return [f"{indent}{writer}.put({field.name}{extra}) {{ {inner} }}"]
    if field.fields is not None:
        return [f"{indent}{field.name}.write(to: &{writer}, version: version)"]
    null = field.null(least, largest)
    extra = f", {null}" if null else ""
    # Errors are counted.
    kind = "error" if field.name.lower().endswith("errorcode") else field.kind
    return [f"{indent}{writer}.put({kind}: {field.name}{extra})"]


def guarded(field, least, largest, lines, indent):
    test = condition(field.versions, least, largest)
    if not test:
        return lines
    if len(lines) == 1:
        return [f"{indent}if {test} {{ {lines[0].strip()} }}"]
    return [f"{indent}if {test} {{"] + ["    " + line for line in lines] + [f"{indent}}}"]


def struct(name, fields, message, depth, head=None):
    pad, inner, deep = "    " * depth, "    " * (depth + 1), "    " * (depth + 2)
    least, largest = message["least"], message["largest"]
    out = []
    if head:
        out.append(f"{pad}struct {name}: {head} {{")
        out.append(f"{inner}static let key: Int16 = {message['key']}")
        first = message["flexible"]
        out.append(f"{inner}static let versions: ClosedRange<Int16> = {least}...{largest}")
        out.append(f"{inner}static let firstFlexible: Int16 = {first if first is not None else 'Int16.max'}")
        out.append("")
    else:
        out.append(f"{pad}struct {name}: Equatable {{")
    for field in fields:
        if field.fields is not None:
            out += struct(field.struct, field.fields, message, depth + 1) + [""]
    for field in fields:
        out.append(f"{inner}var {field.name}: {field.type} = {field.initial}")
    out += ["", f"{inner}init() {{}}", ""]
    plain = [field for field in fields if field.tag is None]
    tagged = [field for field in fields if field.tag is not None]
    uses = any(condition(f.versions, least, largest) or f.fields is not None or (f.nullable and condition(f.nullable, least, largest)) for f in fields)
    out.append(f"{inner}init(_ reader: inout MessageReader, {'version' if uses else 'version _'}: Int16) throws(MessageError) {{")
    for field in plain:
        out += guarded(field, least, largest, read(field, least, largest, deep), deep)
    if tagged:
        out.append(f"{deep}var section = try reader.tagSection()")
        out.append(f"{deep}while let tag = try reader.nextTag(&section) {{")
        out.append(f"{deep}    switch tag {{")
        for field in tagged:
            out.append(f"{deep}    case {field.tag}: {read(field, least, largest, '')[0]}")
        out += [f"{deep}    default: reader.skip(section)", f"{deep}    }}", f"{deep}}}"]
    else:
        out.append(f"{deep}try reader.skipTags()")
    out += [f"{inner}}}", ""]
    out.append(f"{inner}func write(to writer: inout MessageWriter, {'version' if uses else 'version _'}: Int16) {{")
    for field in plain:
        out += guarded(field, least, largest, write(field, least, largest, deep), deep)
    if tagged:
        out.append(f"{deep}var tags = MessageTags()")
        for field in tagged:
            test = condition(field.tagged, least, largest)
            line = write(field, least, largest, "", "$0")[0]
            if field.is_array:
                line = line.replace("$0.put", "writer.put", 1)
                line = f"tags.put({field.tag}) {{ writer in {line} }}"
            else:
                line = f"tags.put({field.tag}) {{ {line} }}"
            out.append(f"{deep}if {test + ', ' if test else ''}{field.name} != {field.initial} {{ {line} }}")
        out.append(f"{deep}writer.put(tags)")
    else:
        out.append(f"{deep}writer.put(MessageTags())")
    out.append(f"{inner}}}")
    if head == "MessageResponse" and any(field.name == "errorCode" for field in fields):
        out += ["", f"{inner}mutating func fail(_ error: KafkaError) {{ errorCode = error.rawValue }}"]
    out.append(f"{pad}}}")
    return out


def parse():
    messages, stack = [], []
    for number, line in enumerate(open(TABLE, encoding="utf-8"), 1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        words = text.split()
        if words[0] in ("request", "response"):
            least, largest = versions(words[3])
            flexible = None if words[5] == "never" else versions(words[5])[0]
            message = {"kind": words[0], "name": words[1], "key": int(words[2]), "least": least, "largest": largest, "flexible": flexible}
            message["fields"] = []
            messages.append(message)
            stack = [message["fields"]]
        elif text == "}":
            stack.pop()
        else:
            field = Field(text)
            stack[-1].append(field)
            if field.fields is not None:
                stack.append(field.fields)
    return messages


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else TARGET
    files = {}
    for message in parse():
        kind = "Request" if message["kind"] == "request" else "Response"
        lines = struct(message["name"] + kind, message["fields"], message, 0, f"Message{kind}")
        files.setdefault(message["name"], []).append("\n".join(lines))
    for name, parts in files.items():
        with open(os.path.join(target, name + "Messages.swift"), "w", encoding="utf-8") as file:
            file.write("// Generated from grammar/kafka-messages.txt by grammar/kafka-messages.py: change those.\n\n")
            file.write("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
