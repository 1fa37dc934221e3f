package dev.postern.mobile

import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class DocumentationTest {
    private val public = Regex("\\s*public (?!companion).*|    val \\w+: .*,")
    private val annotation = Regex("\\s*@.*")

    private fun undocumented(file: File): List<String> {
        val lines = file.readLines()
        return lines.indices.filter { public.matches(lines[it]) }
            .filterNot { at -> lines.take(at).last { !annotation.matches(it) }.trimEnd().endsWith("*/") }
            .map { "${file.name}:${it + 1}" }
    }

    @Test
    fun `all that an app can call says what it is`() {
        val files = listOf("src/main/kotlin", "../android/src/main/kotlin")
            .flatMap { File(it).walk() }
            .filter { it.extension == "kt" }
        assertTrue(files.any { it.name == "MobileAuth.kt" } && files.any { it.name == "AndroidAuth.kt" })
        assertEquals(emptyList<String>(), files.flatMap(::undocumented))
    }
}
