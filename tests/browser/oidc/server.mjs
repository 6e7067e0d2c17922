// An OpenID provider that is not ours, for tests: `node server.mjs OPTIONS`, which are JSON:
//   module: path of oidc-provider's main file
//   port: of loopback, where it serves
//   clients: as oidc-provider has them
//   clientAuthMethods: by which they may prove themselves
//   algorithm, kid: of the key that signs ID tokens; made anew each time
// It prints a line when it serves, and ends when its input does.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const options = JSON.parse(process.argv[2]);
const { Provider } = await import(pathToFileURL(options.module));

// Who may log on, by name; a sub is `sub-` and the name. The email address is one that anybody may have typed.
const PASSWORD = "correct horse";
const PEOPLE = {
  ada: { name: "Ada 王", picture: "https://pictures.example.com/ada.png" },
  eve: { name: "Eve", email: "ada@example.com", email_verified: true },
};

const KINDS = { RS256: ["rsa", { modulusLength: 2048 }], ES256: ["ec", { namedCurve: "P-256" }] };
const { privateKey } = generateKeyPairSync(...KINDS[options.algorithm]);
const key = { ...privateKey.export({ format: "jwk" }), use: "sig", alg: options.algorithm, kid: options.kid };

const provider = new Provider(`http://127.0.0.1:${options.port}`, {
  clients: options.clients,
  clientAuthMethods: options.clientAuthMethods,
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  claims: { openid: ["sub"], profile: ["name", "picture"], email: ["email", "email_verified"] },
  // What a scope opens stands in the ID token, as at many providers.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, ...PEOPLE[sub.replace(/^sub-/, "")] }),
  }),
  // Consent is given by who logs on.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope(oidc.params.scope);
    await grant.save();
    return grant;
  },
});

const page = (note) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Another company</title></head><body><main>
<h1>Another company</h1><p role="status">${note}</p>
<form method="post">
<p><label>Name <input name="name" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button name="action" value="log on">Log on</button> <button name="action" value="cancel">Cancel</button></p>
</form></main></body></html>`;

async function interact(request, response) {
  // Whose interaction it is, a cookie says.
  await provider.interactionDetails(request, response);
  let note = "";
  if (request.method === "POST") {
    let body = "";
    for await (const part of request) body += part;
    const form = new URLSearchParams(body);
    if (form.get("action") === "cancel") {
      return provider.interactionFinished(request, response, { error: "access_denied" });
    }
    const name = form.get("name");
    if (Object.hasOwn(PEOPLE, name) && form.get("password") === PASSWORD) {
      return provider.interactionFinished(request, response, { login: { accountId: `sub-${name}` } });
    }
    note = "Wrong name or password.";
  }
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page(note));
}

const answer = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith("/interaction/")) return answer(request, response);
  interact(request, response).catch((error) => response.writeHead(400).end(String(error)));
}).listen(options.port, "127.0.0.1", () => console.log("serving"));

process.stdin.on("end", () => process.exit(0)).resume();
