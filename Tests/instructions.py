#!/usr/bin/env python3
"""Counts the instructions that queries of `millrace bench` need for a row, and compares them with the counts of instructions.txt.

  instructions.py MILLRACE [QUERY...]     MILLRACE is a release build that is not stripped; needs valgrind

Counts do not depend on how busy the machine is, so a change that costs work shows at once. Only what a worker does for its tasks counts:
their slices, and putting their commits together. They may be a quarter above or below what is written down, because compilers differ.
MILLRACE_UPDATE_INSTRUCTIONS=1 writes down what is counted now; look at every difference.
"""
import os, re, shutil, subprocess, sys, tempfile

millrace = sys.argv[1]
kept = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.txt")
# Pass-through, filter, hopping windows, sessions, GROUP BY, a join of tables, and one of streams.
QUERIES = sys.argv[2:] or ["q0", "q2", "q5", "q11", "q12", "q3", "q8"]
# A join reads people and auctions only, of which there are few.
ROWS = {"q3": 200000, "q8": 200000}
USUAL_ROWS = 20000
# Five runs on a busy machine differ by a hundredth, q12 by a twentieth; compilers differ by more.
BOUND = 0.25


def count(program, query):
    """Instructions of the workers for a row of input."""
    rows = ROWS.get(query, USUAL_ROWS)
    with tempfile.TemporaryDirectory(prefix="millrace-instructions-") as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
             "--toggle-collect=*8TaskSlotC8runSlice*", "--toggle-collect=*6WorkerC14commitTogether*TaskSlotCGF",
             program, "bench", query, "--rows", str(rows), "--runs", "1", "--threads", "1", "--durability", "os", "--steady",
             "--data", folder],
            capture_output=True, text=True)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or not found:
            sys.exit("%s: %s%s" % (query, done.stdout, done.stderr[-2000:]))
        if int(found[1]) == 0:
            sys.exit("%s: nothing was counted: are the functions still called that way?" % query)
        return int(found[1]) / rows


def main():
    if not shutil.which("valgrind"):
        sys.exit("valgrind is not installed")
    expected = {}
    if os.path.exists(kept):
        for line in open(kept):
            if line[:1] not in "#\n":
                query, number = line.split()
                expected[query] = float(number)
    with tempfile.TemporaryDirectory(prefix="millrace-instructions-") as folder:
        # Names of functions are needed; what debuggers need besides is of a newer form than valgrind's reader.
        program = folder + "/millrace"
        subprocess.run(["objcopy", "--strip-debug", millrace, program], check=True)
        counted = {query: count(program, query) for query in QUERIES}
    if os.environ.get("MILLRACE_UPDATE_INSTRUCTIONS") == "1":
        expected.update(counted)
        with open(kept, "w") as file:
            file.write("# Instructions of the workers for a bid of the run. MILLRACE_UPDATE_INSTRUCTIONS=1 Tests/instructions.py writes them.\n")
            for query in sorted(expected, key=lambda name: int(name[1:])):
                file.write("%s %.0f\n" % (query, expected[query]))
    wrong = 0
    for query, number in counted.items():
        if query not in expected:
            wrong += 1
            print("%s: %.0f instructions a row, of which nothing is written down" % (query, number))
            continue
        change = number / expected[query] - 1
        outside = abs(change) > BOUND
        wrong += outside
        print("%s: %.0f instructions a row, %.0f written down, %+.1f %%%s" % (
            query, number, expected[query], change * 100, ": outside of the bound" if outside else ""))
    print("ok" if wrong == 0 else "%d outside of what is written down" % wrong)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
