package dev.postern.mobile

import java.security.MessageDigest
import java.util.Base64

/** What Play Integrity says about this app, for the server that makes a client attestation of it. */
public class PlayIntegrityEvidence internal constructor(
    /** Google's word, sealed: the app's own server has it opened. */
    public val token: String,
    /** What the word has to be about, there `requestDetails.requestHash`: SHA-256 of [challenge] and [jkt], in base64url. */
    public val requestHash: String,
    /** The authorization server's challenge, which is good for once. */
    public val challenge: String,
    /** The thumbprint of the key that tokens are bound to. */
    public val jkt: String,
) {
    override fun toString(): String = "PlayIntegrityEvidence($jkt)"
}

/**
 * Evidence by Play Integrity's standard requests. Google's classes are the app's: [token] asks them for a token with this
 * `requestHash`. Google's format is not what an authorization server reads (draft-ietf-oauth-attestation-based-client-auth), so
 * [exchange] hands it to the app's own server, which has it opened, compares the hash, and answers with the client attestation and
 * its proof.
 *
 * What another try may cure, such as a missing network, is to be thrown as an `IOException`.
 */
public class PlayIntegrityAttestor(
    private val token: suspend (requestHash: String) -> String,
    private val exchange: suspend (PlayIntegrityEvidence) -> Evidence,
) : Attestor {
    override suspend fun attest(challenge: ByteArray, jkt: String): Evidence {
        val digest = MessageDigest.getInstance("SHA-256").run {
            update(challenge)
            // Of 43 characters always: it is clear where the challenge ends.
            digest(jkt.encodeToByteArray())
        }
        val requestHash = Base64.getUrlEncoder().withoutPadding().encodeToString(digest)
        return exchange(PlayIntegrityEvidence(token(requestHash), requestHash, challenge.decodeToString(), jkt))
    }
}
