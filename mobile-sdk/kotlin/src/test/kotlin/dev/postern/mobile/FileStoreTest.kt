package dev.postern.mobile

import dev.postern.mobile.file.FileSigner
import dev.postern.mobile.file.FileStore
import java.io.File
import java.nio.file.Files
import java.nio.file.attribute.PosixFilePermissions
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class FileStoreTest {
    private val folder: File = Files.createTempDirectory("postern-store").toFile()
    private val store = FileStore(folder)

    @AfterEach
    fun leave() {
        folder.deleteRecursively()
    }

    private fun bytes(text: String) = text.encodeToByteArray()

    @Test
    fun `a record is written over what was read, or not at all`() = runBlocking {
        assertNull(store.get("account/a"))
        val first = checkNotNull(store.put("account/a", bytes("one"), 0))
        assertNull(store.put("account/a", bytes("two"), 0))
        assertNull(store.put("account/a", bytes("two"), first + 1))
        val second = checkNotNull(store.put("account/a", bytes("two"), first))
        assertNotEquals(first, second)
        assertEquals("two" to second, store.get("account/a")?.let { it.value.decodeToString() to it.version })
        assertFalse(store.delete("account/a", first))
        assertTrue(store.delete("account/a", second))
        assertTrue(store.delete("account/a", null))
        assertNull(store.get("account/a"))
    }

    @Test
    fun `of many who add at once, by two stores, none is lost`() = runBlocking {
        val stores = listOf(store, FileStore(folder))
        val writers = List(4) { number ->
            launch(Dispatchers.Default) {
                repeat(10) {
                    val mine = stores[number % 2]
                    do {
                        val there = mine.get("n")
                        val next = (there?.value?.decodeToString()?.toInt() ?: 0) + 1
                    } while (mine.put("n", bytes("$next"), there?.version ?: 0) == null)
                }
            }
        }
        writers.forEach { it.join() }
        assertEquals("40", store.get("n")?.value?.decodeToString())
    }

    @Test
    fun `names are kept apart, whatever is in them`() = runBlocking {
        val names = listOf("a/b", "a%2Fb", "a b", "a+b", "../up", "ä", "a/c")
        names.forEach { store.put(it, bytes(it), 0) }
        assertEquals(names.sorted(), store.keys("").sorted())
        assertEquals(listOf("a/b", "a/c"), store.keys("a/").sorted())
        names.forEach { assertEquals(it, store.get(it)?.value?.decodeToString()) }
        assertEquals(folder.canonicalFile, checkNotNull(folder.listFiles()).first().canonicalFile.parentFile)
    }

    @Test
    fun `what a writer that was killed has left is in nobody's way`() = runBlocking {
        File(folder, "new").writeText("torn")
        store.put("a", bytes("whole"), 0)
        assertEquals(listOf("a"), store.keys(""))
        assertEquals("whole", store.get("a")?.value?.decodeToString())
    }

    @Test
    fun `who is reading a record that is written anew reads the old one to its end`() = runBlocking {
        val first = checkNotNull(store.put("a", bytes("one"), 0))
        checkNotNull(folder.listFiles { _, name -> name.startsWith("record-") }).single().inputStream().use { reader ->
            store.put("a", bytes("two, and longer"), first)
            assertEquals("one", reader.readBytes().decodeToString())
        }
        assertEquals("two, and longer", store.get("a")?.value?.decodeToString())
    }

    @Test
    fun `nobody else reads it, nor in a folder that others may look into`() = runBlocking {
        fun permissions(file: File) = PosixFilePermissions.toString(Files.getPosixFilePermissions(file.toPath()))
        val inside = File(folder, "inside")
        FileStore(inside).put("a", bytes("b"), 0)
        assertEquals("rwx------", permissions(inside))
        Files.setPosixFilePermissions(inside.toPath(), PosixFilePermissions.fromString("rwxr-xr-x"))
        FileStore(inside).put("c", bytes("d"), 0)
        FileSigner(inside).ensureKey("k", KeyPolicy.PREFER_HARDWARE)
        checkNotNull(FileStore(inside).lease("l", 1.minutes, 1.seconds)).release()
        val files = checkNotNull(inside.listFiles()).associate { it.name to permissions(it) }
        assertEquals(5, files.size, "$files")
        assertEquals(setOf("rw-------"), files.values.toSet())
    }

    @Test
    fun `a lease is one's, and falls when its time is over`() = runBlocking {
        val held = checkNotNull(store.lease("l", 1.minutes, 1.seconds))
        assertNull(FileStore(folder).lease("l", 1.minutes, 20.milliseconds))
        held.release()
        held.release()
        assertNotNull(store.lease("l", 50.milliseconds, 1.seconds))
        assertNotNull(store.lease("l", 1.minutes, 30.seconds))
    }
}
