// A certified OpenID provider on a free port of loopback. Prints where it is as JSON; a line on standard input rolls its
// keys; it ends when standard input does.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const AUDIENCE = "urn:tollgate:clients";
const keys = [];

function addKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  keys.unshift({ ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" });
}

// The provider reads its keys once, so a rollover is a new provider behind the same address.
function provider(issuer) {
  const it = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: "client",
        client_secret: process.env.PROVIDER_SECRET,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        scope: "chat",
      },
    ],
    scopes: ["chat"],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: () => ({
          scope: "chat",
          audience: AUDIENCE,
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  return it.callback();
}

let handle;
const seen = {};
const server = createServer((request, response) => {
  const path = request.url.split("?")[0];
  seen[path] = (seen[path] ?? 0) + 1;
  handle(request, response);
});
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  addKey();
  handle = provider(issuer);
  console.log(
    JSON.stringify({ issuer, configuration: `${issuer}/.well-known/openid-configuration`, audience: AUDIENCE }),
  );
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (line === "roll") {
      addKey();
      handle = provider(issuer);
    }
    console.log(JSON.stringify({ kids: keys.map((key) => key.kid), seen }));
  });
  lines.on("close", () => process.exit(0));
});
