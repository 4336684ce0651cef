"""Compiles a test file of somebody else's, leaving out the declarations that do not compile.

A source is cut into its declarations (functions, types, TEST cases, preprocessor lines). The compiler's errors are mapped to
the declarations they stand in, or, for errors in templates, to the one that asked for the instantiation; those are blanked
(lines keep their numbers) in a copy, and the copy is compiled again, until it compiles. Headers that lie in the same tree
are treated alike; of other headers that do not compile, the #include is left out.
"""
import hashlib
import json
import pathlib
import re
import subprocess

CASE = re.compile(r"^\s*TEST(?:_F)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.S)
PLACE = re.compile(r"^(.+?):(\d+):(?:\d+:)? ?(fatal error|error|note|warning): (.*)")
INCLUDED = re.compile(r"(?:In file included| +) from (.+?):(\d+)[:,]")
SKIP = re.compile(r"//[^\n]*|/\*.*?\*/|R\"(\w*)\(.*?\)\1\"|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])+'", re.S)


def blank(text):
    return "".join(c if c == "\n" else " " for c in text)


def declarations(text):
    """[(start, end)] of the top-level declarations; namespaces are opened, their braces belong to none."""
    plain = SKIP.sub(lambda m: blank(m.group(0)), text)
    found, start, depth, i = [], None, 0, 0
    while i < len(plain):
        c = plain[i]
        if start is None:
            if c.isspace() or c == "}" or c == ";":
                i += 1
                continue
            namespace = re.match(r"(?:inline\s+)?namespace\s*[\w:]*\s*\{", plain[i:])
            if namespace:
                i += namespace.end()
                continue
            start = i
            if c == "#":
                while i < len(plain) and (plain[i] != "\n" or plain[i - 1] == "\\"):
                    i += 1
                found.append((start, i))
                start = None
                continue
        if c in "({[":
            depth += 1
        elif c in ")}]":
            depth -= 1
        ends = c == ";" and depth == 0
        if c == "}" and depth == 0:
            head = plain[start:i].lstrip()
            head = re.sub(r"^template\s*<[^{]*?>\s*(?=struct|class)", "", head)
            brace = head.find("{")
            ends = not re.match(r"(struct|class|enum|union)\b", head) and "=" not in re.sub(r"\([^()]*\)|operator\S+", "", head[:brace])
        if ends:
            found.append((start, i + 1))
            start = None
        i += 1
    return found


class Source:
    """A file with its declarations, some of which are left out."""

    def __init__(self, path, copy):
        self.path, self.copy = path, copy
        self.text = path.read_text(encoding="utf-8")
        self.spans = declarations(self.text)
        self.removed = {}  # index of the declaration: the error
        self.line_of = []
        for start, end in self.spans:
            self.line_of.append((self.text.count("\n", 0, start) + 1, self.text.count("\n", 0, end) + 1))

    def at(self, line):
        return next((i for i, (first, last) in enumerate(self.line_of) if first <= line <= last), None)

    def case(self, index):
        match = CASE.match(self.text[slice(*self.spans[index])])
        return f"{match.group(1)}.{match.group(2)}" if match else None

    def write(self):
        text = self.text
        for index in self.removed:
            start, end = self.spans[index]
            text = text[:start] + blank(text[start:end]) + text[end:]
        self.copy.parent.mkdir(parents=True, exist_ok=True)
        self.copy.write_text(text, encoding="utf-8")


class Program:
    def __init__(self, tests, stem, work, side, compiler):
        self.side, self.compiler, self.work = side, compiler, work
        self.binary = work / stem
        self.stamp = work / (stem + ".stamp")
        api = "test/cpp/api"
        names = [f"{api}/{stem}.cpp", f"{api}/support.h", f"{api}/support.cpp", "test/cpp/common/support.h"]
        self.sources = [Source(tests / name, work / stem_folder(stem) / name) for name in names]
        self.main = self.sources[0]
        self.units = [self.sources[0], self.sources[2]]
        self.flags = ["-w", "-O0", f"-I{work / stem_folder(stem)}", f"-I{tests}"] + side["compile"]
        self.problem = ""

    def cases(self):
        return [case for case in map(self.main.case, range(len(self.main.spans))) if case]

    @property
    def removed(self):
        return {self.main.case(i): error for i, error in self.main.removed.items() if self.main.case(i)}

    def run(self, arguments):
        return subprocess.run([self.compiler] + arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace")

    def build(self):
        """True when a program came out, perhaps with fewer cases. A build that is up to date is kept."""
        self.work.mkdir(parents=True, exist_ok=True)
        if self.up_to_date():
            return True
        for source in self.sources:
            source.write()
        for unit in self.units:
            if not self.carve(unit):
                return False
        objects = []
        for number, unit in enumerate(self.units):
            objects.append(f"{self.binary}.{number}.o")
            done = self.run(self.flags + ["-MD", "-c", str(unit.copy), "-o", objects[-1]])
            if done.returncode:
                self.problem = done.stdout.strip()[:400]
                return False
        done = self.run(objects + self.side["link"] + ["-lgtest_main", "-lgtest", "-lpthread", "-o", str(self.binary)])
        if done.returncode:
            self.problem = "link: " + done.stdout.strip()[:1000]
            return False
        self.stamp.write_text(json.dumps({"key": self.key(), "removed": list(self.main.removed.items())}))
        return True

    def key(self):
        """Of everything the objects were made from."""
        hasher = hashlib.sha256(" ".join(self.flags).encode())
        for number in range(len(self.units)):
            rule = pathlib.Path(f"{self.binary}.{number}.d").read_text().split(":", 1)[1]
            for name in rule.replace("\\\n", " ").split():
                state = pathlib.Path(name).stat()
                hasher.update(f"{name} {state.st_size} {state.st_mtime_ns}".encode() if self.main.copy.parents[2] not in
                              pathlib.Path(name).parents else name.encode())
        for source in self.sources:
            hasher.update(source.text.encode())
        return hasher.hexdigest()

    def up_to_date(self):
        try:
            stamp = json.loads(self.stamp.read_text())
            if stamp["key"] != self.key() or not self.binary.exists():
                return False
        except (OSError, ValueError):
            return False
        self.main.removed = {index: error for index, error in stamp["removed"]}
        return True

    def carve(self, unit):
        """Leaves out what does not compile, until the unit does."""
        for _ in range(40):
            done = self.run(self.flags + ["-fsyntax-only", "-ferror-limit=0", "-fno-caret-diagnostics",
                                          "-fno-color-diagnostics", str(unit.copy)])
            if done.returncode == 0:
                return True
            if not self.blame(done.stdout):
                self.problem = done.stdout.strip()[:2000]
                return False
        self.problem = "errors without end"
        return False

    def declarations_at(self, places):
        """[(source, index)] of the declarations at these places."""
        found = []
        for name, line in places:
            for source in self.sources:
                if pathlib.Path(name).resolve() == source.copy.resolve():
                    index = source.at(line)
                    if index is not None:
                        found.append((source, index))
        return found

    def blame(self, output):
        """Leaves out the declarations with errors; true when there were any."""
        changed = False
        for error in errors(output):
            ours = self.declarations_at(error["places"])
            candidates = [(source, index) for source, index in ours if index not in source.removed]
            if not ours and (included := self.declarations_at(error["includes"])):
                # A header that does not compile makes all that comes behind it fail: its #include, and nothing else.
                source, index = included[0]
                source.removed[index] = error["text"]
                source.write()
                return True
            if not candidates:
                continue
            # A case that asks for an instantiation rather than the template in which it fails.
            cases = [c for c in candidates if c[0].case(c[1])]
            source, index = (cases or candidates)[0]
            if index not in source.removed:
                source.removed[index] = error["text"]
                source.write()
                changed = True
        return changed


def stem_folder(stem):
    return stem + ".carved"


def errors(output):
    """[{text, places, includes}] of a compiler's output: the place of each error, those of its notes about who asked, and the
    #include lines that lead to it, the last of them first."""
    found, includes = [], []
    for line in output.splitlines():
        included = INCLUDED.match(line)
        if included:
            includes.append((included.group(1), int(included.group(2))))
            continue
        match = PLACE.match(line)
        if not match:
            continue
        name, number, kind, text = match.groups()
        if kind in ("error", "fatal error"):
            found.append({"text": f"{pathlib.Path(name).name}:{number}: {text}", "places": [(name, int(number))],
                          "includes": includes})
            includes = []
        elif kind == "note" and found and "requested here" in text:
            found[-1]["places"].append((name, int(number)))
    return found
