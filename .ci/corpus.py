"""Checks real policy documents: no crash, and every finding says where; prints how many were refused, by reason."""

import collections
import json
import pathlib
import subprocess
import sys


def expressions(errors, corpus):
    """Whether the refused expressions are others than the known ones."""
    listed = pathlib.Path(__file__).with_name("corpus-expressions.txt").read_text(encoding="utf-8").splitlines()
    known = {line.split(" ")[0] for line in listed if not line.startswith("#")}
    refused = {
        f"{pathlib.Path(error['file']).relative_to(corpus)}:{error['line']}:{error['column']}"
        for error in errors
        if error["code"].startswith("E03")
    }
    for place in sorted(refused ^ known):
        print(f"corpus: {'refused' if place in refused else 'not refused any more'}: {place}")
    print(f"corpus: {len(refused)} errors in expressions, {len(refused & known)} of them known")
    return refused != known


def main():
    binary, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    documents = sorted(corpus.rglob("*.xml"))
    command = [binary, "check", "--format", "json", *map(str, documents)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    if done.returncode not in (0, 1):
        print(f"corpus: check ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
        return 1
    findings = json.loads(done.stdout)
    errors = [finding for finding in findings if finding["severity"] == "error"]
    refused = {finding["file"] for finding in errors}
    unplaced = [
        finding for finding in findings if not finding["file"] or finding["line"] < 1 or finding["column"] < 1
    ]
    print(f"corpus: {len(documents) - len(refused)} of {len(documents)} documents load, {len(errors)} errors")
    for code, n in collections.Counter(finding["code"] for finding in errors).most_common():
        print(f"  {n:5} {code}")
    for message, n in collections.Counter(finding["message"][:90] for finding in errors).most_common(15):
        print(f"  {n:5} {message}")
    for finding in unplaced[:5]:
        print(f"corpus: without a place: {finding}")
    wrong = expressions(errors, corpus)
    # A crash on one document would have hidden the findings of all; one alone shows that none is silent about itself.
    return 1 if unplaced or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
