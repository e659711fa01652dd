// What `llm-token-limit` estimates prompts at, against two tokenizers that carry their own tables and OpenAI's documented
// formulas. Prints one line a check; ends with 1 at the first failure.

import assert from "node:assert/strict";
import { getEncoding } from "js-tiktoken";
import { encode as encodeCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { encode as encodeO200k } from "gpt-tokenizer/encoding/o200k_base";

const { GATEWAY } = process.env;
const plain = { disallowedSpecial: new Set() };
const encodings = {
  "gpt-4": { name: "cl100k_base", tiktoken: getEncoding("cl100k_base"), other: encodeCl100k },
  "gpt-4o": { name: "o200k_base", tiktoken: getEncoding("o200k_base"), other: encodeO200k },
};

/** Tokens of a text, on which both tokenizers agree. */
function tokens(text, model) {
  const { tiktoken, other } = encodings[model];
  const count = tiktoken.encode(text, [], []).length;
  assert.equal(other(text, plain).length, count, JSON.stringify(text));
  return count;
}

/** What the gateway estimates. */
async function estimated(path, body) {
  const answer = await fetch(`${GATEWAY}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return Number(text);
}

/** Numbers that are the same in each run. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

// First and last letters of scripts, and what stands between words.
const scripts = [
  [0x61, 0x7a], [0x41, 0x7a], [0x30, 0x39], [0x21, 0x7e], [0xc0, 0x17f], [0x370, 0x3ff], [0x400, 0x4ff], [0x531, 0x587],
  [0x5d0, 0x5ea], [0x620, 0x64a], [0x904, 0x939], [0x985, 0x9b9], [0xb85, 0xbb9], [0xe01, 0xe2e], [0x10d0, 0x10ff],
  [0x1200, 0x1248], [0x1780, 0x17b3], [0x3041, 0x3096], [0x30a1, 0x30fa], [0x4e00, 0x9fff], [0xac00, 0xd7a3],
  [0x1f300, 0x1f64f], [0x1d400, 0x1d454], [0x2190, 0x22ff], [0x300, 0x36f],
];
const between = [" ", "  ", "\n", "\n\n", "\t", ", ", ". ", "'s ", "-", "", " \r\n", "\u00a0", "\u3000"];

function text(next) {
  let made = "";
  const words = 1 + next(24);
  const home = scripts[next(scripts.length)];
  for (let word = 0; word < words; word += 1) {
    // Mostly one script, now and then another within the sentence.
    const [first, last] = next(5) === 0 ? scripts[next(scripts.length)] : home;
    for (let letter = 1 + next(9); letter > 0; letter -= 1) {
      made += String.fromCodePoint(first + next(last - first + 1));
    }
    made += between[next(between.length)];
  }
  return made;
}

async function texts(model) {
  const next = numbers(20261121);
  const all = Array.from({ length: 1000 }, () => text(next));
  let sum = 0;
  for (const one of all) {
    const expected = tokens(one, model);
    assert.equal(await estimated(`/openai/deployments/${model}/completions`, { prompt: one }), expected, JSON.stringify(one));
    sum += expected;
  }
  return `${all.length} texts, ${sum} tokens, none differs`;
}

/** https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken: messages. */
function ofMessages(messages, model) {
  let count = 3;
  for (const message of messages) {
    count += 3;
    for (const [key, value] of Object.entries(message)) {
      count += key === "content" && Array.isArray(value) ? ofParts(value, model) : tokens(value, model);
      count += key === "name" ? 1 : 0;
    }
  }
  return count;
}

/** Text as it is; a picture is what Azure takes at most, or what OpenAI documents for low detail. */
function ofParts(parts, model) {
  const cost = (part) =>
    part.type === "text" ? tokens(part.text, model) : part.image_url.detail === "low" ? 85 : 1200;
  return parts.map(cost).reduce((one, other) => one + other, 0);
}

/** The same page: tools. */
function ofTools(tools, model) {
  const init = model === "gpt-4" ? 10 : 7;
  const plainly = (description) => description.replace(/\.$/, "");
  let count = 0;
  for (const { function: called } of tools) {
    count += init + tokens(`${called.name}:${plainly(called.description)}`, model);
    const properties = Object.entries(called.parameters.properties);
    count += properties.length > 0 ? 3 : 0;
    for (const [key, { type, description, enum: items }] of properties) {
      count += 3 + tokens(`${key}:${type}:${plainly(description)}`, model);
      for (const [place, item] of (items ?? []).entries()) {
        count += (place > 0 ? 3 : 0) + tokens(item, model);
      }
    }
  }
  return tools.length > 0 ? count + 12 : 0;
}

const property = (description, more = {}) => ({ type: "string", description, ...more });
const tool = (name, description, properties) => ({
  type: "function",
  function: { name, description, parameters: { type: "object", properties } },
});
const picture = (detail) => ({ type: "image_url", image_url: { url: "https://pictures.example/a.png", ...detail } });
const asked = [
  { role: "system", content: "You plan journeys by rail. Answer briefly." },
  { role: "user", name: "traveller_7", content: "Wie komme ich morgen von Ulm nach \u4eac\u90fd? \u{1f686}" },
];
const tools = [
  tool("find_train", "Finds trains between two stations.", {
    from: property("Where the journey begins."),
    to: property("Where it ends"),
    comfort: property("Class of the seat.", { enum: ["first", "second", "\u043b\u044e\u043a\u0441"] }),
  }),
  tool("now", "The time at a station.", {}),
];
const chats = {
  messages: { messages: asked },
  "tools and an enumeration": { messages: asked, tools },
  "a picture": { messages: [...asked, { role: "user", content: [{ type: "text", text: "And this?" }, picture()] }] },
  "pictures at low and high detail": {
    messages: [{ role: "user", content: [picture({ detail: "low" }), picture({ detail: "high" }), picture({ detail: "auto" })] }],
  },
  "tools and pictures": { messages: [...asked, { role: "user", content: [picture({ detail: "low" })] }], tools },
};

async function chat(name, model) {
  const body = chats[name];
  const expected = ofMessages(body.messages, model) + ofTools(body.tools ?? [], model);
  assert.equal(await estimated(`/openai/deployments/${model}/chat/completions`, body), expected);
  return `${expected} tokens`;
}

const checks = Object.keys(encodings).flatMap((model) => [
  [`tokens, ${encodings[model].name}: texts`, () => texts(model)],
  ...Object.keys(chats).map((name) => [`tokens, ${encodings[model].name}: ${name}`, () => chat(name, model)]),
]);
for (const [name, check] of checks) {
  try {
    console.log(`ok    ${name}: ${await check()}`);
  } catch (error) {
    console.log(`FAIL  ${name}: ${error.stack}`);
    process.exit(1);
  }
}
