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

// What a request has, and what belongs to it.
async function request(client, more = {}) {
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
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
  return { parameters, verifier, state, nonce }
}

function at(endpoint, parameters) {
  const url = new URL(endpoint)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url
}

// Sends the person to the server; the checked answer.
async function authorize(as, client, more = {}) {
  const { parameters, verifier, state, nonce } = await request(client, more)
  // Also checks `iss` (RFC 9207).
  const back = await person(at(as.authorization_endpoint, parameters))
  return { answer: oauth.validateAuthResponse(as, client, back, state), verifier, nonce }
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
  const afterwards = await refusal(refresh(refreshed.refresh_token))
  // The library has nothing for the way out but the metadata.
  const state = oauth.generateRandomState()
  const out = await person(
    at(as.end_session_endpoint, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: settings.post_logout_redirect_uri,
      state,
    }),
  )
  report({
    sub,
    email: info.email,
    other,
    afterwards,
    signed_out_at: out.href.split('?')[0],
    state_came_back: out.searchParams.get('state') === state,
  })
}

// A web server that pushes its requests (PAR), and reads signed answers (JARM) only.
async function pushing() {
  const as = await discover()
  const client = { client_id: settings.client_id }
  const authentication = oauth.ClientSecretBasic(settings.client_secret)
  const push = async (parameters) =>
    oauth.processPushedAuthorizationResponse(
      as, client, await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, options),
    )
  const { parameters, verifier, state, nonce } = await request(client, { response_mode: 'jwt' })
  const unsigned = await refusal(push({ ...parameters, response_mode: 'query' }))
  const pushed = await push(parameters)
  const url = at(as.authorization_endpoint, { client_id: client.client_id, request_uri: pushed.request_uri })
  const back = await person(url)
  const read = (by) => oauth.validateJwtAuthResponse(as, by, back, state, options)
  const answer = await read(client)
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, authentication, answer, settings.redirect_uri, verifier, options,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  report({
    sub: oauth.getValidatedIdTokenClaims(tokens).sub,
    lives: pushed.expires_in,
    unsigned,
    answered_with: [...back.searchParams.keys()],
    of_another: (await refusal(read({ client_id: 'another' }))).includes('aud'),
  })
}

// An app that nobody has registered, and nobody has invited.
async function registers() {
  const as = await discover()
  const register = async (more) =>
    oauth.processDynamicClientRegistrationResponse(
      await oauth.dynamicClientRegistrationRequest(
        as,
        {
          client_name: 'Newcomer',
          application_type: 'native',
          redirect_uris: [settings.redirect_uri],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'none',
          scope: 'openid email offline_access',
          ...more,
        },
        options,
      ),
    )
  const astray = await refusal(register({ redirect_uris: ['javascript:alert(1)'] }))
  const client = await register()
  const { answer, verifier, nonce } = await authorize(as, client)
  const tokens = await oauth.processAuthorizationCodeResponse(
    as, client,
    await oauth.authorizationCodeGrantRequest(
      as, client, oauth.None(), answer, settings.redirect_uri, verifier, options,
    ),
    { expectedNonce: nonce, requireIdToken: true },
  )
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const info = await oauth.processUserInfoResponse(
    as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, options),
  )
  report({
    astray,
    name: client.client_name,
    has_secret: 'client_secret' in client,
    algorithm: client.id_token_signed_response_alg,
    sub,
    email: info.email,
  })
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

await { web, pushing, dpop, registers, device, service }[process.argv[2]]()
