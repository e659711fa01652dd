"""Checks real policy documents. Each that does not load stands in corpus.md with a reason and its diagnostics, or fails only
by policies that another gateway feature brings; with --update the diagnostics in corpus.md are written anew."""

import collections
import json
import pathlib
import re
import subprocess
import sys

LIST = pathlib.Path(__file__).with_name("corpus.md")
# Policies of the AI gateway.
LATER = re.compile(r"policy `(?:llm|azure-openai)-[a-z-]+` is not supported")


def known():
    """Reason and diagnostics of each listed document, in the order of the list."""
    entries = {}
    for part in re.split(r"^## ", LIST.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, _, diagnostics = part.partition("```text\n")
        name, _, reason = head.partition("\n")
        entries[name.strip()] = (reason.strip(), diagnostics.partition("```")[0])
    return entries


def write(entries):
    intro = LIST.read_text(encoding="utf-8").partition("## ")[0]
    parts = (f"## {name}\n\n{reason}\n\n```text\n{text}```\n" for name, (reason, text) in sorted(entries.items()))
    LIST.write_text(intro + "\n".join(parts), encoding="utf-8")


def shown(error):
    return f"{error['line']}:{error['column']} {error['code']} {error['message']}\n"


def main():
    binary, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    documents = sorted(corpus.rglob("*.xml"))
    command = [binary, "check", "--format", "json", *map(str, documents)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    if done.returncode not in (0, 1):
        print(f"corpus: check ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
        return 1
    findings = json.loads(done.stdout)
    unplaced = [finding for finding in findings if not finding["file"] or finding["line"] < 1 or finding["column"] < 1]
    refused = collections.defaultdict(list)
    for finding in findings:
        if finding["severity"] == "error":
            refused[pathlib.Path(finding["file"]).relative_to(corpus).as_posix()].append(finding)
    later = {name for name, errors in refused.items() if all(LATER.search(error["message"]) for error in errors)}
    found = {
        name: "".join(shown(error) for error in errors if not LATER.search(error["message"]))
        for name, errors in refused.items()
        if name not in later
    }
    entries = known()
    print(f"corpus: {len(documents) - len(refused)} of {len(documents)} documents load")
    print(f"corpus: {len(later)} fail only by policies of the AI gateway, {len(found)} are refused")
    if sys.argv[3:] == ["--update"]:
        write({name: (entries.get(name, ("",))[0], text) for name, text in found.items()})
        return 0
    wrong = [f"without a place: {finding}" for finding in unplaced]
    for name in sorted(found.keys() | entries.keys()):
        reason, text = entries.get(name, ("", ""))
        if found.get(name, "") != text or not reason:
            wrong.append(f"{name}: listed as\n{text}but is\n{found.get(name, '')}")
    for line in wrong:
        print(f"corpus: {line}")
    # A crash on one document would have hidden the findings of all; one alone shows that none is silent about itself.
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
