// Nimbus' OAuth 2.0 and OpenID Connect SDK: a bank's client, a web server as they have been for years, and an API.

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWT;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.oauth2.sdk.*;
import com.nimbusds.oauth2.sdk.auth.*;
import com.nimbusds.oauth2.sdk.dpop.*;
import com.nimbusds.oauth2.sdk.http.*;
import com.nimbusds.oauth2.sdk.id.*;
import com.nimbusds.oauth2.sdk.pkce.*;
import com.nimbusds.oauth2.sdk.token.*;
import com.nimbusds.oauth2.sdk.util.tls.TLSUtils;
import com.nimbusds.openid.connect.sdk.*;
import com.nimbusds.openid.connect.sdk.claims.*;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.token.OIDCTokens;
import com.nimbusds.openid.connect.sdk.validators.*;
import java.io.*;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.*;
import java.util.function.Supplier;
import javax.net.ssl.HttpsURLConnection;

public class Nimbus {
    private static final BufferedReader INPUT =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private final Map<String, Object> settings;
    private final OIDCProviderMetadata server;
    private final ClientID id;
    private final URI redirect;

    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = JSONObjectUtils.parse(INPUT.readLine());
        trust(Path.of((String) settings.get("certificate")));
        Nimbus nimbus = new Nimbus(settings);
        say(arguments[0].equals("fapi2") ? nimbus.fapi2() : nimbus.web());
    }

    private Nimbus(Map<String, Object> settings) throws Exception {
        this.settings = settings;
        server = OIDCProviderMetadata.resolve(new Issuer((String) settings.get("issuer")));
        id = new ClientID((String) settings.get("client_id"));
        redirect = URI.create((String) settings.get("redirect_uri"));
    }

    /** A client of FAPI 2.0: a key authenticates it, requests are pushed, tokens are bound to another key. */
    private Map<String, Object> fapi2() throws Exception {
        RSAKey key = new RSAKeyGenerator(2048).keyID("one").generate();
        ask("register", Map.of("jwks", new JWKSet(key).toJSONObject()));
        Supplier<ClientAuthentication> authentication = () -> sure(() -> new PrivateKeyJWT(
                new JWTAuthenticationClaimsSet(id, new Audience(server.getIssuer())),
                JWSAlgorithm.PS256, key.toPrivateKey(), "one", null));
        Prover prover = new Prover();

        CodeVerifier verifier = new CodeVerifier();
        State state = new State();
        Nonce nonce = new Nonce();
        AuthenticationRequest request = new AuthenticationRequest.Builder(
                        ResponseType.CODE, new Scope("openid", "email", "offline_access"), id, redirect)
                .codeChallenge(verifier, CodeChallengeMethod.S256)
                .state(state)
                .nonce(nonce)
                .build();
        HTTPResponse pushed = prover.send(() -> new PushedAuthorizationRequest(
                server.getPushedAuthorizationRequestEndpointURI(), authentication.get(), request).toHTTPRequest(), null);
        URI requestUri = PushedAuthorizationResponse.parse(pushed).toSuccessResponse().getRequestURI();
        AuthorizationCode code = person(
                new AuthorizationRequest.Builder(requestUri, id)
                        .endpointURI(server.getAuthorizationEndpointURI())
                        .build()
                        .toURI(),
                state);

        AuthorizationCodeGrant grant = new AuthorizationCodeGrant(code, redirect, verifier);
        OIDCTokens tokens = tokens(prover.send(
                () -> tokenRequest(grant, authentication.get()), null));
        IDTokenClaimsSet claims = verified(tokens, JWSAlgorithm.ES256, nonce);
        UserInfo info = info(prover.send(() -> infoRequest(tokens.getAccessToken()), tokens.getAccessToken()));
        Supplier<HTTPRequest> refresh =
                () -> tokenRequest(new RefreshTokenGrant(tokens.getRefreshToken()), authentication.get());
        OIDCTokens refreshed = tokens(prover.send(refresh, null));
        HTTPResponse stolen = new Prover().send(
                () -> infoRequest(refreshed.getAccessToken()), refreshed.getAccessToken());
        HTTPResponse revoked = new TokenRevocationRequest(
                server.getRevocationEndpointURI(), authentication.get(), tokens.getRefreshToken())
                .toHTTPRequest()
                .send();
        return Map.of(
                "sub", claims.getSubject().getValue(),
                "same_person", info.getSubject().equals(claims.getSubject()),
                "email", info.getEmailAddress(),
                "token_type", refreshed.getAccessToken().getType().getValue(),
                "nonces", prover.asked,
                "stolen", stolen.getStatusCode(),
                "revoked", revoked.getStatusCode(),
                "afterwards", refusal(prover.send(refresh, null)));
    }

    /** A web server with a secret in the form, without PKCE: its nonce protects it. */
    private Map<String, Object> web() throws Exception {
        ClientAuthentication authentication =
                new ClientSecretPost(id, new Secret((String) settings.get("client_secret")));
        State state = new State();
        Nonce nonce = new Nonce();
        AuthenticationRequest request = new AuthenticationRequest.Builder(
                        ResponseType.CODE, new Scope("openid", "profile", "email", "offline_access"), id, redirect)
                .endpointURI(server.getAuthorizationEndpointURI())
                .state(state)
                .nonce(nonce)
                .build();
        AuthorizationCode code = person(request.toURI(), state);
        OIDCTokens tokens = tokens(tokenRequest(new AuthorizationCodeGrant(code, redirect), authentication).send());
        IDTokenClaimsSet claims = verified(tokens, JWSAlgorithm.RS256, nonce);
        UserInfo info = info(infoRequest(tokens.getAccessToken()).send());
        JWTClaimsSet accepted = accepted(tokens.getAccessToken().getValue());
        boolean other = false;
        try {
            accepted(tokens.getIDTokenString());
        } catch (BadJOSEException refused) {
            other = true;
        }
        RefreshTokenGrant refresh = new RefreshTokenGrant(tokens.getRefreshToken());
        OIDCTokens refreshed = tokens(tokenRequest(refresh, authentication).send());
        HTTPResponse revoked = new TokenRevocationRequest(
                server.getRevocationEndpointURI(), authentication, refreshed.getAccessToken())
                .toHTTPRequest()
                .send();
        int afterwards = infoRequest(refreshed.getAccessToken()).send().getStatusCode();

        URI signedOut = URI.create((String) settings.get("post_logout_redirect_uri"));
        State away = new State();
        LogoutRequest logout =
                new LogoutRequest(server.getEndSessionEndpointURI(), tokens.getIDToken(), signedOut, away);
        String back = (String) ask("open", Map.of("url", logout.toURI().toString())).get("url");
        return Map.of(
                "sub", claims.getSubject().getValue(),
                "same_person", info.getSubject().equals(claims.getSubject()),
                "email", info.getEmailAddress(),
                "accepted", accepted.getSubject(),
                "id_token_refused", other,
                "revoked", revoked.getStatusCode(),
                "afterwards", afterwards,
                "signed_out", back.equals(signedOut + "?state=" + away.getValue()));
    }

    /** Sends the person to the server; the code of the checked answer. */
    private AuthorizationCode person(URI url, State state) throws Exception {
        URI back = URI.create((String) ask("open", Map.of("url", url.toString())).get("url"));
        AuthorizationResponse response = AuthorizationResponse.parse(back);
        require(response.indicatesSuccess(), "an error came back: " + back);
        require(state.equals(response.getState()), "another state came back: " + back);
        // RFC 9207
        require(server.supportsAuthorizationResponseIssuerParam(), "no iss is promised");
        require(server.getIssuer().equals(response.getIssuer()), "another issuer answers: " + back);
        return response.toSuccessResponse().getAuthorizationCode();
    }

    private HTTPRequest tokenRequest(AuthorizationGrant grant, ClientAuthentication authentication) {
        return new TokenRequest.Builder(server.getTokenEndpointURI(), authentication, grant).build().toHTTPRequest();
    }

    private OIDCTokens tokens(HTTPResponse response) throws Exception {
        require(response.indicatesSuccess(), response.getBody());
        return ((OIDCTokenResponse) OIDCTokenResponseParser.parse(response)).getOIDCTokens();
    }

    /** The claims of an ID token which the published keys verify, for us, our nonce and its access token. */
    private IDTokenClaimsSet verified(OIDCTokens tokens, JWSAlgorithm algorithm, Nonce nonce) throws Exception {
        JWT token = tokens.getIDToken();
        IDTokenClaimsSet claims = new IDTokenValidator(
                server.getIssuer(), id, algorithm, server.getJWKSetURI().toURL()).validate(token, nonce);
        AccessTokenValidator.validate(tokens.getAccessToken(), algorithm, claims.getAccessTokenHash());
        return claims;
    }

    /** What an API does with an access token (RFC 9068 section 4); Spring's resource server is made of these parts. */
    private JWTClaimsSet accepted(String token) throws Exception {
        DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
        processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(
                Set.of(JWSAlgorithm.ES256, JWSAlgorithm.RS256),
                JWKSourceBuilder.create(server.getJWKSetURI().toURL()).build()));
        String issuer = server.getIssuer().getValue();
        processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
                issuer,
                new JWTClaimsSet.Builder().issuer(issuer).claim("client_id", id.getValue()).build(),
                Set.of("sub", "exp", "iat", "jti")));
        return processor.process(token, null);
    }

    private HTTPRequest infoRequest(AccessToken token) {
        return new UserInfoRequest(server.getUserInfoEndpointURI(), token).toHTTPRequest();
    }

    private static UserInfo info(HTTPResponse response) throws Exception {
        return UserInfoResponse.parse(response).toSuccessResponse().getUserInfo();
    }

    private static String refusal(HTTPResponse response) throws Exception {
        return TokenErrorResponse.parse(response).getErrorObject().getCode();
    }

    /** Sends requests with proofs of a key, by a clock that is half a minute slow. */
    private static final class Prover {
        private final DPoPProofFactory proofs;
        private Nonce nonce;
        int asked;

        Prover() throws Exception {
            proofs = new DefaultDPoPProofFactory(new ECKeyGenerator(Curve.P_256).generate(), JWSAlgorithm.ES256);
        }

        /** Once more when only the nonce was missing. */
        HTTPResponse send(Supplier<HTTPRequest> request, AccessToken token) throws Exception {
            HTTPResponse response = once(request.get(), token);
            String challenge = response.getStatusCode() == 401 ? response.getWWWAuthenticate() : response.getBody();
            if (!response.indicatesSuccess() && challenge != null && challenge.contains("use_dpop_nonce")) {
                asked += 1;
                response = once(request.get(), token);
            }
            return response;
        }

        private HTTPResponse once(HTTPRequest request, AccessToken token) throws Exception {
            Date slow = new Date(System.currentTimeMillis() - 30_000);
            request.setDPoP(proofs.createDPoPJWT(
                    new JWTID(16), request.getMethod().name(), request.getURI(), slow, token, nonce));
            HTTPResponse response = request.send();
            if (response.getDPoPNonce() != null) {
                nonce = response.getDPoPNonce();
            }
            return response;
        }
    }

    private static void trust(Path certificate) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(certificate)) {
            store.setCertificateEntry("server", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        HTTPRequest.setDefaultSSLSocketFactory(TLSUtils.createSSLSocketFactory(store));
        HttpsURLConnection.setDefaultSSLSocketFactory(TLSUtils.createSSLSocketFactory(store));
    }

    private static Map<String, Object> ask(String what, Map<String, ?> more) throws Exception {
        Map<String, Object> line = new HashMap<>(more);
        line.put("ask", what);
        say(line);
        return JSONObjectUtils.parse(INPUT.readLine());
    }

    private static void say(Map<String, ?> line) {
        System.out.println(JSONObjectUtils.toJSONString(line));
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    private interface Attempt<T> {
        T make() throws Exception;
    }

    private static <T> T sure(Attempt<T> attempt) {
        try {
            return attempt.make();
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }
}
