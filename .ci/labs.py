"""Runs the policy documents of the AI-Gateway labs end to end, as they are published: each in a directory made for it (its API,
backends, named values, product), with the real gateway in front of the emulators. Requests that fit are sent, and what its
policies promise is looked for: the gateway's own token at the backend, streams that end, another member of the pool after a 429,
a limit of tokens, a metric, an answer from the cache, an unsafe prompt refused. Prints one line a document and their number.

`labs.py TOLLGATE EMULATOR CORPUS`. Documents of the labs that are not run are in NOT_RUN, each with the reason."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

LABS = "Azure-Samples+AI-Gateway"
# Everything together; one process that starts; one request.
DEADLINE, START_DEADLINE, REQUEST_DEADLINE = 300, 20, 20
# What a policy that is not there yet is called by `tollgate check`.
LATER = re.compile(r"policy `((?:llm|azure-openai)-[a-z-]+)` is not supported")
KEY, OTHER_KEY = "a-key-of-the-labs", "another-key-of-the-labs"
VERSION = "2024-10-21"
CHAT = f"deployments/gpt-4o/chat/completions?api-version={VERSION}"
LIMIT = 400
# As different as the embeddings of the emulator can tell: some documents take almost everything for the same question.
QUESTIONS = ("Why is seawater salty?", "Translate bonjour into Portuguese.", "List eleven prime numbers below fifty.")

# What stands for the placeholders that the notebooks of the labs fill in.
PLACES = {"{backend-id}": "models", "{retry-count}": "1", "{tpm}": str(LIMIT)}
LIMIT_OF_PRODUCT = (
    '<when condition="@(context.Product.Id == &quot;gold&quot;)"><azure-openai-token-limit tokens-per-minute="%d" '
    'counter-key="@(context.Product.Id)" estimate-prompt-tokens="false" /></when>' % LIMIT
)

NOT_RUN = [
    (r"labs/ai-agent-service/(city-weather|product-catalog|place-order)", "tools of agents without a model"),
    (r"/src/|mcp-patterns|auth-client-policy", "a tool server, without a policy of the AI gateway"),
    (r"toolbox|hosted-agents-custom-framework", "a Foundry project, without a policy of the AI gateway"),
    (r"aws-bedrock", "signs requests for AWS"),
    (r"ghcp-byok-foundry/(entra|prm)", "asks Microsoft Graph for groups, or is metadata for a browser"),
    (r"_deprecated/content-filtering/(content-filtering|prompt-shield)", "calls the gateway itself over https by the caller's Host"),
    (r"vector-searching|ai-search", "Azure AI Search"),
    (r"azure-ml-models/main.json_[12]", "Azure Machine Learning, without a policy of the AI gateway"),
    (r"secure-responses-api", "wants tokens of people for Azure's management API"),
    (r"\.github/skills/(apim-bicep|apim-terraform|lab-creator)|SKILL\.md|examples\.md_[23]\.xml", "a sketch of a document"),
]


class Failed(Exception):
    """What a policy promises was not seen."""


def expect(condition, what):
    if not condition:
        raise Failed(str(what)[:400])


class Process:
    """A child that prints lines; it ends with its standard input or by a signal."""

    def __init__(self, command, env, folder, name):
        self.log = folder / f"{name}.log"
        self.at = 0
        clean = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                command, env={**clean, **env}, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
            )

    def line(self, part=""):
        until = time.monotonic() + START_DEADLINE
        while time.monotonic() < until:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                log.seek(self.at)
                while (line := log.readline()).endswith("\n"):
                    self.at = log.tell()
                    if part in line:
                        return line
            if self.child.poll() is not None:
                break
            time.sleep(0.01)
        raise Failed(f"it does not start: {self.log.read_text(errors='replace')[-1500:]}")

    def ask(self, command):
        self.child.stdin.write(command.encode() + b"\n")
        self.child.stdin.flush()
        return json.loads(self.line("{"))

    def stop(self):
        self.child.stdin.close()
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(url, body=None, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json", **names})
    try:
        with OPENER.open(request, timeout=REQUEST_DEADLINE) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class Lab:
    """One document in a running gateway."""

    def __init__(self, name, text, suite):
        self.name, self.text, self.suite = name, text, suite
        self.gateway = None

    def has(self, pattern):
        return re.search(pattern, self.text) is not None

    def directory(self, folder):
        text = self.text
        for place, value in PLACES.items():
            text = text.replace(place, value)
        text = text.replace("{product-token-limits}", LIMIT_OF_PRODUCT)
        document = "products/gold.xml" if "products-policy" in self.name else "apis/openai/policy.xml"
        (folder / document).parent.mkdir(parents=True)
        (folder / document).write_text(text, encoding="utf-8")
        (folder / "tollgate.toml").write_text(self.configuration(), encoding="utf-8")

    def configuration(self):
        place = self.suite.place
        # Who does not put in a token of the gateway's has a backend with a key.
        keeps_key = "" if self.has("resource=.https://cognitiveservices") else 'headers = { api-key = { env = "KEY" } }\n'
        balances = self.has(r"<retry")
        named = set(re.findall(r'<set-backend-service backend-id="([A-Za-z][^"{}@]*)"', self.text)) | {"models"}
        lines = ['[listen]\nhttp = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\n']
        # Both members are the same resource; the second one has another deployment by the name that callers use.
        for name, deployments in (("one", ""), ("two", 'deployments = { gpt-4o = "gpt-4o-mini" }\n')):
            lines.append(f'[backends.{name}]\nurl = "{place["openai"]}/openai"\n{keeps_key}{deployments}')
            lines.append(f'[backends.{name}.circuit-breaker.throttled]\ncount = 1\nstatus-codes = ["429"]\naccept-retry-after = true\n')
        for name in sorted(named - {"one", "two"}):
            if balances:
                lines.append(f"[pools.{name}.members]\none = {{ priority = 1 }}\ntwo = {{ priority = 2 }}\n")
                continue
            lines.append(f'[backends.{name}]\nurl = "{place["openai"]}/openai"\n{keeps_key}')
            if name == "foundry1":
                lines.append('deployments = { "gpt-4.1" = "gpt-4o" }\n')
        if self.has("embeddings-backend"):
            lines.append(
                f'[backends.embeddings-backend]\nurl = "{place["openai"]}/openai/deployments/text-embedding-3-small/embeddings"\n'
                f'query = {{ api-version = {{ value = "{VERSION}", development = true }} }}\n'
            )
        if self.has("content-safety-backend"):
            lines.append(
                f'[backends.content-safety-backend]\nurl = "{place.get("content_safety", "http://127.0.0.1:9")}"\n'
                'managed-identity = { resource = "https://cognitiveservices.azure.com" }\n'
            )
        if self.has("openai-lb-config"):
            members = [{"name": "one", "priority": 1, "weight": 1}, {"name": "two", "priority": 2, "weight": 1}]
            lines.append(f"[named-values]\nopenai-lb-config = {{ value = {json.dumps(json.dumps(members))}, secret = false }}\n")
        lines.append('[apis.openai]\npath = "openai"\nbackend = "models"\nsubscription = "required"\nsubscription-headers = ["api-key"]\n')
        lines.append('[products.gold]\napis = ["openai"]\n')
        for name, key in (("lab", "LAB_KEY"), ("other", "OTHER_KEY")):
            lines.append(f'[subscriptions.{name}]\nkeys = [{{ env = "{key}" }}]\nproduct = "gold"\n')
        return "\n".join(lines)

    def start(self, folder):
        env = {
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": self.suite.place["imds"],
            "KEY": self.suite.place["openai_key"],
            "LAB_KEY": KEY,
            "OTHER_KEY": OTHER_KEY,
        }
        clean = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        checked = subprocess.run(
            [self.suite.tollgate, "check", "--format", "json", str(folder)],
            env={**clean, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=START_DEADLINE,
        )
        errors = [found for found in json.loads(checked.stdout or "[]") if found["severity"] == "error"]
        later = {match[1] for found in errors if (match := LATER.search(found["message"]))}
        if later and all(LATER.search(found["message"]) for found in errors):
            return sorted(later)
        expect(not errors, "; ".join(f"{found['line']}: {found['message']}" for found in errors))
        self.gateway = Process([self.suite.tollgate, "run", str(folder)], env, folder, "gateway")
        places = json.loads(self.gateway.line('"listening"'))
        self.url, self.admin = f"http://{places['http']}/openai/", f"http://{places['admin']}"
        return []

    def chat(self, text="Say hello.", path=CHAT, key=KEY, **more):
        body = {"messages": [{"role": "user", "content": text}], **more}
        return call(self.url + path, body, api_key=key)

    def model(self):
        """The body's `model`, for documents that look there."""
        return {"model": "gpt-4.1"} if self.has("requestedModel") else {}

    def calls(self):
        return self.suite.emulator.ask("calls")

    def checks(self):
        """What the document promises, each as its name and how it is seen."""
        yield "chat", self.sees_chat
        yield "stream", self.sees_stream
        if self.has("resource=.https://cognitiveservices"):
            yield "token of the gateway", self.sees_token
        if self.has("<retry"):
            yield "another member after a 429", self.sees_failover
        if self.has("emit-token-metric"):
            yield "metric", self.sees_metric
        if self.has("semantic-cache-lookup"):
            yield "answer from the cache", self.sees_cache
        if self.has("llm-content-safety"):
            yield "unsafe prompt refused", self.sees_refusal
        if self.has("requestedModel"):
            yield "models refused", self.sees_routing
        if self.has("x-backend-region"):
            yield "region", lambda: expect(self.chat()[1]["x-backend-region"] not in (None, "unknown"), "no region")
        # Last: afterwards there is nothing left.
        if self.has(r'token-limit[^>]*tokens-per-minute="(\{tpm\}|100)"|product-token-limits'):
            yield "429 at the limit", self.sees_limit

    def path(self):
        return "v1/chat/completions" if self.model() else CHAT

    def sees_chat(self):
        status, _, text = self.chat(path=self.path(), **self.model())
        expect(status == 200, (status, text))
        expect(json.loads(text)["choices"][0]["message"]["content"], text)

    def sees_stream(self):
        status, headers, text = self.chat("Count to three.", path=self.path(), stream=True, **self.model())
        expect(status == 200 and headers["content-type"].startswith("text/event-stream"), (status, headers.items(), text))
        expect(text.rstrip().endswith("data: [DONE]") and text.count("data: ") > 3, text[-300:])
        if self.has("x-ms-stream"):
            expect(headers["x-ms-stream"] == "True", headers["x-ms-stream"])

    def sees_token(self):
        sent = self.calls()["last"]["headers"]
        expect(sent.get("authorization", "").startswith("Bearer ey"), sorted(sent))
        expect(KEY not in sent.values(), "the caller's key reached the backend")

    def sees_failover(self):
        def counts():
            paths = self.calls()["paths"]
            return [paths.get(f"/openai/deployments/{name}/chat/completions", 0) for name in ("gpt-4o", "gpt-4o-mini")]

        before = counts()
        self.suite.emulator.ask("throttle gpt-4o 60")
        try:
            for question in QUESTIONS:
                status, _, text = self.chat(question)
                expect(status == 200, (status, text))
        finally:
            self.suite.emulator.ask("unthrottle gpt-4o")
        seen = [now - then for now, then in zip(counts(), before)]
        # The first was tried at the member that was throttled, the others were not.
        expect(seen == [1, 3], seen)

    def sees_metric(self):
        namespace = re.search(r'emit-token-metric[^>]*namespace="([^"]+)"', self.text)[1]
        page = call(self.admin + "/metrics")[2]
        lines = [line for line in page.splitlines() if f'namespace="{namespace}"' in line]
        totals = [line for line in lines if re.search("total_?tokens", line, re.IGNORECASE)]
        expect(totals and any(float(line.rsplit(" ", 1)[1]) > 0 for line in totals), lines or "no such metric")

    def sees_cache(self):
        question = "Which city is the capital of the country of windmills?"
        first = self.chat(question)
        expect(first[0] == 200, first)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            before = self.chats()
            again = self.chat(question)
            if self.chats() == before:
                expect((again[0], again[2]) == (200, first[2]), again)
                return
            time.sleep(0.1)
        raise Failed("the same question is asked of the backend again and again")

    def chats(self):
        return sum(count for path, count in self.calls()["paths"].items() if path.endswith("/chat/completions"))

    def sees_refusal(self):
        status, _, text = self.chat("I want to hurt somebody: violence-6")
        expect(status == 403, (status, text))
        expect(json.loads(text) == {"statusCode": 403, "message": "Request failed content safety check."}, text)

    def sees_routing(self):
        for model, expected in (("gpt-4o", 403), ("nothing", 400)):
            status, _, text = self.chat(path="v1/chat/completions", model=model)
            expect(status == expected, (model, status, text))

    def sees_limit(self):
        for n in range(80):
            # No two have a word in common, so that none is answered from a cache.
            words = " ".join(f"{chr(97 + k)}{n:03}" for k in range(8))
            status, headers, text = self.chat(words)
            if status == 429:
                found = json.loads(text)
                expect(found["message"].startswith("Token limit is exceeded. Try again in "), text)
                expect(int(headers["retry-after"]) > 0, headers["retry-after"])
                # Each subscription has its own; a product's is shared.
                other = self.chat("And to me?", key=OTHER_KEY)[0]
                expect(other == (429 if "product-token-limits" in self.text else 200), other)
                return
            expect(status == 200, (status, text))
        raise Failed("the limit is never reached")


