// node-oidc-provider on PORT: another's server, which knows nothing of ours. It rotates every refresh token, and a repeated
// one ends the grant. MODE is `dpop` (with PAR and DPoP) or `plain` (with neither).
import http from "node:http";
import Provider from "oidc-provider";

const [port, mode] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const modern = mode === "dpop";

const provider = new Provider(issuer, {
  clients: [{
    client_id: "app",
    application_type: "native",
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    redirect_uris: ["http://127.0.0.1/callback"],
    post_logout_redirect_uris: ["http://127.0.0.1/bye"],
    ...(modern ? { dpop_bound_access_tokens: true } : {}),
  }],
  cookies: { keys: ["of this test"] },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: modern },
    pushedAuthorizationRequests: { enabled: modern },
    revocation: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        const yes = '<input type="hidden" name="logout" value="yes"></form>';
        ctx.body = form.replace(issuer, "").replace("</form>", yes);
      },
    },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: () => true,
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  routes: { end_session: "/logout" },
  ttl: { AccessToken: 600, RefreshToken: 86400, IdToken: 600, Session: 86400, Grant: 86400, Interaction: 600 },
});

// Whoever comes is Alice, and she says yes.
async function interact(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: "alice", clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId: "alice" }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const answer = provider.callback();
const server = http.createServer((request, response) => {
  if (!request.url.startsWith("/interaction/")) return answer(request, response);
  interact(request, response).catch((error) => {
    response.statusCode = 500;
    response.end(String(error));
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
