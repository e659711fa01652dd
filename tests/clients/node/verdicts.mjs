// What `jose` says of tokens. Reads one JSON document: keys, rules, tokens to seal, tokens to judge; writes another.

import { CompactEncrypt, compactDecrypt, decodeProtectedHeader, importJWK, jwtVerify } from "jose";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { keys, seals, issuer, audience, toSeal, toJudge } = JSON.parse(text);

/** Of the keys, those that a token with this `kid` may be for: as the gateway has it, all when it has none. */
function candidates(all, header) {
  return all.filter(({ jwk }) => typeof header.kid !== "string" || jwk.kid === header.kid);
}

const imported = new Map();
function importFor(jwk, alg) {
  const name = `${jwk.kid} ${alg}`;
  if (!imported.has(name)) imported.set(name, importJWK({ ...jwk, alg }, alg));
  return imported.get(name);
}

async function verify(token) {
  const header = decodeProtectedHeader(token);
  let why = new Error("no key");
  for (const { jwk, algorithms } of candidates(keys, header)) {
    if (!algorithms.includes(header.alg)) continue;
    try {
      const key = await importFor(jwk, header.alg);
      await jwtVerify(token, key, { issuer, audience, algorithms, requiredClaims: ["exp"] });
      return;
    } catch (error) {
      why = error;
    }
  }
  throw why;
}

/** The content of an encrypted token. */
async function open(token) {
  const header = decodeProtectedHeader(token);
  let why = new Error("no key");
  for (const { jwk } of seals) {
    try {
      const { plaintext } = await compactDecrypt(token, await importFor(jwk, header.alg === "dir" ? header.enc : header.alg));
      return new TextDecoder("utf-8", { fatal: true }).decode(plaintext);
    } catch (error) {
      why = error;
    }
  }
  throw why;
}

async function judge(token) {
  let inner = null;
  try {
    if (token.split(".").length === 5) inner = await open(token);
    await verify(inner ?? token);
    return { ok: true, inner };
  } catch (error) {
    return { ok: false, inner, why: `${error.code ?? error.name}: ${error.message}` };
  }
}

async function seal({ alg, enc, kid, content }) {
  const { kty, n, e, k } = seals.find(({ jwk }) => jwk.kid === kid).jwk;
  // RSA keys encrypt with their public half.
  const key = await importJWK(kty === "RSA" ? { kty, n, e } : { kty, k }, alg === "dir" ? enc : alg);
  return new CompactEncrypt(new TextEncoder().encode(content)).setProtectedHeader({ alg, enc, kid, cty: "JWT" }).encrypt(key);
}

const sealed = [];
for (const one of toSeal) sealed.push(await seal(one));
const judged = [];
for (const token of toJudge) judged.push(await judge(token));
process.stdout.write(JSON.stringify({ sealed, judged }));
