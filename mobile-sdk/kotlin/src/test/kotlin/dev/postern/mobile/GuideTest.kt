package dev.postern.mobile

import dev.postern.mobile.harness.Server
import dev.postern.mobile.harness.jvm
import java.io.File
import java.nio.file.Files
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class GuideTest {
    private val program = File("src/test/kotlin/guide/Main.kt").readText()

    @Test
    fun `the guide shows the program that is tested, and it has at most 25 lines`() {
        val guide = File("../docs/guide-android.md").readText()
        assertTrue("```kotlin\n$program```" in guide)
        assertTrue(program.lines().count { it.isNotBlank() } <= 25)
    }

    @Test
    fun `the program of the guide signs in, calls an API and refreshes, and does not ask twice`() {
        val folder = Files.createTempDirectory("postern-guide").toFile()
        try {
            Server().use { server ->
                val first = jvm("MainKt", server.issuer, folder.path)
                val said = first.inputStream.bufferedReader()
                val url = generateSequence(said::readLine).first { it.startsWith("Open ") }.removePrefix("Open ")
                first.outputStream.bufferedWriter().use { it.write(server.browser().allow(url) + "\n") }
                val rest = said.readText()
                assertEquals(0, first.waitFor(), rest)
                assertTrue("The API says 200: {" in rest, rest)
                assertTrue("A new token: AccessToken([secret], DPoP," in rest, rest)

                val second = jvm("MainKt", server.issuer, folder.path)
                val again = second.inputStream.bufferedReader().readText()
                assertEquals(0, second.waitFor(), again)
                assertTrue("The API says 200: {" in again && "Open " !in again, again)
            }
        } finally {
            folder.deleteRecursively()
        }
    }
}
