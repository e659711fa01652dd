"""Compares what `tollgate eval --cases` says with what real C# says; prints the figure and the commonest differences."""

import collections
import json
import subprocess
import sys


def same(expected, answer):
    """Type and text of a value; the type of an exception; that a compiler refuses, whatever the words."""
    if "compile" in expected:
        return "compile" in answer
    if "error" in expected:
        return answer.get("error") == expected["error"]
    return "value" in answer and (answer.get("type"), answer["value"]) == (expected.get("type"), expected["value"])


def kind(answer):
    for key in ("compile", "error", "value"):
        if key in answer:
            return key
    return "nothing"


def main():
    binary, cases, least = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with open(cases, encoding="utf-8") as file:
        wanted = [json.loads(line) for line in file if line.strip()]
    done = subprocess.run([binary, "eval", "--cases", cases], stdout=subprocess.PIPE, timeout=300)
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    if done.returncode != 0 or [case["id"] for case in wanted] != [answer.get("id") for answer in answers]:
        print(f"conformance: eval ended with {done.returncode} after {len(answers)} of {len(wanted)} answers")
        return 1
    n_equal, differences, unknown = 0, collections.Counter(), collections.Counter()
    for case, answer in zip(wanted, answers):
        if same(case["expected"], answer):
            n_equal += 1
            continue
        differences[f"{kind(case['expected'])} expected, {kind(answer)} answered"] += 1
        if "compile" in answer:
            unknown[answer["compile"].splitlines()[0][:90]] += 1
    share = 100 * n_equal / len(wanted)
    print(f"conformance: {n_equal} of {len(wanted)} equal ({share:.1f} %)")
    for difference, n in differences.most_common():
        print(f"  {n:5} {difference}")
    for reason, n in unknown.most_common(8):
        print(f"  {n:5} refused: {reason}")
    return 0 if share >= least else 1


if __name__ == "__main__":
    sys.exit(main())
