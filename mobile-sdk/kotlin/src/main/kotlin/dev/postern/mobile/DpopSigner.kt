package dev.postern.mobile

/** Keys that never leave where they live. */
public interface DpopSigner {
    /** Makes a P-256 key, or finds the one of this name. */
    public suspend fun ensureKey(id: String, policy: KeyPolicy): KeyInfo

    /** Signs with ES256, in DER or raw. Without a key of this name: [HookError.NOT_FOUND]. */
    public suspend fun sign(id: String, message: ByteArray): ByteArray

    /** Deletes a key, also one that is not there. */
    public suspend fun deleteKey(id: String)
}

/** Proves that this is the app on a real device: [PlayIntegrityAttestor]. */
public fun interface Attestor {
    /** Evidence about the DPoP key of thumbprint [jkt]. It is wiped after use: give new arrays. */
    public suspend fun attest(challenge: ByteArray, jkt: String): Evidence
}
