package dev.postern.mobile

import dev.postern.mobile.harness.Server
import java.io.File
import java.nio.file.Files
import java.util.zip.ZipFile
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledIfSystemProperty

/** The jar of `../jvm`, which runs this and says where it is. */
@EnabledIfSystemProperty(named = "postern.packed", matches = ".+")
class PackedTest {
    private val jar = File(System.getProperty("postern.packed"))

    /** Of all that is there now, what a program that depends on the jar has got. */
    private fun dependencies(): List<String> = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
        .split(File.pathSeparator)
        .filter { path -> listOf("postern-mobile-0", "kotlin", "annotations-", "jna-").any(File(path).name::startsWith) }

    /** A JVM that knows of no folder with libraries. */
    private fun run(classPath: List<String>, vararg arguments: String): Process = ProcessBuilder(
        listOf(
            File(System.getProperty("java.home"), "bin/java").path, "-cp", classPath.joinToString(File.pathSeparator), "MainKt",
            *arguments,
        ),
    ).redirectErrorStream(true).start()

    @Test
    fun `the jar has the library, stripped, and nothing else`() {
        val names = ZipFile(jar).use { zip ->
            zip.entries().asSequence().map { it.name }.filterNot { it.endsWith("/") || it.startsWith("META-INF/") }.toList()
        }
        assertTrue("linux-x86-64/libpostern_mobile.so" in names || "linux-aarch64/libpostern_mobile.so" in names, "$names")
        assertEquals(emptyList<String>(), names.filterNot { it.endsWith("/libpostern_mobile.so") })
    }

    @Test
    fun `a program with nothing but the jar and what it depends on signs in, calls an API and refreshes`() {
        val folder = Files.createTempDirectory("postern-packed").toFile()
        try {
            val program = File(folder, "program").apply { mkdir() }
            val compiled = File(javaClass.protectionDomain.codeSource.location.toURI())
            compiled.listFiles { _, name -> name.startsWith("MainKt") }.orEmpty().forEach { it.copyTo(File(program, it.name)) }
            val store = File(folder, "store").path
            Server().use { server ->
                val alone = run(dependencies() + program.path, server.issuer, store)
                assertTrue("UnsatisfiedLinkError" in alone.inputStream.bufferedReader().readText())

                val packed = run(dependencies() + jar.path + program.path, server.issuer, store)
                val said = packed.inputStream.bufferedReader()
                val lines = generateSequence(said::readLine)
                val url = lines.first { it.startsWith("Open ") }.removePrefix("Open ")
                packed.outputStream.bufferedWriter().use { it.write(server.browser().allow(url) + "\n") }
                val rest = said.readText()
                assertEquals(0, packed.waitFor(), rest)
                assertTrue("The API says 200: {" in rest && "A new token: AccessToken([secret], DPoP," in rest, rest)
            }
        } finally {
            folder.deleteRecursively()
        }
    }
}
