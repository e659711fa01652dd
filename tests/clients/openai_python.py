"""OpenAI's library for Python and azure-identity against the gateway. Prints one line a check; ends with 1 at the first failure."""

import json
import os
import sys

import openai
from azure.identity import ClientSecretCredential, get_bearer_token_provider
from websockets.sync.client import connect

GATEWAY = os.environ["GATEWAY"]
VERSION = "2024-10-21"
QUESTION = [{"role": "user", "content": "Say hello to the platform team."}]


def credential():
    """A client credential of the emulated tenant, over https with its own authority, as azure-identity insists on."""
    return ClientSecretCredential(
        tenant_id=os.environ["TENANT_ID"],
        client_id=os.environ["CLIENT_APP_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        authority=os.environ["ENTRA_HTTPS"],
        disable_instance_discovery=True,
        connection_verify=os.environ["ENTRA_CA_FILE"],
    )


def classic(provider):
    return openai.AzureOpenAI(
        azure_endpoint=GATEWAY, api_version=VERSION, azure_ad_token_provider=provider, max_retries=0, timeout=20
    )


def v1(provider):
    return openai.OpenAI(base_url=f"{GATEWAY}/openai/v1/", api_key=provider(), max_retries=0, timeout=20)


def chat(client):
    answer = client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert answer.choices[0].message.content, answer
    assert answer.usage.total_tokens > 0, answer
    return f"{answer.usage.total_tokens} tokens"


def streaming_chat(client):
    stream = client.chat.completions.create(
        model="gpt-4o", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    assert text and len(chunks) > 3 and len(usage) == 1, chunks
    return f"{len(chunks)} chunks"


def embeddings(client):
    answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    assert len(answer.data) == 2 and len(answer.data[0].embedding) > 100, answer.usage
    return f"{len(answer.data[0].embedding)} dimensions"


def responses(client):
    answer = client.responses.create(model="gpt-4o", input="Say hello.")
    assert answer.output_text and answer.status == "completed", answer
    again = client.responses.retrieve(answer.id)
    assert again.id == answer.id, again
    return answer.status


def streaming_responses(client):
    events = list(client.responses.create(model="gpt-4o", input="Say hello.", stream=True))
    kinds = [event.type for event in events]
    assert kinds[-1] == "response.completed" and "response.output_text.delta" in kinds, kinds
    return f"{len(events)} events"


def refused(expected, status, call):
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is expected, f"{type(error).__name__}: {error}"
        assert error.status_code == status, error
        with open(os.environ["COLLECT"], "a", encoding="utf-8") as collected:
            collected.write(error.response.text + "\n")
        return type(error).__name__
    raise AssertionError(f"no {expected.__name__}")


def realtime(provider):
    url = GATEWAY.replace("http", "ws", 1) + "/openai/v1/realtime?model=gpt-4o"
    headers = {"Authorization": f"Bearer {provider()}"}
    with connect(url, additional_headers=headers, open_timeout=20, close_timeout=5) as socket:
        first = json.loads(socket.recv(timeout=20))
        assert first["type"] == "session.created", first
        socket.send(json.dumps({"type": "echo", "text": "hello " * 2000}))
        answer = socket.recv(timeout=20)
        assert "hello" in answer, answer[:200]
    return first["type"]


def main():
    provider = get_bearer_token_provider(credential(), os.environ["SCOPE"])
    azure, plain = classic(provider), v1(provider)
    wrong = classic(lambda: provider()[:-8] + "AAAAAAAA")
    checks = [
        ("azure-identity: client credential", lambda: f"{len(provider())} characters"),
        ("chat", lambda: chat(azure)),
        ("streaming chat", lambda: streaming_chat(azure)),
        ("embeddings", lambda: embeddings(azure)),
        ("responses, v1", lambda: responses(plain)),
        ("streaming responses, v1", lambda: streaming_responses(plain)),
        ("chat, v1", lambda: chat(plain)),
        ("401", lambda: refused(openai.AuthenticationError, 401, lambda: chat(wrong))),
        (
            "404 of the model",
            lambda: refused(
                openai.NotFoundError,
                404,
                lambda: azure.chat.completions.create(model="no-such-model", messages=QUESTION),
            ),
        ),
        (
            "404 of the gateway",
            lambda: refused(
                openai.NotFoundError,
                404,
                lambda: openai.OpenAI(base_url=f"{GATEWAY}/elsewhere/", api_key="x", max_retries=0).models.list(),
            ),
        ),
        (
            "429",
            lambda: refused(
                openai.RateLimitError,
                429,
                lambda: azure.chat.completions.create(model="gpt-4o-busy", messages=QUESTION),
            ),
        ),
        ("WebSocket: realtime", lambda: realtime(provider)),
    ]
    for name, check in checks:
        try:
            print(f"ok    python: {name}: {check()}", flush=True)
        except Exception as error:  # every failure is one line, whatever its class
            print(f"FAIL  python: {name}: {type(error).__name__}: {error}", flush=True)
            sys.exit(1)


if __name__ == "__main__":
    main()
