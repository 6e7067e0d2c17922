// The links of the demo's user, as an internal caller asks for them: `node dist/example.js .tessera/demo.json`.

import { readFileSync } from "node:fs";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "./google/rpc/error_details_pb.js";
import { AccountService } from "./tessera/account/v1/account_service_pb.js";
import { TokenService } from "./tessera/token/v1/token_service_pb.js";

const demo: Record<string, string> = JSON.parse(readFileSync(process.argv[2] ?? ".tessera/demo.json", "utf8"));
const address = (service: string, usual: string) =>
  `http://${process.env[`TESSERA_${service}_ADDRESS`] ?? `127.0.0.1:${usual}`}`;

const tokens = createClient(TokenService, createGrpcTransport({ baseUrl: address("TOKEN", "50051") }));
const accounts = createClient(AccountService, createGrpcTransport({ baseUrl: address("ACCOUNT", "50052") }));

try {
  const { accessToken } = await tokens.token(
    { grantType: "client_credentials", clientId: demo["client_id"], clientSecret: demo["client_secret"] },
    { timeoutMs: 5000 },
  );
  const { items } = await accounts.getLinkInfoByUserId(
    { userId: demo["user_id"] },
    { timeoutMs: 5000, headers: { authorization: `Bearer ${accessToken}` } },
  );
  console.log(`${demo["user_id"]} has ${items.length} links`);
} catch (error) {
  // The reason is a name of docs/errors.md; only it may be relied on, not the message.
  const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
  console.error(info?.reason ?? error);
  process.exitCode = 1;
}
