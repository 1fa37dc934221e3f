package dev.postern.mobile.android

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipFile
import java.util.zip.ZipInputStream
import javax.xml.parsers.DocumentBuilderFactory
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.w3c.dom.Document
import org.w3c.dom.Element

/** What an app's build finds in the AAR. */
class AarTest {
    private val aar = ZipFile(System.getProperty("postern.aar"))
    private val names = aar.entries().asSequence().map { it.name }.filterNot { it.endsWith("/") }.toSortedSet()

    @AfterEach
    fun close() = aar.close()

    private fun bytes(name: String) = aar.getInputStream(aar.getEntry(name)).use { it.readBytes() }

    private fun xml(bytes: ByteArray): Document = DocumentBuilderFactory.newInstance()
        .apply { isNamespaceAware = true }.newDocumentBuilder().parse(bytes.inputStream())

    private fun Document.all(tag: String): List<Element> =
        getElementsByTagName(tag).let { found -> List(found.length) { found.item(it) as Element } }

    private fun Element.android(name: String) = getAttributeNS("http://schemas.android.com/apk/res/android", name)

    private fun classes(): Set<String> = ZipInputStream(bytes("classes.jar").inputStream()).use { jar ->
        generateSequence(jar::getNextEntry).map { it.name }.filter { it.endsWith(".class") }.toSet()
    }

    @Test
    fun `it has what a build looks for, and libraries for all devices or none`() {
        val libraries = names.filter { it.startsWith("jni/") }
        assertEquals(
            sortedSetOf(
                "AndroidManifest.xml", "META-INF/com/android/build/gradle/aar-metadata.properties", "R.txt", "classes.jar",
                "proguard.txt", "res/xml/postern_backup_rules.xml", "res/xml/postern_data_extraction_rules.xml",
            ),
            names - libraries.toSet(),
        )
        // None where android/build-native has found no NDK, which it says.
        if (libraries.isNotEmpty()) {
            val all = listOf("arm64-v8a", "armeabi-v7a", "x86", "x86_64").map { "jni/$it/libpostern_mobile.so" }
            assertEquals(all, libraries)
        }
        for (library in libraries) assertEquals(emptyList<Long>(), alignments(bytes(library)).filter { it % 16384 != 0L }, library)
    }

    /** Of the segments that are loaded (ELF, `PT_LOAD`). */
    private fun alignments(elf: ByteArray): List<Long> {
        val it = ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN)
        val wide = it.get(4).toInt() == 2
        val first = if (wide) it.getLong(32).toInt() else it.getInt(28)
        val (size, count) = if (wide) it.getShort(54) to it.getShort(56) else it.getShort(42) to it.getShort(44)
        return List(count.toInt()) { number -> first + number * size }.filter { at -> it.getInt(at) == 1 }
            .map { at -> if (wide) it.getLong(at + 48) else it.getInt(at + 28).toLong() }
    }

    @Test
    fun `the manifest names classes that are there, and only the way back is open to others`() {
        val manifest = xml(bytes("AndroidManifest.xml"))
        assertEquals("dev.postern.mobile.android", manifest.documentElement.getAttribute("package"))
        assertEquals(listOf("26"), manifest.all("uses-sdk").map { it.android("minSdkVersion") })
        assertEquals(listOf("android.permission.INTERNET"), manifest.all("uses-permission").map { it.android("name") })
        val activities = manifest.all("activity").associate { it.android("name") to it.android("exported") }
        val own = "dev.postern.mobile.android"
        assertEquals(mapOf("$own.BrowserActivity" to "false", "$own.RedirectActivity" to "true"), activities)
        assertTrue(classes().containsAll(activities.keys.map { it.replace('.', '/') + ".class" }))
        assertEquals(emptyList<String>(), classes().filterNot { it.startsWith("dev/postern/mobile/android/") })
    }

    @Test
    fun `resources have their ids, and shrinking keeps what JNA finds by its name`() {
        val listed = bytes("R.txt").decodeToString().trim().lines().map { it.split(' ') }.map { "res/${it[1]}/${it[2]}.xml" }
        assertEquals(names.filter { it.startsWith("res/") }, listed)
        val rules = bytes("proguard.txt").decodeToString()
        for (kept in listOf("com.sun.jna", "dev.postern.mobile.ffi")) assertTrue("-keep class $kept.** { *; }" in rules)
    }

    @Test
    fun `an app that depends on it gets the driver, and JNA as Android has it`() {
        val pom = xml(File("target/aar/pom.xml").readBytes())
        assertEquals("aar", pom.all("packaging").single().textContent)
        val wanted = pom.all("dependency").map { dependency ->
            listOf("artifactId", "version", "type").mapNotNull { dependency.getElementsByTagName(it).item(0)?.textContent }
        }
        assertEquals(listOf("postern-mobile", "jna", "kotlinx-coroutines-android"), wanted.map { it[0] })
        assertEquals("aar", wanted[1].last())
        assertTrue(wanted.all { it[1].first().isDigit() }, "$wanted")
    }
}
