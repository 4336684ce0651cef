"""Runs a GoogleTest program to its end, whatever its cases do: one that crashes or hangs is noted, and the rest go on."""
import os
import re
import subprocess
import threading

NEEDS_DEVICE = "*_CUDA:*_MultiCUDA"


def run_cases(binary, environment, timeout):
    """{case: "passed" or what went wrong}."""
    outcome = {}
    while True:
        before = len(outcome)
        running = run_once(binary, environment, timeout, outcome)
        if running is None:
            return outcome
        if len(outcome) == before:
            raise RuntimeError(f"{binary} ends without running a case: {running}")


def run_once(binary, environment, timeout, outcome):
    """Runs the cases that have no outcome yet; None when the program came to its end."""
    skip = ":".join([NEEDS_DEVICE, *outcome])
    process = subprocess.Popen([str(binary), f"--gtest_filter=-{skip}"], env={**os.environ, **environment}, text=True,
                               errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    case, text, timed_out = None, [], []

    def stop():
        timed_out.append(True)
        process.kill()

    timer = threading.Timer(timeout, stop)
    timer.start()
    for line in process.stdout:
        started = re.match(r"\[ RUN      \] (\S+)", line)
        ended = re.match(r"\[ +(OK|FAILED|SKIPPED) +\] (\S+?),? ", line)
        if started:
            case, text = started.group(1), []
            timer.cancel()
            timer = threading.Timer(timeout, stop)
            timer.start()
        elif ended and case == ended.group(2):
            passed = ended.group(1) == "OK"
            outcome[case] = "passed" if passed else f"{ended.group(1).lower()}: {' '.join(''.join(text).split())[:400]}"
            case = None
        else:
            text.append(line)
    timer.cancel()
    code = process.wait()
    if case is not None:
        how = "takes too long" if timed_out else f"ends the program ({code})"
        outcome[case] = f"{how}: {' '.join(''.join(text).split())[:400]}"
        return how
    return None if code in (0, 1) else f"exit code {code}: {' '.join(''.join(text).split())[:400]}"
