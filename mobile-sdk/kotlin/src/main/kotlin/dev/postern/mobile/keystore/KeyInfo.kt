package dev.postern.mobile.keystore

import dev.postern.mobile.KeyInfo
import dev.postern.mobile.KeyLevel
import java.math.BigInteger
import java.security.interfaces.ECPublicKey

internal fun keyInfo(key: ECPublicKey, level: KeyLevel): KeyInfo =
    KeyInfo(coordinate(key.w.affineX), coordinate(key.w.affineY), level)

/** 32 bytes, filled up from the left, without the sign that a number may have. */
private fun coordinate(number: BigInteger): ByteArray {
    val bytes = number.toByteArray()
    val digits = if (bytes.size > 32) bytes.copyOfRange(bytes.size - 32, bytes.size) else bytes
    return ByteArray(32 - digits.size) + digits
}
