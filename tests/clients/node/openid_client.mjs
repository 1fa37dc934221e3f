// openid-client, as its readme shows it.

import * as client from 'openid-client'
import { ask, counting, person, refusal, report, settings } from './test.mjs'

// A device whose clock is half a minute slow: more than a DPoP proof may be without a nonce (RFC 9449 section 8).
const SLOW = { [client.clockSkew]: -30 }

const counted = counting()

async function discover(metadata, authentication) {
  const issuer = new URL(settings.issuer)
  const config = await client.discovery(issuer, settings.client_id, metadata, authentication, {
    [client.customFetch]: counted.fetch,
  })
  // ID tokens are verified by the published keys, also those that come straight from the token endpoint.
  client.enableNonRepudiationChecks(config)
  return config
}

async function authorization() {
  const verifier = client.randomPKCECodeVerifier()
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    maxAge: 3600,
  }
  const parameters = {
    redirect_uri: settings.redirect_uri,
    scope: 'openid email offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    max_age: String(checks.maxAge),
  }
  return { parameters, checks }
}

// An app without a secret: signs in, refreshes, gives its token back, signs the person out.
async function app() {
  const config = await discover(undefined, client.None())
  const { parameters, checks } = await authorization()
  const back = await person(client.buildAuthorizationUrl(config, parameters))
  const tokens = await client.authorizationCodeGrant(config, back, { ...checks, idTokenExpected: true })
  const { sub } = tokens.claims()
  const info = await client.fetchUserInfo(config, tokens.access_token, sub)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  await client.tokenRevocation(config, refreshed.refresh_token)
  const afterwards = await refusal(client.refreshTokenGrant(config, refreshed.refresh_token))

  const state = client.randomState()
  const out = await person(
    client.buildEndSessionUrl(config, {
      post_logout_redirect_uri: settings.post_logout_redirect_uri,
      id_token_hint: tokens.id_token,
      state,
    }),
  )
  const again = await authorization()
  const silently = client.buildAuthorizationUrl(config, { ...again.parameters, prompt: 'none' })
  const silent = await refusal(client.authorizationCodeGrant(config, await person(silently), again.checks))
  report({
    sub,
    email: info.email,
    rotated: refreshed.refresh_token !== tokens.refresh_token,
    token_type: tokens.token_type,
    afterwards,
    signed_out_at: out.href.split('?')[0],
    state_came_back: out.searchParams.get('state') === state,
    silent,
  })
}

// A key of its own, of which the server is told the public half.
async function keyThatIsKnown() {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const { kty, crv, x } = await crypto.subtle.exportKey('jwk', pair.publicKey)
  await ask('register', { jwks: { keys: [{ kty, crv, x, alg: 'Ed25519', kid: 'one' }] } })
  return { key: pair.privateKey, kid: 'one' }
}

// A client of FAPI 2.0: a key of its own authenticates it, requests are pushed, tokens are bound to another key.
async function fapi2() {
  const config = await discover(SLOW, client.PrivateKeyJwt(await keyThatIsKnown()))
  const listed = config.serverMetadata().token_endpoint_auth_signing_alg_values_supported.includes('Ed25519')
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

  const { parameters, checks } = await authorization()
  const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
  const back = await person(url)
  const tokens = await client.authorizationCodeGrant(
    config, back, { ...checks, idTokenExpected: true }, undefined, { DPoP },
  )
  const { sub } = tokens.claims()
  const info = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  const stolen = await refusal(client.fetchUserInfo(config, refreshed.access_token, sub))
  await client.tokenRevocation(config, refreshed.refresh_token ?? tokens.refresh_token)
  report({
    sub,
    email: info.email,
    asked_with: [...url.searchParams.keys()].sort(),
    token_type: refreshed.token_type,
    nonces: counted.nonces,
    listed,
    stolen,
  })
}

// A client of FAPI 2.0 Message Signing: it signs its pushed requests (JAR), and reads signed answers (JARM) only.
async function signing() {
  const key = await keyThatIsKnown()
  const config = await discover(undefined, client.PrivateKeyJwt(key))
  client.useJwtResponseMode(config)
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const { parameters, checks } = await authorization()
  const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, key)
  const url = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP })
  const back = await person(url)
  const redeem = (expected) => client.authorizationCodeGrant(config, back, expected, undefined, { DPoP })
  const other = await refusal(redeem({ ...checks, expectedState: client.randomState() }))
  const tokens = await redeem({ ...checks, idTokenExpected: true })
  const again = await authorization()
  const wide = await client.buildAuthorizationUrlWithJAR(config, { ...again.parameters, scope: 'admin' }, key)
  const pushed = client.buildAuthorizationUrlWithPAR(config, wide.searchParams, { DPoP })
  report({
    sub: tokens.claims().sub,
    signed_with: [...signed.searchParams.keys()].sort(),
    answered_with: [...back.searchParams.keys()],
    token_type: tokens.token_type,
    other,
    wide: await refusal(pushed),
  })
}

// A web server that nobody has registered, but that was given a token for it.
async function registers() {
  const issuer = new URL(settings.issuer)
  const metadata = {
    client_name: 'Newcomer',
    redirect_uris: [settings.redirect_uri],
    post_logout_redirect_uris: [settings.post_logout_redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    scope: 'openid email offline_access',
  }
  const register = (more) =>
    client.dynamicClientRegistration(issuer, metadata, client.ClientSecretBasic(), more)
  const guessed = await refusal(register({ initialAccessToken: 'pst_it_guessed' }))
  const config = await register({ initialAccessToken: settings.initial_access_token })
  client.enableNonRepudiationChecks(config)
  const registered = config.clientMetadata()
  const { parameters, checks } = await authorization()
  const back = await person(client.buildAuthorizationUrl(config, parameters))
  const tokens = await client.authorizationCodeGrant(config, back, { ...checks, idTokenExpected: true })
  const info = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  report({
    guessed,
    name: registered.client_name,
    algorithm: registered.id_token_signed_response_alg,
    sub: tokens.claims().sub,
    email: info.email,
    refreshed: Boolean(refreshed.access_token),
  })
}

// A service that speaks for itself, and the API that it calls.
async function service() {
  const config = await discover(undefined, client.ClientSecretBasic(settings.client_secret))
  const tokens = await client.clientCredentialsGrant(config, { scope: 'read', resource: settings.api })
  const api = await client.discovery(
    new URL(settings.issuer), 'api', undefined, client.ClientSecretBasic(settings.api_secret),
  )
  const told = await client.tokenIntrospection(api, tokens.access_token)
  await client.tokenRevocation(config, tokens.access_token)
  report({
    scope: tokens.scope,
    told: { active: told.active, client_id: told.client_id, aud: told.aud, scope: told.scope },
    afterwards: await client.tokenIntrospection(api, tokens.access_token),
  })
}

// A device without a browser.
async function device() {
  const config = await discover(undefined, client.None())
  const shown = await client.initiateDeviceAuthorization(config, { scope: 'openid email offline_access' })
  await ask('allow device', { url: shown.verification_uri_complete })
  const tokens = await client.pollDeviceAuthorizationGrant(config, shown)
  const { sub } = tokens.claims()
  const info = await client.fetchUserInfo(config, tokens.access_token, sub)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  report({ sub, email: info.email, refreshed: Boolean(refreshed.access_token) })
}

await { app, fapi2, signing, registers, service, device }[process.argv[2]]()
