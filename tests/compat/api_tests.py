#!/usr/bin/env python3
"""Runs LibTorch's own C++ API tests (test/cpp/api of a PyTorch source tree) against LibTorch and against us.

    api_tests.py TESTS --build build/release --work DIR [--only any,module] [--markdown FILE]

TESTS is the root of the PyTorch tree; its files are not ours and are read where they are. Each test file is compiled once
with LibTorch and once through frontend/compat. What does not compile is carved out declaration by declaration (carve.py),
so that one missing name costs the cases that use it and no others. Prints, for each file, the cases that LibTorch passes
and of those the ones we pass, and names the rest; excluded.txt lists cases that need what we leave out, with the reason.
Exits with 1 when fewer than --bar percent of the others pass.
"""
import argparse
import fnmatch
import pathlib
import sys

from carve import Program
from run_cases import run_cases

FILES = ("any ordered_dict sequential modulelist moduledict module optim init nn_utils serialize dataloader tensor "
         "tensor_indexing autograd").split()
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def libtorch(arguments):
    include = pathlib.Path(arguments.libtorch_include)
    return dict(
        name="LibTorch",
        # Not the compiler's own /usr/include, which must stay last.
        compile=["-std=c++17", f"-isystem{include}/torch/csrc/api/include"] +
        ([f"-isystem{include}"] if str(include) != "/usr/include" else []),
        link=["-ltorch", "-ltorch_cpu", "-lc10"],
        environment={})


def kiln(arguments):
    build = pathlib.Path(arguments.build).resolve()
    folders = ["frontend/compat", "frontend/include", "ir/include", "runtime/include"]
    return dict(
        name="Kiln",
        compile=["-std=c++20", "-gline-tables-only"] + [f"-I{ROOT / folder}" for folder in folders],
        link=[f"-L{build}/lib", "-lkiln", f"-Wl,-rpath,{build}/lib"],
        environment={})


def excluded():
    """Patterns of cases that need what we leave out, with the reason."""
    reasons = {}
    for line in (HERE / "excluded.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, reason = line.split(None, 1)
            reasons[pattern] = reason
    return lambda case: next((r for p, r in reasons.items() if fnmatch.fnmatchcase(case, p)), None)


def results(side, stem, arguments):
    """{case: "passed" or what went wrong} of one file with one library."""
    program = Program(pathlib.Path(arguments.tests), stem, pathlib.Path(arguments.work) / side["name"].lower(), side,
                      arguments.compiler)
    if not program.build():
        return {case: "the file does not compile: " + program.problem for case in program.cases()}
    outcome = run_cases(program.binary, side["environment"], arguments.timeout)
    for case in program.cases():
        if case not in outcome:
            outcome[case] = "does not compile: " + program.removed.get(case, "not listed")
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", help="root of a PyTorch 1.13.1 source tree")
    parser.add_argument("--build", default=ROOT / "build/release")
    parser.add_argument("--work", default=ROOT / "build/api-tests", help="carved sources, binaries and LibTorch's results")
    parser.add_argument("--only", help="stems of test files, with commas")
    parser.add_argument("--compiler", default="clang++-22")
    parser.add_argument("--libtorch-include", default="/usr/include")
    parser.add_argument("--timeout", type=float, default=120, help="seconds a case may take")
    parser.add_argument("--bar", type=float, default=90, help="percent")
    parser.add_argument("--markdown", help="also writes the table to this file")
    parser.add_argument("--verbose", action="store_true", help="what went wrong with each case")
    arguments = parser.parse_args()

    if not (pathlib.Path(arguments.tests) / "test/cpp/api").is_dir():
        print(f"skipped: no test/cpp/api in {arguments.tests}")
        return 77
    if not (pathlib.Path(arguments.libtorch_include) / "ATen/ATen.h").is_file():
        print("skipped: LibTorch is not installed")
        return 77

    reason_of = excluded()
    rows, failures, wanted_total, passed_total = [], [], 0, 0
    for stem in arguments.only.split(",") if arguments.only else FILES:
        theirs = results(libtorch(arguments), stem, arguments)
        ours = results(kiln(arguments), stem, arguments)
        good = [case for case, outcome in theirs.items() if outcome == "passed"]
        wanted = [case for case in good if reason_of(case) is None]
        passed = [case for case in wanted if ours.get(case) == "passed"]
        rows.append((stem, len(good), len(good) - len(wanted), len(wanted), len(passed)))
        failures += [(case, ours.get(case, "not there")) for case in wanted if case not in passed]
        wanted_total += len(wanted)
        passed_total += len(passed)
        print("%-16s LibTorch passes %3d, excluded %2d, wanted %3d, passed %3d" % rows[-1], flush=True)
        for case, outcome in failures[len(failures) - len(wanted) + len(passed):] if len(wanted) > len(passed) else []:
            print("   ", case + (": " + outcome if arguments.verbose else ""), flush=True)

    share = 100.0 * passed_total / max(wanted_total, 1)
    print(f"together: {passed_total} of {wanted_total} ({share:.1f} %)")
    if arguments.markdown:
        with open(arguments.markdown, "w", encoding="utf-8") as out:
            out.write("| file | LibTorch passes | excluded | wanted | passed |\n|---|---|---|---|---|\n")
            for row in rows + [("together", sum(r[1] for r in rows), sum(r[2] for r in rows), wanted_total, passed_total)]:
                out.write("| %s | %d | %d | %d | %d |\n" % row)
            out.write("\n")
            for case, outcome in failures:
                out.write(f"- `{case}`\n")
    return 0 if share >= arguments.bar else 1


if __name__ == "__main__":
    sys.exit(main())
