// oauth4webapi, as its examples show it.

import * as oauth from 'oauth4webapi'
import { ask, counting, person, refusal, report, settings } from './test.mjs'

const issuer = new URL(settings.issuer)
const counted = counting()
const options = { [oauth.customFetch]: counted.fetch }

// Both documents have to say the same (RFC 8414, OpenID Connect Discovery).
async function discover() {
  const found = []
  for (const algorithm of ['oidc', 'oauth2']) {
    const response = await oauth.discoveryRequest(issuer, { ...options, algorithm })
    found.push(await oauth.processDiscoveryResponse(issuer, response))
  }
  const [as, same] = found
  if (JSON.stringify(as) !== JSON.stringify(same)) throw new Error('the documents differ')
  return as
}

// Sends the person to the server; the checked answer.
async function authorize(as, client, more = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const url = new URL(as.authorization_endpoint)
  const parameters = {
    client_id: client.client_id,
    redirect_uri: settings.redirect_uri,
    response_type: 'code',
    scope: 'openid email offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...more,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  // Also checks `iss` (RFC 9207).
  const answer = oauth.validateAuthResponse(as, client, await person(url), state)
  return { answer, verifier, nonce }
}

// Sends a request once more when only its nonce was missing.
async function withNonce(send) {
  try {
    return await send()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return await send()
  }
}

// A web server with a secret.
async function web() {
  const as = await discover()
  const client = { client_id: settings.client_id }
  const authentication = oauth.ClientSecretBasic(settings.client_secret)
  const { answer, verifier, nonce } = await authorize(as, client)
  const redeem = (withVerifier) =>
    oauth.authorizationCodeGrantRequest(
      as, client, authentication, answer, settings.redirect_uri, withVerifier, options,
    )
  const other = await refusal(
    oauth.processAuthorizationCodeResponse(as, client, await redeem(oauth.generateRandomCodeVerifier())),
  )
  const response = await redeem(verifier)
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(as, response, options)
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const info = await oauth.processUserInfoResponse(
    as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, options),
  )
  const refresh = async (token) =>
    oauth.processRefreshTokenResponse(
      as, client, await oauth.refreshTokenGrantRequest(as, client, authentication, token, options),
    )
  const refreshed = await refresh(tokens.refresh_token)
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, client, authentication, refreshed.refresh_token, options),
  )
  report({ sub, email: info.email, other, afterwards: await refusal(refresh(refreshed.refresh_token)) })
}

// An app with a key, on a device whose clock is half a minute slow.
async function dpop() {
  const as = await discover()
  const client = { client_id: settings.client_id, [oauth.clockSkew]: -30 }
  const authentication = oauth.None()
  const keys = await oauth.generateKeyPair('Ed25519')
  const DPoP = oauth.DPoP(client, keys)
  const bound = { ...options, DPoP }
  const { answer, verifier, nonce } = await authorize(as, client, { dpop_jkt: await DPoP.calculateThumbprint() })
  const tokens = await withNonce(async () =>
    oauth.processAuthorizationCodeResponse(
      as, client,
      await oauth.authorizationCodeGrantRequest(
        as, client, authentication, answer, settings.redirect_uri, verifier, bound,
      ),
      { expectedNonce: nonce, requireIdToken: true },
    ),
  )
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  // A second handle for the same key knows no nonce yet: the userinfo endpoint asks for one too.
  const fresh = { ...options, DPoP: oauth.DPoP(client, keys) }
  const info = await withNonce(async () =>
    oauth.processUserInfoResponse(
      as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, fresh),
    ),
  )
  const refresh = (token, by) =>
    withNonce(async () =>
      oauth.processRefreshTokenResponse(
        as, client, await oauth.refreshTokenGrantRequest(as, client, authentication, token, { ...options, DPoP: by }),
      ),
    )
  const refreshed = await refresh(tokens.refresh_token, DPoP)
  const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const counts = counted.nonces
  report({
    sub,
    email: info.email,
    token_types: [tokens.token_type, refreshed.token_type],
    nonces: counts,
    listed: as.dpop_signing_alg_values_supported.includes('Ed25519'),
    stolen: await refusal(refresh(refreshed.refresh_token, thief)),
    ours: (await refresh(refreshed.refresh_token, DPoP)).token_type,
  })
}

// A device without a browser.
async function device() {
  const as = await discover()
  const client = { client_id: settings.client_id }
  const shown = await oauth.processDeviceAuthorizationResponse(
    as, client,
    await oauth.deviceAuthorizationRequest(
      as, client, oauth.None(), new URLSearchParams({ scope: 'openid email' }), options,
    ),
  )
  const poll = async () =>
    oauth.processDeviceCodeResponse(
      as, client, await oauth.deviceCodeGrantRequest(as, client, oauth.None(), shown.device_code, options),
    )
  const pending = await refusal(poll())
  await ask('allow device', { url: shown.verification_uri_complete })
  await new Promise((resolve) => setTimeout(resolve, shown.interval * 1000))
  const tokens = await poll()
  report({ sub: oauth.getValidatedIdTokenClaims(tokens).sub, pending, interval: shown.interval })
}

// A service that speaks for itself, and the API that it calls, which checks its token in both ways: by asking, and by the
// published keys.
async function service() {
  const as = await discover()
  const client = { client_id: settings.client_id }
  const authentication = oauth.ClientSecretPost(settings.client_secret)
  const parameters = new URLSearchParams({ scope: 'read', resource: settings.api })
  const tokens = await oauth.processClientCredentialsResponse(
    as, client, await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, options),
  )

  const api = { client_id: 'api' }
  const introspect = async (token) =>
    oauth.processIntrospectionResponse(
      as, api, await oauth.introspectionRequest(as, api, oauth.ClientSecretBasic(settings.api_secret), token, options),
    )
  const told = await introspect(tokens.access_token)
  const request = new Request(settings.api, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  const claims = await oauth.validateJwtAccessToken(as, request, settings.api, options)
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, client, authentication, tokens.access_token, options),
  )
  report({
    scope: tokens.scope,
    told: { active: told.active, client_id: told.client_id, aud: told.aud, scope: told.scope },
    claims: { sub: claims.sub, client_id: claims.client_id, scope: claims.scope },
    same_time: told.exp === claims.exp,
    afterwards: await introspect(tokens.access_token),
  })
}

await { web, dpop, device, service }[process.argv[2]]()
