package dev.postern.mobile.keystore

import dev.postern.mobile.HookError
import dev.postern.mobile.HookException
import java.security.GeneralSecurityException
import java.security.ProviderException

/**
 * What a keystore's exception means. Android's own classes are known by their names, since this module has none of them.
 * What is not known is a fault of today: no key is given up because of it.
 */
internal fun reason(thrown: Throwable): HookError {
    val names = generateSequence(thrown) { it.cause }.take(8).map { it.javaClass.simpleName }.toSet()
    return when {
        "KeyPermanentlyInvalidatedException" in names -> HookError.KEY_LOST
        "UserNotAuthenticatedException" in names -> HookError.LOCKED
        "StrongBoxUnavailableException" in names -> HookError.UNAVAILABLE
        else -> HookError.IO
    }
}

internal inline fun <T> inKeystore(work: () -> T): T = try {
    work()
} catch (thrown: GeneralSecurityException) {
    throw HookException(reason(thrown), thrown)
} catch (thrown: ProviderException) {
    throw HookException(reason(thrown), thrown)
}
