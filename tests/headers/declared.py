"""What public headers declare and no library defines: declared.py COMPILER LIBRARY HEADER... -- FLAG...

A function that is only declared compiles in every program and links in none. Reads clang's syntax tree of all
headers together and the dynamic symbols of the library; prints what is missing and fails if anything is.
"""
import json
import subprocess
import sys

FUNCTIONS = {"FunctionDecl", "CXXMethodDecl", "CXXConstructorDecl", "CXXDestructorDecl", "CXXConversionDecl"}
TEMPLATES = {"FunctionTemplateDecl", "ClassTemplateDecl", "ClassTemplatePartialSpecializationDecl",
             "ClassTemplateSpecializationDecl"}
SCOPES = {"NamespaceDecl", "CXXRecordDecl"}


def trees(compiler, headers, flags):
    program = "".join(f"#include <{header}>\n" for header in headers)
    # The filter drops the standard library's declarations, which are nearly all.
    command = [compiler, *flags, "-fsyntax-only", "-x", "c++", "-Xclang", "-ast-dump=json", "-Xclang",
               "-ast-dump-filter=kiln::", "-"]
    text = subprocess.run(command, input=program, capture_output=True, text=True, check=True).stdout
    decoder, at = json.JSONDecoder(), text.find("\n{")
    while at >= 0:
        tree, at = decoder.raw_decode(text, at + 1)
        yield tree
        at = text.find("\n{", at)


def has_definition(node):
    given = ("explicitlyDefaulted", "explicitlyDeleted", "pure", "isImplicit")
    return any(node.get(mark) for mark in given) or any(
        child.get("kind") in ("CompoundStmt", "CXXTryStmt") for child in node.get("inner", []))


def collect(node, scope, declared, defined):
    kind, name = node.get("kind"), node.get("name", "")
    if kind in TEMPLATES:
        return
    if kind in FUNCTIONS and "mangledName" in node:
        inherited = kind == "CXXConstructorDecl" and scope and name != scope
        if has_definition(node):
            defined.add(node["mangledName"])
        elif not inherited:
            declared[node["mangledName"]] = name
    for child in node.get("inner", []):
        collect(child, name if kind in SCOPES else scope, declared, defined)


def main():
    compiler, library, *rest = sys.argv[1:]
    headers, flags = rest[:rest.index("--")], rest[rest.index("--") + 1:]
    symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
    exported = {line.split()[-1] for line in symbols.stdout.splitlines()}
    declared, defined = {}, set()
    sys.setrecursionlimit(100000)
    for tree in trees(compiler, headers, flags):
        collect(tree, "", declared, defined)
    if len(declared) < 100:
        sys.exit(f"only {len(declared)} declarations found: the syntax tree has another form")
    # Of an abstract class there is the constructor for its heirs alone.
    missing = sorted(mangled for mangled in declared
                     if mangled not in defined and not {mangled, mangled.replace("C1E", "C2E")} & exported)
    names = subprocess.run(["c++filt"], input="\n".join(missing), capture_output=True, text=True, check=True)
    print(f"{len(declared)} functions are declared, {len(missing)} of them nowhere defined")
    print(names.stdout, end="")
    sys.exit(bool(missing))


main()
