// OpenAI's library for JavaScript against the gateway. Prints one line a check; ends with 1 at the first failure.

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import OpenAI, { AuthenticationError, AzureOpenAI, NotFoundError, RateLimitError } from "openai";
import WebSocket from "ws";

const { GATEWAY, TOKEN, COLLECT } = process.env;
const messages = [{ role: "user", content: "Say hello to the platform team." }];
const settings = { maxRetries: 0, timeout: 20_000 };
const classic = (token) =>
  new AzureOpenAI({ endpoint: GATEWAY, apiVersion: "2024-10-21", azureADTokenProvider: async () => token, ...settings });
const azure = classic(TOKEN);
const v1 = new OpenAI({ baseURL: `${GATEWAY}/openai/v1/`, apiKey: TOKEN, ...settings });

async function chat(client) {
  const answer = await client.chat.completions.create({ model: "gpt-4o", messages });
  assert.ok(answer.choices[0].message.content);
  return `${answer.usage.total_tokens} tokens`;
}

async function streamingChat(client) {
  const stream = await client.chat.completions.create({
    model: "gpt-4o",
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let chunks = 0;
  let usage;
  for await (const chunk of stream) {
    chunks += 1;
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.ok(text.length > 0 && chunks > 3 && usage.total_tokens > 0);
  return `${chunks} chunks`;
}

async function embeddings() {
  const answer = await azure.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
  assert.equal(answer.data.length, 2);
  return `${answer.data[0].embedding.length} dimensions`;
}

async function responses() {
  const answer = await v1.responses.create({ model: "gpt-4o", input: "Say hello." });
  assert.equal(answer.status, "completed");
  return answer.status;
}

async function streamingResponses() {
  const kinds = [];
  for await (const event of await v1.responses.create({ model: "gpt-4o", input: "Say hello.", stream: true })) {
    kinds.push(event.type);
  }
  assert.equal(kinds.at(-1), "response.completed");
  return `${kinds.length} events`;
}

async function refused(expected, status, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.constructor.name, expected.name, String(error));
    assert.equal(error.status, status);
    appendFileSync(COLLECT, `${error.message} ${JSON.stringify(error.error)}\n`);
    return error.constructor.name;
  }
  throw new Error(`no ${expected.name}`);
}

function realtime() {
  return new Promise((resolve, reject) => {
    const url = `${GATEWAY.replace("http", "ws")}/openai/v1/realtime?model=gpt-4o`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${TOKEN}` }, handshakeTimeout: 20_000 });
    let received = 0;
    socket.on("message", (data) => {
      received += 1;
      if (received === 1) {
        socket.send(Buffer.from(JSON.stringify({ type: "echo", text: "x".repeat(70_000) })));
      } else {
        assert.ok(data.length >= 70_000);
        socket.close(1000);
      }
    });
    socket.on("close", (code) => resolve(`closed with ${code}`));
    socket.on("error", reject);
  });
}

const checks = [
  ["chat", () => chat(azure)],
  ["streaming chat", () => streamingChat(azure)],
  ["embeddings", embeddings],
  ["responses, v1", responses],
  ["streaming responses, v1", streamingResponses],
  ["chat, v1", () => chat(v1)],
  ["401", () => refused(AuthenticationError, 401, () => chat(classic("not.a.token")))],
  ["404", () => refused(NotFoundError, 404, () => azure.chat.completions.create({ model: "no-such-model", messages }))],
  ["429", () => refused(RateLimitError, 429, () => azure.chat.completions.create({ model: "gpt-4o-busy", messages }))],
  ["WebSocket: realtime", realtime],
];

for (const [name, check] of checks) {
  try {
    console.log(`ok    node: ${name}: ${await check()}`);
  } catch (error) {
    console.log(`FAIL  node: ${name}: ${error}`);
    process.exit(1);
  }
}
process.exit(0);
