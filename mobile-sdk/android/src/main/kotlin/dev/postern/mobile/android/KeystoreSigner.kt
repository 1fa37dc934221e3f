package dev.postern.mobile.android

import android.content.Context
import android.content.pm.PackageManager
import android.os.Build
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyInfo
import android.security.keystore.KeyProperties
import dev.postern.mobile.DpopSigner
import dev.postern.mobile.KeyLevel
import dev.postern.mobile.keystore.KeystoreDevice
import dev.postern.mobile.keystore.KeystoreKeys
import java.security.KeyFactory
import java.security.PrivateKey
import java.security.spec.ECGenParameterSpec

internal const val ANDROID_KEYSTORE = "AndroidKeyStore"

/** DPoP keys in StrongBox where that is fast enough, else in the trusted environment. */
public fun keystoreSigner(context: Context): DpopSigner = KeystoreKeys(AndroidKeystore(context))

private class AndroidKeystore(private val context: Context) : KeystoreDevice {
    override val provider get() = ANDROID_KEYSTORE

    override val hasStrongBox
        get() = Build.VERSION.SDK_INT >= Build.VERSION_CODES.P &&
            context.packageManager.hasSystemFeature(PackageManager.FEATURE_STRONGBOX_KEYSTORE)

    override fun signingKey(alias: String, strongBox: Boolean): KeyGenParameterSpec {
        val key = KeyGenParameterSpec.Builder(alias, KeyProperties.PURPOSE_SIGN)
            .setAlgorithmParameterSpec(ECGenParameterSpec("secp256r1"))
            .setDigests(KeyProperties.DIGEST_SHA256)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) key.setIsStrongBoxBacked(strongBox)
        return key.build()
    }

    override fun level(key: PrivateKey): KeyLevel {
        val info = KeyFactory.getInstance(key.algorithm, ANDROID_KEYSTORE).getKeySpec(key, KeyInfo::class.java)
        return if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) {
            when (info.securityLevel) {
                KeyProperties.SECURITY_LEVEL_STRONGBOX -> KeyLevel.STRONG_BOX
                KeyProperties.SECURITY_LEVEL_SOFTWARE -> KeyLevel.SOFTWARE
                else -> KeyLevel.TEE
            }
        } else {
            @Suppress("DEPRECATION")
            if (info.isInsideSecureHardware) KeyLevel.TEE else KeyLevel.SOFTWARE
        }
    }
}