class Suite:
    def __init__(self, tollgate, emulator, folder):
        self.tollgate = tollgate
        self.emulator = Process([emulator], {"CLIENT_SECRET": "a-secret-of-the-labs"}, folder, "emulator")
        self.place = json.loads(self.emulator.line("{"))

    def run(self, name, text):
        """What was seen of a document, and the policies it waits for."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            lab = Lab(name, text, self)
            lab.directory(folder)
            try:
                later = lab.start(folder)
                if later:
                    return [], later
                seen = []
                for what, check in lab.checks():
                    try:
                        check()
                    except (Failed, OSError, ValueError, KeyError, TypeError) as error:
                        raise Failed(f"{what}: {type(error).__name__}: {error}") from error
                    seen.append(what)
                return seen, []
            finally:
                if lab.gateway:
                    lab.gateway.stop()

    def stop(self):
        self.emulator.stop()


def main():
    tollgate, emulator, corpus = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:4])
    root = pathlib.Path(corpus) / LABS
    began = time.monotonic()
    passed = failed = waiting = not_run = 0
    with tempfile.TemporaryDirectory() as folder:
        suite = Suite(tollgate, emulator, pathlib.Path(folder))
        try:
            for path in sorted(root.rglob("*.xml")):
                name = path.relative_to(root).as_posix()
                if sys.argv[4:] and sys.argv[4] not in name:
                    continue
                reason = next((reason for pattern, reason in NOT_RUN if re.search(pattern, name)), None)
                if reason:
                    not_run += 1
                    print(f"not run  {name}: {reason}")
                    continue
                try:
                    expect(time.monotonic() - began < DEADLINE, f"not done in {DEADLINE} s")
                    seen, later = suite.run(name, path.read_text(encoding="utf-8-sig"))
                except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
                    failed += 1
                    print(f"FAIL     {name}: {error}", flush=True)
                    continue
                if later:
                    waiting += 1
                    print(f"waits    {name}: for {', '.join(later)}", flush=True)
                else:
                    passed += 1
                    print(f"ok       {name}: {', '.join(seen)}", flush=True)
        finally:
            suite.stop()
    seconds = time.monotonic() - began
    print(f"labs: {passed} documents run, {waiting} wait for policies, {failed} fail, {not_run} are not run; {seconds:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
