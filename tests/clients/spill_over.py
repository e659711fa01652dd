"""Chats of OpenAI's library for Python, many at a time and without its own retries. Reads how many from standard input, a number
a line, and answers each with a line of JSON: how many succeeded, and what became of the others."""

import collections
import concurrent.futures
import json
import os
import sys

import openai

AT_A_TIME = 8
QUESTION = [{"role": "user", "content": "Say hello."}]


def chat(client):
    try:
        answer = client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        return "ok" if answer.choices[0].message.content else "empty"
    except openai.APIStatusError as error:
        return str(error.status_code)
    except openai.APIError as error:
        return type(error).__name__


def main():
    client = openai.AzureOpenAI(
        azure_endpoint=os.environ["GATEWAY"],
        api_version="2024-10-21",
        api_key=os.environ["TEAM_A_KEY"],
        max_retries=0,
        timeout=20,
    )
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for line in sys.stdin:
            ends = collections.Counter(pool.map(lambda _: chat(client), range(int(line))))
            print(json.dumps({"ok": ends.pop("ok", 0), "other": ends}), flush=True)


if __name__ == "__main__":
    main()
